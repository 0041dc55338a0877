#!/usr/bin/env python3
"""Who is written to and what: contacts, consent, suppression, ways to name recipients, own messages, previews, media.

    python3 tests/cli/audience_test.py --bin build/release/bin
"""

import argparse
import collections
import csv
import hashlib
import hmac
import http.client
import http.server
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import harness

BIN = None
IMAGE = b"\xff\xd8\xff\xe0 a small picture"
GREETING = {"type": "BODY", "text": "Hi {{first_name}}, our sale begins today. Come and look!",
            "example": {"body_text_named_params": [{"param_name": "first_name", "example": "Ana"}]}}
PHOTO = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://shop.example/a.jpg"]}}
CARD = [PHOTO, {"type": "BODY", "text": "A lamp"}, {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "More"}]}]


def template(name, *components, category="MARKETING", form="NAMED"):
    return {"id": str(sum(name.encode())), "name": name, "language": "en_US", "status": "APPROVED",
            "category": category, "parameter_format": form, "components": list(components)}


TEMPLATES = [template("sale", GREETING), template("news", GREETING, category="UTILITY"),
             template("poster", PHOTO, GREETING, category="UTILITY"),
             template("cards", {"type": "BODY", "text": "For you: new things, today only."},
                      {"type": "CAROUSEL", "cards": [{"components": CARD}, {"components": CARD}]}, form="POSITIONAL")]
TEXT = {"type": "text", "text": {"body": "Hello {{first_name}}, we are open."}}


