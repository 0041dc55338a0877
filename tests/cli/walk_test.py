#!/usr/bin/env python3
"""A person's way through the program: dry run, send, look, pause from elsewhere, resume, receive, audit.

    walk_test.py --bin build/release/bin [unittest's own arguments]
"""

import argparse
import csv
import hashlib
import hmac
import io
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness

BIN = None
LINGER = 4 * harness.PATIENCE  # it ends when nothing has come for a quarter of that, or all has


class Walk(unittest.TestCase):
    sandbox_options = ["--latency", "5..20", "--webhook-delay", "1..20", "--read-ratio", "1"]

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-walk-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.sandbox = harness.Sandbox(BIN, self.folder, *self.sandbox_options)
        self.addCleanup(self.sandbox.stop)
        self.program = harness.Program(BIN / "bulkmsg", self.folder / "store.bulkmsg")
        self.sender = harness.sender_file(self.folder / "sender.json", self.sandbox.origin)
        self.csv = self.folder / "contacts.csv"

    def send_line(self, count, *more):
        if count is not None:
            harness.contacts_file(self.csv, count)
        return ["send", "--sender", self.sender, "--template", harness.TEMPLATE, "--csv", self.csv, *more]

    def start(self, *arguments):
        process = self.program.start(*arguments)
        self.addCleanup(process.end)
        return process

    def start_sending(self, count):
        """Begins to send, at a crawl until it is told to hurry; the process, with some messages sent."""
        self.sandbox.crawl()
        process = self.start(*self.send_line(count, "--limits", "200/s; in-flight=4"))
        harness.wait_until(lambda: self.sent() > 0 or process.poll() is not None, "the campaign to send")
        if process.poll() is not None:
            self.fail(process.communicate()[1].decode())
        return process

    def sent(self):
        campaigns = self.program.campaigns() if self.program.store.exists() else []
        return campaigns[-1]["sent"] if campaigns else 0

    def fine(self, done, code=0):
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode()

    def expect_each_once(self, count):
        accepted = [entry["to"] for entry in self.sandbox.accepted()]
        self.assertEqual(sorted(accepted), sorted(harness.address(n) for n in range(count)))

    def test_the_estimate_of_a_rate_table_is_what_is_charged(self):
        rates = self.folder / "rates.json"
        rates.write_text(json.dumps({"rates": {"49": {"utility": 55_000}, "491510000001": {"utility": 1}},
                                     "credits": {"utility": 3}}))
        self.fine(self.program.run("credits", "plan", "shop"))
        line = self.send_line(20, "--account", "shop", "--rates", rates)
        plan = json.loads(self.fine(self.program.run(*line, "--dry-run", "--json")))
        self.assertEqual((plan["credits"], plan["estimate"]["credits"]), (60, 60))
        self.assertEqual(plan["estimate"]["micros"], 10 * 55_000 + 10, "ten numbers begin with +491510000001")
        report = json.loads(self.fine(self.program.run(*line, "--json")))
        self.assertEqual((report["sent"], report["credits_spent"]), (20, 60))
        self.assertEqual(self.program.json("credits", "audit", "shop")["spent"], 60)
        self.assertEqual(self.program.json("credits", "estimate", report["campaign"], "--rates", rates), plan["estimate"])
        rates.write_text('{"rates": {"49": {"utility": 0.5}}}')
        refused = self.program.run(*line)
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"rates.49.utility: must be an integer", refused.stderr)

    # A campaign from its dry run to its audit.

    def test_dry_run_then_send_then_look(self):
        self.fine(self.program.run("credits", "plan", "shop", "--users", "1", "--per-user", "500"))
        plan = json.loads(self.fine(self.program.run(*self.send_line(200, "--account", "shop", "--dry-run", "--json"))))
        self.assertEqual((plan["messages"], plan["credits"], plan["credits_available"]), (200, 200, 500))
        self.assertRegex(plan["plan_hash"], r"\A[0-9a-f]{64}\Z")
        self.assertIn("two mugs", plan["preview"])
        self.assertEqual(self.program.campaigns(), [])
        self.assertEqual(self.sandbox.accepted(), [])

        report = json.loads(self.fine(self.program.run(
            *self.send_line(200, "--account", "shop", "--json", "--name", "spring", "--linger", LINGER,
                            "--listen", f"127.0.0.1:{self.sandbox.webhook_port}"))))
        self.assertEqual(report["plan_hash"], plan["plan_hash"], "what was planned is what is sent")
        self.assertEqual((report["state"], report["name"]), ("completed", "spring"))
        self.assertEqual((report["sent"], report["delivered"], report["read"]), (200, 200, 200))
        self.assertEqual((report["credits_spent"], report["credits_available"]), (200, 300))
        self.expect_each_once(200)

        campaign = report["campaign"]
        status = self.program.json("status", campaign)
        self.assertEqual({k: report[k] for k in status}, status)
        self.assertEqual([c["campaign"] for c in self.program.json("list")], [campaign])
        audit = self.program.json("credits", "audit", "shop")
        self.assertEqual((audit["spent"], audit["available"], audit["reserved"]), (200, 300, 0))
        self.assertTrue(audit["conserved"])

        table = list(csv.DictReader(io.StringIO(self.fine(self.program.run("messages", campaign, "--csv")))))
        self.assertEqual(sorted(row["address"] for row in table), sorted(harness.address(n) for n in range(200)))
        self.assertEqual({(row["state"], row["receipt"]) for row in table}, {("sent", "read")})
        wamids = {entry["to"]: entry["wamid"] for entry in self.sandbox.accepted()}
        self.assertEqual({row["address"]: row["provider_id"] for row in table}, wamids)
        self.assertEqual(self.fine(self.program.run("messages", campaign, "--state", "failed")), "")
        for looking in (["status"], ["list"], ["credits", "show", "shop"], ["credits", "audit", "shop"]):
            self.assertIn("200", self.fine(self.program.run(*looking)))

    def test_bad_rows_are_reported_and_good_ones_go(self):
        line = self.send_line(10)
        with open(self.csv, "a", encoding="utf-8") as out:
            out.write("nobody,A,B,C,D\n+4915100000003,A,B,C,D\n+4915199999999,A,,C,D\n")
        report = json.loads(self.fine(self.program.run(*line, "--json")))
        self.assertEqual((report["total"], report["sent"], report["skipped"]), (13, 10, 3))
        self.assertEqual(sum(r["count"] for r in report["skipped_by_reason"]), 3)
        rows = [json.loads(x) for x in self.fine(self.program.run("rejected", "1", "--json")).splitlines()]
        self.assertEqual([(r["line"], r["column"], r["code"]) for r in rows],
                         [(12, 1, "phone_has_letters"), (13, 1, "duplicate_recipient"), (14, 3, "parameter_missing")])
        self.assertIn("line 12", self.fine(self.program.run("rejected", "1")))

        # Corrected and sent again: only those go that are right now.
        text = self.fine(self.program.run("rejected", "1", "--csv"))
        table = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([r["bulkmsg_line"] for r in table], ["12", "13", "14"])
        self.assertEqual(table[2]["phone_number"], "+4915199999999")
        self.assertIn("digits", table[0]["bulkmsg_reason"])
        self.csv.write_text(text.replace("nobody", "+4915188888888").replace("+4915199999999,A,,", "+4915199999999,A,B,"))
        again = json.loads(self.fine(self.program.run(*line, "--json")))
        self.assertEqual((again["total"], again["sent"], again["skipped"]), (3, 3, 0))

    def test_recipients_as_json_rows_and_with_another_delimiter(self):
        line = self.send_line(3)
        rows = list(csv.DictReader(io.StringIO(self.csv.read_text())))
        as_json = self.csv.with_suffix(".json")
        as_json.write_text(json.dumps(rows))
        line[line.index("--csv"):line.index("--csv") + 2] = ["--json-rows", as_json]
        self.fine(self.program.run(*line))
        self.expect_each_once(3)
        self.csv.write_text(self.csv.read_text().replace(",", "|"))
        plan = json.loads(self.fine(self.program.run(*self.send_line(None, "--dry-run", "--json", "--delimiter", "|"))))
        self.assertEqual(plan["messages"], 3)

    def test_csv_to_fill_in_can_be_sent(self):
        text = self.fine(self.program_alone("template-csv", "--template", harness.TEMPLATE))
        self.assertEqual(text.splitlines()[0], ",".join(harness.COLUMNS))
        self.assertEqual(text.splitlines()[1], "+15550001111,A-10233,Ana,two mugs and a teapot,A-10233")
        self.csv.write_text(text.replace("+15550001111", "+4915112345678"))
        plan = json.loads(self.fine(self.program.run(*self.send_line(None, "--dry-run", "--json"))))
        self.assertEqual((plan["messages"], plan["rejected"]), (1, 0))

    def test_another_column_fills_a_slot(self):
        self.csv.write_text("phone_number,order,first name,what,code\n+4915100000000,A-1,Ana,a book,a-1\n")
        done = self.program.run("send", "--sender", self.sender, "--template", harness.TEMPLATE, "--csv", self.csv,
                                "--dry-run", "--json", "--map", "header.1=order", "--map", "body.1=first name",
                                "--map", "body.2=what", "--map", "button.0=code")
        plan = json.loads(self.fine(done))
        self.assertIn("Hi Ana, we have just sent you a book", plan["preview"])

    def test_recipients_from_standard_input(self):
        line = self.send_line(20)
        line[line.index("--csv") + 1] = "-"
        self.fine(self.program.run(*line, stdin=self.csv.read_bytes()))
        self.expect_each_once(20)

    # Other processes beside the one that sends.

    def test_status_and_pause_from_another_process_then_resume(self):
        runner = self.start_sending(400)
        status = self.program.json("status")
        self.assertEqual(status["state"], "sending")
        self.assertIn("sending", self.fine(self.program.run("status")))

        self.assertIn("paused", self.fine(self.program.run("pause", "1", "--reason", "lunch")))
        accepted = len(self.sandbox.accepted())
        out, err = runner.finish(4)
        self.assertIn(b"bulkmsg resume 1", err)
        self.assertIn(b"paused", out)
        time.sleep(0.3)
        self.assertLessEqual(len(self.sandbox.accepted()), accepted + 4, "only what was on the wire may still arrive")
        paused = self.program.json("status")
        self.assertEqual((paused["state"], paused["reason"], paused["unconfirmed"]), ("paused", "lunch", 0))
        self.assertEqual(paused["sent"], len(self.sandbox.accepted()))

        self.sandbox.hurry()
        resumed = self.program.run("resume")
        self.fine(resumed)
        self.assertNotIn("recovered", resumed.stderr.decode())
        self.assertEqual(self.program.json("status")["state"], "completed")
        self.expect_each_once(400)
        again = self.program.run("resume")
        self.fine(again)
        self.assertIn(b"nothing to resume", again.stderr)

    def test_stop_from_another_process(self):
        runner = self.start_sending(400)
        self.fine(self.program.run("stop", "1", "--reason", "wrong list"))
        runner.finish(4)
        status = self.program.json("status")
        self.assertEqual((status["state"], status["reason"]), ("stopped", "wrong list"))
        self.assertEqual(status["sent"] + status["queued"], 400)
        self.assertEqual(status["sent"], len(self.sandbox.accepted()))
        self.assertEqual(self.program.run("resume", "1").returncode, 4)
        self.assertEqual(len(self.sandbox.accepted()), status["sent"], "what was stopped is never sent")

    def test_pause_and_stop_without_a_runner(self):
        runner = self.start_sending(400)
        runner.end()
        self.fine(self.program.run("pause", "1"))
        self.assertEqual(self.program.json("status")["state"], "paused")
        self.fine(self.program.run("stop", "1"))
        self.assertEqual(self.program.json("status")["state"], "stopped")

    def test_ctrl_c_pauses_and_says_how_to_go_on(self):
        runner = self.start_sending(400)
        runner.send_signal(signal.SIGINT)
        _, err = runner.finish(4)
        advice = re.search(r"bulkmsg (resume 1) --store (\S+)", err.decode())
        self.assertEqual(advice[2], str(self.program.store))
        status = self.program.json("status")
        self.assertEqual((status["state"], status["unconfirmed"]), ("paused", 0))
        self.assertEqual(status["sent"], len(self.sandbox.accepted()))
        self.sandbox.hurry()
        self.fine(self.program.run("resume", "1"))
        self.expect_each_once(400)

    # Webhooks.

    def test_receiving_in_another_process_while_sending(self):
        self.fine(self.program.run("credits", "plan", "shop"))  # makes the store
        receiver = self.start("receive", "--listen", f"127.0.0.1:{self.sandbox.webhook_port}")
        sender = self.start_sending(200)
        self.sandbox.hurry()
        sender.finish()
        harness.wait_until(lambda: self.program.json("status")["read"] == 200, "receipts in another process")
        status = self.program.json("status")
        self.assertEqual((status["sent"], status["read"]), (200, 200))
        receiver.send_signal(signal.SIGTERM)
        receiver.finish()

    def test_receiving_after_the_sending_is_over(self):
        self.fine(self.program.run(*self.send_line(100)))
        self.assertEqual(self.program.json("status")["delivered"], 0)
        self.start("receive", "--listen", f"127.0.0.1:{self.sandbox.webhook_port}")
        harness.wait_until(lambda: self.program.json("status")["read"] == 100, "receipts without a sender")

    def test_receiver_takes_only_what_is_signed(self):
        self.fine(self.program.run(*self.send_line(5)))
        port = harness.free_port()
        self.start("receive", "--listen", f"127.0.0.1:{port}")

        def post(headers):
            url = f"http://127.0.0.1:{port}/webhook"
            request = urllib.request.Request(url, data=b'{"object":"x"}', headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=harness.PATIENCE) as answer:
                    return answer.status
            except urllib.error.HTTPError as refused:
                with refused:
                    return refused.code
            except OSError:
                return None

        forged = {"X-Hub-Signature-256": "sha256=" + "0" * 64}
        code = harness.wait_until(lambda: post(forged), "the receiver to listen")
        self.assertGreaterEqual(code, 400)
        self.assertGreaterEqual(post({}), 400)

    def test_ingest_from_standard_input(self):
        self.fine(self.program.run(*self.send_line(1)))
        entry = self.sandbox.accepted()[0]
        value = {"messaging_product": "whatsapp",
                 "metadata": {"phone_number_id": harness.PHONE_NUMBER_ID, "display_phone_number": "15550783881"},
                 "statuses": [{"id": entry["wamid"], "status": "delivered", "timestamp": "1750030073",
                               "recipient_id": entry["to"][1:], "biz_opaque_callback_data": entry["callback"]}]}
        changes = [{"field": "messages", "value": value}]
        body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()
        signature = "sha256=" + hmac.new(harness.APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        for _ in range(2):  # twice is as good as once
            self.fine(self.program.run("ingest", "--signature", signature, stdin=body))
        self.assertEqual(self.program.json("status")["delivered"], 1)

    # What people see.

    def test_progress_on_a_terminal_is_one_line_redrawn(self):
        try:
            leader, follower = pty.openpty()
        except OSError as none:
            self.skipTest(f"no terminal to be had here: {none}")
        with open(self.folder / "report", "wb") as report:
            process = self.program.start(*self.send_line(300, "--limits", "200/s"), stdout=report, stderr=follower)
        self.addCleanup(process.end)
        began = time.monotonic()
        os.close(follower)
        seen = b""
        while True:
            try:
                chunk = os.read(leader, 4096)
            except OSError:
                break  # how a pseudo-terminal ends
            if not chunk:
                break
            seen += chunk
        os.close(leader)
        process.finish()
        drawn = [line for line in seen.decode().split("\r") if "/300" in line]
        self.assertGreater(len(drawn), 3)
        # At most five a second, of its lifetime.
        self.assertLess(len(drawn), 10 + 5 * (time.monotonic() - began))
        self.assertRegex(drawn[-2], r"sending +\d+/300 +\d+% +\d+/s")
        self.assertTrue(seen.rstrip().endswith(b"\x1b[K"), "the line is taken away at the end")
        self.assertIn("completed", (self.folder / "report").read_text())

    def test_progress_without_a_terminal_is_a_line_now_and_then(self):
        began = time.monotonic()
        done = self.program.run(*self.send_line(300, "--limits", "60/s"))
        self.fine(done)
        lines = [line for line in done.stderr.decode().splitlines() if "/300" in line]
        self.assertTrue(1 <= len(lines) <= 2 + (time.monotonic() - began) / 2, lines)
        self.assertNotIn(b"\r", done.stderr)
        quiet = self.program.run(*self.send_line(10, "--quiet"))
        self.fine(quiet)
        self.assertEqual(quiet.stderr, b"")

    def test_help_and_version(self):
        self.assertRegex(self.fine(self.program_alone("--version")), r"bulkmsg \d+\.\d+\.\d+")
        text = self.fine(self.program_alone("--help"))
        for word in ("Exit codes", "unconfirmed", "send", "resume", "credits"):
            self.assertIn(word, text)
        for command in ("send", "resume", "pause", "stop", "discard", "list", "status", "messages", "rejected",
                        "receive", "ingest"):
            self.assertIn("--store", self.fine(self.program_alone(command, "--help")))

    def test_mistakes_are_answered_with_what_to_do(self):
        for arguments, say in ((["foo"], 'no command is named "foo"; see `bulkmsg --help`'),
                               (["credits", "foo"], 'no command is named "credits foo"; see `bulkmsg credits --help`'),
                               (["send", "--blah"], "see `bulkmsg send --help`")):
            done = self.program_alone(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn(say, done.stderr.decode())
        self.fine(self.program.run(*self.send_line(2)))
        for arguments, say in ((["log", 77], "no campaign with id 77; `bulkmsg list` shows the campaigns"),
                               (["stop", 1], "a campaign that is completed; `bulkmsg history` tells")):
            done = self.program.run(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn(say, done.stderr.decode())

    def program_alone(self, *arguments):
        return subprocess.run([BIN / "bulkmsg", *arguments], capture_output=True, timeout=harness.PATIENCE)


class Credits(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-credits-")
        self.addCleanup(scratch.cleanup)
        self.program = harness.Program(BIN / "bulkmsg", pathlib.Path(scratch.name) / "store.bulkmsg")

    def test_plan_grants_once_and_top_ups_add_up(self):
        for _ in range(2):  # the month's credits are granted once
            account = self.program.json("credits", "plan", "shop", "--users", "5", "--phones", "2")
            self.assertEqual((account["granted"], account["available"]), (21_000, 21_000))
        for _ in range(2):  # the same purchase is booked once
            account = self.program.json("credits", "topup", "shop", "1000", "--id", "invoice-7")
            self.assertEqual((account["bought"], account["available_topup"]), (1000, 1000))
        account = self.program.json("credits", "topup", "shop", "50")
        self.assertEqual(account["available"], 22_050)
        self.assertTrue(self.program.json("credits", "audit", "shop")["conserved"])
        other = self.program.run("credits", "topup", "shop", "999", "--id", "invoice-7")
        self.assertEqual(other.returncode, 1)
        self.assertIn(b"invoice-7", other.stderr)

    def test_the_ledger_tells_who_did_what_and_the_audit_takes_all_accounts(self):
        self.program.json("credits", "plan", "shop", "--id", "first")
        self.program.json("credits", "plan", "other", "--users", "2")
        for _ in range(2):
            account = self.program.json("credits", "adjust", "shop", "--by", "-50", "--reason", "sent by mistake",
                                        "--actor", "ann", "--id", "a-1")
            self.assertEqual((account["adjusted"], account["available"]), (-50, 2950))
        entries = [json.loads(line) for line in
                   self.program.run("credits", "ledger", "shop", "--json").stdout.splitlines()]
        self.assertEqual([(e["kind"], e["credits"]) for e in entries], [("grant", 3000), ("adjust", -50)])
        self.assertEqual((entries[1]["reason"], entries[1]["actor"], entries[1]["client_id"]),
                         ("sent by mistake", "ann", "a-1"))
        self.assertEqual([a["available"] for a in self.program.json("credits", "audit")], [2950, 6000])
        self.assertEqual(self.program.run("credits", "adjust", "shop", "--by", "5", "--actor", "x").returncode, 1)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(add_help=False)
    arguments.add_argument("--bin", type=pathlib.Path, default=harness.ROOT / "build" / "release" / "bin")
    given, rest = arguments.parse_known_args()
    BIN = given.bin.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