class Tap:
    """Stands between the program and the sandbox, and keeps what was posted: the sandbox logs only hashes."""

    def __init__(self, origin):
        self.posted = posted = []
        there = origin.removeprefix("http://")

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.command == "POST":
                    posted.append((self.path, body))
                onward = http.client.HTTPConnection(there, timeout=harness.PATIENCE)
                onward.request(self.command, self.path, body, dict(self.headers))
                answer = onward.getresponse()
                text = answer.read()
                onward.close()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Audience(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-audience-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.sandbox = harness.Sandbox(BIN, self.folder / "sandbox", "--strict-window",
                                       templates=self.file("templates.json", TEMPLATES))
        self.addCleanup(self.sandbox.stop)
        self.program = harness.Program(BIN / "bulkmsg", self.folder / "store")
        self.sender = harness.sender_file(self.folder / "sender.json", self.sandbox.origin)
        for each in TEMPLATES:
            self.file(each["name"] + ".json", each)

    def file(self, name, content):
        path = self.folder / name
        if not isinstance(content, (str, bytes)):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def make_store(self):
        self.program.json("templates", "fetch", "--sender", self.sender)

    def run_fine(self, *arguments, **how):
        done = self.program.run(*arguments, **how)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def rows(self, *arguments):
        return [json.loads(line) for line in self.run_fine(*arguments, "--json").splitlines()]

    def send_line(self, what, *more):
        return ["send", "--sender", self.sender, *self.content(what), "--quiet", *more]

    def content(self, what):
        if what != "own":
            return ["--template", self.folder / f"{what}.json"]
        fallback = ["--map", "first_name=first_name|there"] if "{{" in (self.folder / "own.json").read_text() else []
        return ["--message", self.folder / "own.json", *fallback]

    def send(self, what, *more):
        return self.program.json(*self.send_line(what, *more))

    def refused(self, *arguments):
        """The one line of a refusal, after which nothing more has been sent."""
        before = len(self.sandbox.accepted())
        done = self.program.run(*arguments)
        message = done.stderr.decode()
        self.assertEqual((done.returncode, message.count("\n")), (1, 1), message)
        self.assertIn(";", message, "no advice")
        self.assertEqual(len(self.sandbox.accepted()), before)
        return message

    def reached(self, since=0):
        """Whom the sandbox accepted a message to, after its first `since` ones."""
        return sorted(entry["to"].lstrip("+") for entry in self.sandbox.accepted()[since:])

    def skipped(self, report):
        """How many rows were left out, by reason."""
        return collections.Counter(row["code"] for row in self.rows("rejected", report["campaign"]))

    # Who.

    def test_a_segment_without_those_who_may_not_be_written_to(self):
        contacts = self.file("contacts.csv", "phone_number,first_name,city,labels,test,sandbox\n"
                             "+4915100000001,Ana,Lisbon,vip,,\n+4915100000002,Bo,Lisbon,vip;new,yes,\n"
                             "+4915100000003,Cy,Lisbon,vip,,yes\n+4915100000004,Di,Lisbon,vip,,\n"
                             "+4915100000005,Ed,Porto,vip,,\n+4915100000006,Flo,Lisbon,,,\n"
                             "+4915100000008,Hal,Lisbon,VIP,,\n")
        imported = self.program.json("contacts", "import", contacts, "--consent", "shop counter")
        self.assertEqual((imported["added"], imported["rejected"]), (7, 0))
        self.program.json("contacts", "import", self.file("more.csv", "phone_number,first_name,city,labels\n"
                                                          "+4915100000007,Gil,Lisbon,vip\n"))
        self.run_fine("segments", "put", "there", self.file("there.json", {"all": [
            {"attribute": "city", "is": "Lisbon"}, {"label": "vip"}]}))
        self.assertEqual(self.program.json("segments", "count", "there")["contacts"], 6)
        self.assertEqual([s["name"] for s in self.rows("segments", "list")], ["there"])
        self.run_fine("suppress", "+49 151 00000004")
        report = self.send("sale", "--contacts", "there")
        self.assertEqual(self.reached(), ["4915100000001", "4915100000008"])
        self.assertEqual((report["sent"], report["skipped"]), (2, 4))
        self.assertEqual(self.skipped(report),
                         {"consent_missing": 1, "recipient_for_tests": 2, "recipient_suppressed": 1})
        # What is no marketing needs no consent; a withdrawn one counts for marketing only.
        self.run_fine("consent", "withdrawn", "+4915100000001", "--source", "by phone")
        self.send("news", "--contacts", "there")
        self.assertEqual(self.reached(2), ["4915100000001", "4915100000007", "4915100000008"])
        self.send("sale", "--contacts", "there")
        self.assertEqual(self.reached(5), ["4915100000008"])
        lacking = self.program.run("send", "--sender", self.sender, "--template", harness.TEMPLATE, "--contacts", "there")
        self.assertEqual(lacking.returncode, 1)
        self.assertIn("contacts are their attributes: city, first_name", lacking.stderr.decode())

    def test_marketing_to_a_file_needs_a_word_on_consent(self):
        people = self.file("people.csv", "phone_number,first_name\n+4915100000001,Ana\n+4915100000002,Bo\n")
        self.assertIn("consent", self.refused(*self.send_line("sale", "--csv", people)))
        self.assertEqual(self.program.campaigns(), [])
        self.run_fine("consent", "withdrawn", "+4915100000002", "--source", "told us")
        report = self.send("sale", "--csv", people, "--consent", "fair 2026")
        self.assertEqual(self.reached(), ["4915100000001"])
        self.assertEqual(self.skipped(report), {"consent_missing": 1})
        log = self.rows("consent-log")
        self.assertIn(("+4915100000002", "consent", "told us"), [(r["address"], r["what"], r["source"]) for r in log])
        self.assertTrue(any("fair 2026" in r["source"] + r["note"] for r in log), log)

    def test_a_suppressed_person_is_the_same_however_written(self):
        pairs = [("+55 11 98765-4321", "+551187654321"), ("+551187651234", "+5511987651234"),
                 ("+521 55 1234 5678", "+525512345678"), ("+525512345670", "+5215512345670")]
        bad = self.file("bad.txt", "+4915100000009\n12\n")
        self.assertIn("'12'", self.refused("suppress", "--file", bad))
        self.assertEqual(self.rows("suppressions"), [])
        self.run_fine("suppress", "--file", self.file("list.txt", "\r\n".join(w for w, _ in pairs) + "\r\n"))
        people = "phone_number,first_name\n" + "".join(f"{to},Ana\n" for _, to in pairs) + "+5511987650000,Bo\n"
        report = self.send("news", "--csv", self.file("people.csv", people))
        self.assertEqual(len(self.reached()), 1)
        self.assertEqual(self.skipped(report), {"recipient_suppressed": len(pairs)})
        self.run_fine("unsuppress", pairs[0][1], "--note", "asked again")
        self.send("news", "--csv", self.file("people.csv", f"phone_number,first_name\n{pairs[0][0]},Ana\n"))
        self.assertEqual(len(self.reached()), 2)

    def test_a_suppression_holds_while_the_campaign_runs(self):
        count, late = 300, range(200, 300, 2)
        spelled = lambda n: f"+55 11 8{n:07d}"  # without the ninth digit, which the file has
        people = "phone_number,first_name\n" + "".join(f"+55119{80000000 + n},Ana\n" for n in range(count))
        self.sandbox.crawl()
        running = self.program.start(*self.send_line("news", "--csv", self.file("people.csv", people), "--json",
                                                     "--limits", "60/s; in-flight=4"))
        self.addCleanup(running.end)
        harness.wait_until(lambda: self.sandbox.accepted() or running.poll() is not None, "the campaign to send")
        self.run_fine("suppress", *map(spelled, late))
        # Not yet claimed when it was durable: the claims open about 100 ms (6 messages), and one range may be in hand.
        self.assertLess(len(self.sandbox.accepted()), late[0] - 60)
        self.sandbox.hurry()
        out, _ = running.finish()
        barred = {f"55119{80000000 + n}" for n in late}
        got = self.reached()
        self.assertEqual(barred & set(got), set())
        self.assertEqual(len(got), count - len(late))
        report = json.loads(out)
        self.assertEqual((report["state"], report["sent"], report["skipped"]), ("completed", count - len(late), len(late)))
        self.assertEqual([(r["name"], r["count"]) for r in report["skipped_by_reason"]],
                         [("recipient_suppressed", len(late))])

    def test_ways_to_name_recipients(self):
        people = "phone_number,first_name\n0151 00000001,Änne\n"
        objects = [{"phone_number": f"+491510000000{n}", "first_name": "Ana"} for n in (1, 2)]
        arabic = "phone_number,first_name\n+٤٩١٥١٠٠٠٠٠٠٠١,سلمى\n"
        ways = [
            ("JSON lines", ["--json-rows", self.file("a.ndjson", "".join(json.dumps(o) + "\n" for o in objects))], 2),
            ("JSON array", ["--json-rows", self.file("a.json", objects)], 2),
            ("UTF-16 LE", ["--region", "DE", "--csv", self.file("le.csv", people.encode("utf-16"))], 1),
            ("UTF-16 BE", ["--region", "DE", "--csv", self.file("be.csv", b"\xfe\xff" + people.encode("utf-16-be"))], 1),
            ("national", ["--region", "DE", "--csv", self.file("de.csv", people)], 1),
            ("Arabic-Indic digits", ["--csv", self.file("ar.csv", arabic)], 1),
        ]
        for name, way, count in ways:
            with self.subTest(name):
                before = len(self.sandbox.accepted())
                self.send("news", *way)
                self.assertEqual(self.reached(before), [f"491510000000{n + 1}" for n in range(count)])
        self.assertIn("region", self.refused(*self.send_line("news", "--csv", self.folder / "de.csv")))

    def test_a_list_of_addresses(self):
        self.file("own.json", {"type": "text", "text": {"body": "We are open."}})
        self.make_store()
        self.sandbox.control("inbound", b'{"from":"+4915100000001","text":"Hi"}')
        self.take_replies(("+4915100000001", "Hi"))
        self.send("own", "--list", "+4915100000001, group:Y2FwaV9ncm91cDox,+49 151 00000001")
        self.assertEqual(self.reached(), ["4915100000001", "Y2FwaV9ncm91cDox"])

    # The files people work with.

    def test_rejected_rows_are_corrected_and_sent(self):
        self.send("news", "--csv", self.file("people.csv", "phone_number,first_name,note\n+4915100000001,Ana,\n"
                                             "oops,Bo,\"a, b\"\n+4915100000003,,c\n"))
        whole = self.run_fine("rejected", "1", "--csv")
        self.assertEqual([r["note"] for r in csv.DictReader(io.StringIO(whole))], ["a, b", "c"])
        fixed = whole.replace("oops", "+4915100000002").replace("+4915100000003,,", "+4915100000003,Cy,")
        self.assertNotEqual(fixed, whole)
        report = self.send("news", "--csv", self.file("fixed.csv", fixed))
        self.assertEqual((self.reached(1), report["skipped"]), (["4915100000002", "4915100000003"], 0))

    def test_a_template_csv_is_filled_in_and_sent(self):
        for name in ("news", "poster"):
            made = self.program_alone("template-csv", "--template", self.folder / f"{name}.json")
            header, example = list(csv.reader(io.StringIO(made)))
            row = dict(zip(header, example), phone_number="+4915100000001")
            filled = io.StringIO()
            table = csv.DictWriter(filled, header)
            table.writeheader()
            table.writerow(row)
            before = len(self.sandbox.accepted())
            self.send(name, "--csv", self.file("filled.csv", filled.getvalue()))
            self.assertEqual([e["template"] for e in self.sandbox.accepted()[before:]], [name])

    # What.

    def take_replies(self, *replies):
        """Webhooks of people who wrote in, as the provider signs them; merged when this returns."""
        for n, (person, text) in enumerate(replies):
            digits = person.lstrip("+")
            value = {"messaging_product": "whatsapp",
                     "metadata": {"phone_number_id": harness.PHONE_NUMBER_ID, "display_phone_number": "15550783881"},
                     "contacts": [{"profile": {"name": "Ana"}, "wa_id": digits}],
                     "messages": [{"from": digits, "id": f"wamid.{digits}.{n}", "timestamp": str(int(time.time())),
                                   "type": "text", "text": {"body": text}}]}
            body = json.dumps({"object": "whatsapp_business_account", "entry": [
                {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}]}).encode()
            sign = "sha256=" + hmac.new(harness.APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
            self.run_fine("ingest", "--signature", sign, stdin=body)

    def test_own_messages_go_to_groups_and_to_who_wrote_in(self):
        self.file("own.json", TEXT)
        people = self.file("people.csv", "address,first_name\ngroup:Y2FwaV9ncm91cDox,all\n+4915100000001,Ana\n"
                           "+4915100000002,\n")
        report = self.send("own", "--csv", people)
        self.assertEqual((self.reached(), report["skipped"]), (["Y2FwaV9ncm91cDox"], 2))
        self.assertEqual(self.skipped(report), {"window_closed": 2})
        self.sandbox.control("inbound", b'{"from":"+4915100000002","text":"Are you open?"}')
        self.take_replies(("+4915100000002", "Are you open?"))
        report = self.send("own", "--csv", people)
        self.assertEqual((self.reached(1), report["skipped"]), (["4915100000002", "Y2FwaV9ncm91cDox"], 1))
        self.assertEqual(self.sandbox.stats()["refused"], {})

    def test_own_messages_are_saved_and_used_again(self):
        people = self.file("people.csv", "address,first_name\ngroup:Y2FwaV9ncm91cDox,all\n")
        self.file("first.json", {"type": "text", "text": {"body": "Hello {{first_name}}, we were open."}})
        self.run_fine("own", "save", "opening", str(self.folder / "first.json"))
        self.run_fine("own", "save", "opening", str(self.file("own.json", TEXT)))
        self.assertEqual([m["name"] for m in self.program.json("own", "list")], ["opening"])
        self.assertEqual(json.loads(self.run_fine("own", "show", "opening")), TEXT)
        self.program.json("send", "--sender", self.sender, "--message", "own:opening", "--csv", people, "--quiet")
        self.assertEqual(self.reached(), ["Y2FwaV9ncm91cDox"])
        self.assertIn("own list", self.refused("send", "--sender", self.sender, "--message", "own:closing", "--csv",
                                               people))

    def test_content_rules_warn_or_block(self):
        people = self.file("people.csv", "phone_number,first_name\n+4915100000001,Ana\n")
        line = self.send_line("news", "--csv", people, "--rules")
        self.assertIn("sale", self.refused(*line, self.file("block.txt", "block sale\n")))
        done = self.program.run(*line, self.file("warn.txt", "warn sale\nblock lottery\n"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("warning", done.stderr.decode())
        self.assertEqual(self.reached(), ["4915100000001"])

    def test_previews(self):
        self.file("own.json", TEXT)
        cases = [
            ("poster", "phone_number,header_media,first_name\n+4915100000001,4711,Ana\n", ["Hi Ana, our sale", "4711"]),
            ("cards", "phone_number,card0_header_media,card1_header_media\n+4915100000001,4711,4712\n",
             ["For you: new things", "A lamp", "4711", "4712", "More"]),
            ("own", "phone_number,first_name\n+4915100000001,Ana\n", ["Hello Ana, we are open."]),
            ("own", "phone_number,first_name\n+4915100000001,\n", ["Hello there, we are open."]),
        ]
        for name, people, shown in cases:
            line = ("preview", *self.content(name), "--csv", self.file("people.csv", people))
            text, as_json = self.program_alone(*line), self.program_alone(*line, "--json")
            self.assertIsInstance(json.loads(as_json), dict)
            for each in shown:
                with self.subTest(name, shown=each):
                    self.assertIn(each, text)
                    self.assertIn(each, as_json)

    def test_a_file_in_the_header_is_uploaded_once(self):
        tap = Tap(self.sandbox.origin)
        self.addCleanup(tap.stop)
        self.sender = harness.sender_file(self.folder / "sender.json", tap.origin)
        photo = self.file("photo.jpg", IMAGE)
        people = self.file("people.csv", "phone_number,header_media,first_name\n" + "".join(
            f"+491510000000{n},file:{photo},Ana\n" for n in range(5)))
        for round_ in (1, 2):
            self.send("poster", "--csv", people)
            self.assertEqual(len(self.reached()), 5 * round_)
        uploads = [body for path, body in tap.posted if path.endswith("/media")]
        self.assertEqual(len(uploads), 1)
        self.assertIn(IMAGE, uploads[0])
        [kept] = self.program.json("media", "list")
        sent = [json.loads(body) for path, body in tap.posted if path.endswith("/messages")]
        headers = [c["parameters"] for m in sent for c in m["template"]["components"] if c["type"] == "header"]
        self.assertEqual(headers, [[{"type": "image", "image": {"id": kept["id"]}}]] * 10)

    def program_alone(self, *arguments):
        done = subprocess.run([BIN / "bulkmsg", *arguments], capture_output=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bin", type=pathlib.Path, default=harness.ROOT / "build" / "release" / "bin")
    given, rest = arguments.parse_known_args()
    BIN = given.bin.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
