#!/usr/bin/env python3
"""Does the built sandbox answer over the wire what the facts about the provider say?

    python3 tests/sandbox/http_test.py --sandbox build/bin/bulkmsg-sandbox
"""

import argparse
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from programs import PATIENCE, SandboxProcess, wait_until  # noqa: E402

SANDBOX = None
NUMBER = "106540352242922"
ACCOUNT = "102290129340398"
MESSAGES = f"/v23.0/{NUMBER}/messages"
SECRET = b"top-secret"


def text(to="+15550001111", **more):
    return {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": "text",
            "text": {"body": "Hello"}, **more}


def order_ready(**more):
    return {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550001111", "type": "template",
            "template": {"name": "order_ready", "language": {"code": "en_US"}, "components": [
                {"type": "header", "parameters": [{"type": "text", "parameter_name": "num", "text": "A-17"}]},
                {"type": "body", "parameters": [{"type": "text", "parameter_name": "first_name", "text": "Ana"}]},
                {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "A-17"}]},
            ]}, **more}


class Sandbox(SandboxProcess):
    """One running sandbox, with its own directory."""

    def __init__(self, *options):
        self.directory = tempfile.TemporaryDirectory(prefix="sandbox-")
        super().__init__(SANDBOX, self.directory.name, "--token", "test:tok", "--app-secret", "test:" + SECRET.decode(),
                         *options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        code, errors = self.process.returncode, self.errors.read_text()
        self.directory.cleanup()
        assert code == 0, f"the sandbox ended with {code}: {errors}"

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def ask(self, method, path, body=None, token="tok", connection=None, headers=None):
        own = connection is None
        connection = connection or self.connect()
        headers = dict(headers or {})
        if token is not None:
            headers["Authorization"] = "Bearer " + token
        if isinstance(body, dict):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            if own:
                connection.close()
        return response.status, json.loads(answer) if answer.startswith(b"{") else answer

    def send(self, message, **how):
        return self.ask("POST", MESSAGES, message, **how)

    def control(self, command, body=None):
        status, answer = self.ask("POST", "/_sandbox/" + command, body, token=None)
        assert status == 200, answer
        return answer

    def stats(self):
        return self.ask("GET", "/_sandbox/stats", token=None)[1]

    def wait_for(self, what):
        """Until what(stats) holds."""
        return wait_until(lambda: what(stats := self.stats()) and stats, "the sandbox")

    def raw(self, data, half_close=False):
        """Everything that is answered to these bytes until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as peer:
            peer.sendall(data)
            if half_close:
                peer.shutdown(socket.SHUT_WR)
            out = b""
            while True:
                try:
                    more = peer.recv(65536)
                except ConnectionResetError:
                    return out + b"<reset>"
                if not more:
                    return out
                out += more


class Receiver:
    """A webhook endpoint which can fail on request."""

    def __init__(self):
        self.bodies = []
        self.bad_signatures = 0
        self.fail = 0
        self.connections = set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.connections.add(self.client_address)
                wanted = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
                if self.headers["X-Hub-Signature-256"] != wanted:
                    receiver.bad_signatures += 1
                if receiver.fail > 0:
                    receiver.fail -= 1
                    status = 500
                else:
                    receiver.bodies.append(json.loads(body))
                    status = 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def changes(self):
        return [change for body in self.bodies for entry in body["entry"] for change in entry["changes"]]

    def statuses(self):
        return [status for change in self.changes() for status in change["value"].get("statuses", [])]


class Case(unittest.TestCase):
    def assert_refused(self, answer, code, status=None):
        got_status, body = answer
        self.assertIsInstance(body, dict, body)
        error = body["error"]
        self.assertEqual(error["code"], code, error)
        self.assertTrue(error["message"].startswith(f"(#{code}) "), error)
        self.assertEqual(error["type"], "OAuthException")
        self.assertEqual(error["error_data"]["messaging_product"], "whatsapp")
        self.assertTrue(error["error_data"]["details"])
        self.assertTrue(error["fbtrace_id"].startswith("A"))
        if status:
            self.assertEqual(got_status, status)


class Messages(Case):
    @classmethod
    def setUpClass(cls):
        cls.them = Sandbox()
        cls.addClassCleanup(cls.them.__exit__)

    def test_text(self):
        status, body = self.them.send(text())
        self.assertEqual(status, 200)
        self.assertEqual(body["messaging_product"], "whatsapp")
        self.assertEqual(body["contacts"], [{"input": "+15550001111", "wa_id": "15550001111"}])
        self.assertEqual(list(body["messages"][0]), ["id"])
        self.assertTrue(body["messages"][0]["id"].startswith("wamid.HBg"))

    def test_template(self):
        status, body = self.them.send(order_ready())
        self.assertEqual(status, 200)
        self.assertEqual(body["messages"][0]["message_status"], "accepted")

    def test_wa_id_may_differ(self):
        self.assertEqual(self.them.send(text("+55 31 98765-4321"))[1]["contacts"][0],
                         {"input": "+55 31 98765-4321", "wa_id": "553187654321"})

    def test_the_log_says_what_was_accepted(self):
        before = len(self.them.accepted())
        raw = json.dumps(order_ready(biz_opaque_callback_data='c42/"r1001" \u00e9'))
        status, body = self.them.ask("POST", MESSAGES, raw)
        self.assertEqual(status, 200)
        self.them.send(text("bad"))
        lines = self.them.accepted()[before:]
        self.assertEqual(len(lines), 1)
        self.assertEqual(list(lines[0]), ["time", "to", "wamid", "callback", "body_sha256", "template"])
        self.assertEqual(lines[0]["callback"], 'c42/"r1001" \u00e9')
        self.assertEqual(lines[0]["wamid"], body["messages"][0]["id"])
        self.assertEqual(lines[0]["body_sha256"], hashlib.sha256(raw.encode()).hexdigest())
        self.assertEqual((lines[0]["to"], lines[0]["template"]), ("+15550001111", "order_ready"))
        self.assertAlmostEqual(lines[0]["time"] / 1000, time.time(), delta=10)

    def test_refusals(self):
        send = self.them.send
        self.assert_refused(send(text(), token="wrong"), 190, 401)
        self.assert_refused(send(text(), token=None), 190, 401)
        self.assert_refused(self.them.ask("POST", "/v23.0/999/messages", text()), 100, 400)
        self.assert_refused(self.them.ask("POST", MESSAGES, "{nope"), 100, 400)
        self.assert_refused(send(text(colour="red")), 100, 400)
        self.assert_refused(send(text("123")), 131009, 400)
        self.assert_refused(send(text("+15550783881")), 131021, 400)
        self.assert_refused(send(text(biz_opaque_callback_data="x" * 513)), 100, 400)
        message = order_ready()
        message["template"]["language"]["code"] = "en"
        self.assert_refused(send(message), 132001, 404)
        message = order_ready()
        message["template"]["components"][1]["parameters"] = []
        self.assert_refused(send(message), 132000, 400)
        message = order_ready()
        del message["template"]["components"][1]["parameters"][0]["parameter_name"]
        self.assert_refused(send(message), 132012, 400)
        message = order_ready()
        message["template"]["components"][1]["parameters"][0]["text"] = "a\nb"
        self.assert_refused(send(message), 132018, 400)
        message["template"]["components"][1]["parameters"][0]["text"] = "a" * 1020
        self.assert_refused(send(message), 132005, 400)
        message = order_ready()
        del message["template"]["components"][2]
        self.assert_refused(send(message), 131008, 400)

    def test_read_mark(self):
        self.assertEqual(self.them.send({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}),
                         (200, {"success": True}))

    def test_number_and_templates(self):
        fields = ("id,display_phone_number,verified_name,quality_rating,throughput,status,health_status,"
                  "whatsapp_business_manager_messaging_limit")
        status, number = self.them.ask("GET", f"/v23.0/{NUMBER}?fields={fields}")
        self.assertEqual(status, 200)
        self.assertEqual(set(number), set(fields.split(",")))
        self.assertEqual(number["whatsapp_business_manager_messaging_limit"], "TIER_UNLIMITED")
        self.assert_refused(self.them.ask("GET", f"/v23.0/{NUMBER}", token="wrong"), 190, 401)
        seen = []
        url = f"/v23.0/{ACCOUNT}/message_templates?limit=1&fields=name,language,components"
        while url:
            status, page = self.them.ask("GET", url)
            self.assertEqual(status, 200)
            self.assertEqual(set(page["paging"]["cursors"]), {"before", "after"})
            seen += [each["name"] for each in page["data"]]
            url = page["paging"].get("next", "")
            self.assertTrue(not url or url.startswith(f"http://127.0.0.1:{self.them.port}/"), url)
            url = url.partition(str(self.them.port))[2]
        self.assertEqual(seen, ["order_ready", "hello_world"])

    def test_media(self):
        content = b"\x89PNG\r\n" + bytes(range(256)) * 8000  # larger than a message may be
        form = b"".join(
            b'--frontier\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % part for part in [
                (b"messaging_product", b"", b"whatsapp"), (b"type", b"", b"image/png"),
                (b"file", b'; filename="a.png"\r\nContent-Type: image/png', content)]) + b"--frontier--\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=frontier"}
        status, body = self.them.ask("POST", f"/v23.0/{NUMBER}/media", form, headers=headers)
        self.assertEqual(status, 200, body)
        status, media = self.them.ask("GET", "/v23.0/" + body["id"])
        self.assertEqual(media["sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual((media["mime_type"], media["file_size"]), ("image/png", len(content)))
        self.assertEqual(self.them.ask("DELETE", "/v23.0/" + body["id"]), (200, {"success": True}))
        self.assert_refused(self.them.ask("GET", "/v23.0/" + body["id"]), 100, 400)
        self.assert_refused(self.them.ask("POST", f"/v23.0/{NUMBER}/media", form[:200], headers=headers), 100, 400)

    def test_curl(self):
        def curl(*options):
            out = subprocess.run(["curl", "-s", "--max-time", str(PATIENCE), "-w", "\n%{http_code}", *options], capture_output=True,
                                 text=True)
            self.assertEqual(out.returncode, 0, out)
            body, _, status = out.stdout.rpartition("\n")
            return int(status), json.loads(body)

        url = f"http://127.0.0.1:{self.them.port}"
        status, body = curl(url + MESSAGES, "-H", "Authorization: Bearer tok", "-H", "Content-Type: application/json", "-d",
                            json.dumps(text()))
        self.assertEqual((status, body["contacts"][0]["wa_id"]), (200, "15550001111"))
        self.assert_refused(curl(url + MESSAGES, "-d", "{}"), 190, 401)
        self.assert_refused(curl(url + "/v23.0/1/2/3/4"), 190, 401)
        picture = os.path.join(self.them.directory.name, "a.jpg")
        with open(picture, "wb") as file:
            file.write(os.urandom(2_000_000))  # large enough for curl to ask "Expect: 100-continue"
        status, body = curl(url + f"/v23.0/{NUMBER}/media", "-H", "Authorization: Bearer tok", "-F",
                            "messaging_product=whatsapp", "-F", "type=image/jpeg", "-F", f"file=@{picture};type=image/jpeg",
                            "-H", "Expect: 100-continue")
        self.assertEqual(status, 200, body)


class Http(Case):
    @classmethod
    def setUpClass(cls):
        cls.them = Sandbox()
        cls.addClassCleanup(cls.them.__exit__)

    def request(self, body=None, extra=""):
        body = json.dumps(text()) if body is None else body
        return (f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok\r\n{extra}"
                f"Content-Length: {len(body)}\r\n\r\n{body}").encode()

    def test_keep_alive_and_pipelining(self):
        connection = self.them.connect()
        before = self.them.stats()["connections"]
        for _ in range(5):
            self.assertEqual(self.them.send(text(), connection=connection)[0], 200)
        connection.close()
        self.assertEqual(self.them.stats()["connections"], before + 2)
        answers = self.them.raw(self.request() * 20 + self.request(extra="Connection: close\r\n"))
        self.assertEqual(answers.count(b"HTTP/1.1 200 OK"), 21)
        ids = re.findall(rb"wamid\.[A-Za-z0-9+\\/=]+", answers)
        self.assertEqual(len(set(ids)), 21)

    def test_any_chunking_of_the_bytes(self):
        data = self.request() + self.request(extra="Connection: close\r\n")
        with socket.create_connection(("127.0.0.1", self.them.port), PATIENCE) as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(0, len(data), 7):
                peer.sendall(data[i:i + 7])
            out = b""
            while more := peer.recv(65536):
                out += more
        self.assertEqual(out.count(b"HTTP/1.1 200 OK"), 2)

    def test_chunked_body(self):
        body = json.dumps(text())
        half = len(body) // 2
        chunks = "".join(f"{len(part):x}\r\n{part}\r\n" for part in (body[:half], body[half:])) + "0\r\n\r\n"
        answer = self.them.raw((f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok\r\nConnection: close\r\n"
                                f"Transfer-Encoding: chunked\r\n\r\n{chunks}").encode())
        self.assertIn(b" 200 OK", answer)

    def test_hostile_http(self):
        self.assertIn(b" 400 Bad Request", self.them.raw(b"hello\r\n\r\n"))
        self.assertIn(b" 400 Bad Request", self.them.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"))
        self.assertIn(b" 431 ", self.them.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 20000))
        self.assertIn(b" 431 ", self.them.raw(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 4000 + b"\r\n"))
        self.assertIn(b" 413 ", self.them.raw(self.request("x" * ((1 << 20) + 1))))
        self.assertIn(b" 413 ", self.them.raw(b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"))
        self.assertIn(b" 413 ", self.them.raw(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                              (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 20))
        self.assertIn(b" 400 ", self.them.raw(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"))
        self.assertIn(b" 400 ", self.them.raw(b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"))
        self.assertIn(b" 401 ", self.them.raw(b"GET // HTTP/1.1\r\nConnection: close\r\n\r\n"))
        self.assertIn(b" 401 ", self.them.raw(b"GET * HTTP/1.1\r\nConnection: close\r\n\r\n"))
        self.assertIn(b" 200 ", self.them.raw(b"GET /_sandbox/stats HTTP/1.0\r\n\r\n"))
        self.assertEqual(self.them.raw(self.request()[:-5], half_close=True), b"")
        for size in (0, 1, 10, 100, 1000):
            self.them.raw(random.Random(size).randbytes(size) + b"\r\n\r\n", half_close=True)
        self.assert_refused(self.them.ask("POST", "/_sandbox/inbound", "[[[["), 100, 400)
        self.assert_refused(self.them.ask("POST", "/_sandbox/nothing", "{}"), 2500, 400)
        self.assertEqual(self.them.send(text())[0], 200)

    def test_nothing_leaks(self):
        self.them.wait_for(lambda s: s["connections_open"] == 1 and s["in_flight"] == 1)  # the asking one


class Limits(Case):
    def test_rate(self):
        with Sandbox("--rate", "5", "--throttle-status", "429") as them:
            # In one piece, which is one arrival: none of them comes a second later.
            body = json.dumps(text())
            request = (f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok\r\n"
                       f"Content-Length: {len(body)}\r\n")
            said = them.raw((f"{request}\r\n{body}" * 11 + f"{request}Connection: close\r\n\r\n{body}").encode())
            answers = [(int(part[:3]), json.loads(part.partition(b"\r\n\r\n")[2])) for part in said.split(b"HTTP/1.1 ")[1:]]
            self.assertEqual([status for status, _ in answers], [200] * 5 + [429] * 7)
            self.assert_refused(answers[5], 130429, 429)
            stats = them.stats()
            self.assertEqual(stats["accepted"], len(them.accepted()))
            self.assertEqual(stats["max_per_second"], 12)
            self.assertEqual(stats["refused"]["130429"], stats["requests"] - stats["accepted"])
            time.sleep(1.05)
            self.assertEqual(them.send(text())[0], 200)

    def test_a_busy_sandbox_accuses_nobody(self):
        """Requests read late, all at once, are counted at the times at which they were sent."""
        with Sandbox() as them:
            peers = [socket.create_connection(("127.0.0.1", them.port), PATIENCE) for _ in range(12)]
            body = json.dumps(text())
            request = (f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tok\r\n"
                       f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
            time.sleep(0.1)
            them.process.send_signal(signal.SIGSTOP)
            for peer in peers:
                peer.sendall(request)
                time.sleep(0.22)
            them.process.send_signal(signal.SIGCONT)
            for peer in peers:
                self.assertIn(b"200 OK", peer.recv(4096))
                peer.close()
            self.assertLessEqual(them.stats()["max_per_second"], 5)

    def test_expiring_token(self):
        with Sandbox("--expire-token-after", "3") as them:
            for _ in range(3):
                self.assertEqual(them.send(text())[0], 200)
            self.assert_refused(them.send(text()), 190, 401)
            them.control("token", "new")
            self.assert_refused(them.send(text()), 190, 401)
            self.assertEqual(them.send(text(), token="new")[0], 200)

    def test_strict_window(self):
        with Sandbox("--strict-window") as them:
            self.assert_refused(them.send(text()), 131047, 400)
            them.control("inbound", {"from": "15550001111", "text": "Hi"})
            self.assertEqual(them.send(text())[0], 200)


class Faults(Case):
    def lost_answer(self, them):
        with self.assertRaises((ConnectionResetError, http.client.RemoteDisconnected)):
            them.send(text())

    def test_each(self):
        with Sandbox() as them:
            them.control("faults", {"drop_before": 1})
            self.lost_answer(them)
            self.assertEqual((them.stats()["dropped_before"], len(them.accepted())), (1, 0))
            them.control("faults", {"off": True, "drop_after": 1})
            self.lost_answer(them)
            self.assertEqual((them.stats()["dropped_after"], len(them.accepted())), (1, 1))
            them.control("faults", {"off": True, "accept_then_502": 1})
            status, body = them.send(text())
            self.assertEqual((status, body[:6], len(them.accepted())), (502, b"<html>", 2))
            them.control("faults", {"off": True, "html_503": 1})
            status, body = them.send(text())
            self.assertEqual((status, body[:6], len(them.accepted())), (503, b"<html>", 2))
            them.control("faults", {"off": True, "truncate": 1})
            with self.assertRaises(http.client.IncompleteRead):
                them.send(text())
            self.assertEqual(len(them.accepted()), 3)
            them.control("faults", {"off": True, "errors": "131000:1"})
            self.assert_refused(them.send(text()), 131000, 500)
            self.assertEqual(len(them.accepted()), 3)
            them.control("faults", {"off": True, "latency": "150..200"})
            begun = time.monotonic()
            self.assertEqual(them.send(text())[0], 200)
            self.assertGreater(time.monotonic() - begun, 0.15)
            them.control("faults", {"off": True, "close_after": 2})
            connection = them.connect()
            for expected in ("keep-alive", "close", "keep-alive", "close"):
                connection.request("POST", MESSAGES, json.dumps(text()), {"Authorization": "Bearer tok"})
                response = connection.getresponse()
                self.assertEqual(response.getheader("Connection"), expected)
                response.read()
            connection.close()

    def test_same_seed_same_story(self):
        def story():
            with Sandbox("--seed", "9", "--drop-before", "0.2", "--drop-after", "0.2", "--errors", "130429:0.3") as them:
                out = []
                for _ in range(60):
                    try:
                        out.append(them.send(text())[0])
                    except (ConnectionResetError, http.client.RemoteDisconnected):
                        out.append("reset")
                return out, len(them.accepted())

        self.assertEqual(story(), story())


class Webhooks(Case):
    def test_statuses(self):
        with Receiver() as receiver, Sandbox("--webhook-url", receiver.url, "--webhook-delay", "0..20", "--read-ratio", "1",
                                             "--webhook-batch", "7") as them:
            ids = [them.send(order_ready(biz_opaque_callback_data=f"c/{i}\u00e9"))[1]["messages"][0]["id"] for i in range(30)]
            stats = them.wait_for(lambda s: s["webhooks_sent"] == 90)
            self.assertEqual((stats["webhooks_pending"], stats["webhooks_lost"]), (0, 0))
            self.assertEqual(receiver.bad_signatures, 0)
            self.assertLessEqual(len(receiver.connections), 4)
            self.assertTrue(all(body["object"] == "whatsapp_business_account" for body in receiver.bodies))
            self.assertTrue(all(body["entry"][0]["id"] == ACCOUNT for body in receiver.bodies))
            for change in receiver.changes():
                self.assertEqual(change["field"], "messages")
                self.assertEqual(change["value"]["messaging_product"], "whatsapp")
                self.assertEqual(change["value"]["metadata"],
                                 {"display_phone_number": "15550783881", "phone_number_id": NUMBER})
                self.assertLessEqual(len(change["value"]["statuses"]), 7)
            for i, wamid in enumerate(ids):
                mine = {s["status"]: s for s in receiver.statuses() if s["id"] == wamid}
                self.assertEqual(set(mine), {"sent", "delivered", "read"})
                sent = mine["sent"]
                self.assertEqual(sent["biz_opaque_callback_data"], f"c/{i}\u00e9")
                self.assertEqual(sent["recipient_id"], "15550001111")
                self.assertRegex(sent["timestamp"], r"^\d{10}$")
                self.assertEqual(sent["pricing"], {"billable": True, "pricing_model": "PMP", "type": "regular",
                                                   "category": "utility"})
                self.assertNotIn("pricing", mine["read"])
            them.control("replay")
            them.wait_for(lambda s: s["webhooks_sent"] == 180)
            self.assertEqual(len(receiver.statuses()), 180)
            them.control("replay?only=lost")
            them.wait_for(lambda s: s["webhooks_pending"] == 0)
            self.assertEqual(len(receiver.statuses()), 180)

    def test_failed_ones(self):
        with Receiver() as receiver, Sandbox("--webhook-url", receiver.url, "--undelivered", "131049:1") as them:
            them.send(order_ready())
            them.wait_for(lambda s: s["webhooks_sent"] == 1)
            failed, = receiver.statuses()
            self.assertEqual(failed["status"], "failed")
            error, = failed["errors"]
            self.assertEqual(error["code"], 131049)
            self.assertEqual(set(error), {"code", "title", "message", "error_data", "href"})

    def test_retried_until_200(self):
        with Receiver() as receiver, Sandbox("--webhook-url", receiver.url, "--read-ratio", "0") as them:
            receiver.fail = 3
            them.send(text())
            them.wait_for(lambda s: s["webhooks_sent"] == 2 and s["webhooks_pending"] == 0)
            self.assertEqual(receiver.fail, 0)
            self.assertEqual({s["status"] for s in receiver.statuses()}, {"sent", "delivered"})

    def test_lost_late_duplicate(self):
        with Receiver() as receiver, Sandbox("--webhook-url", receiver.url, "--webhook-lose", "0.3", "--webhook-late", "0.2",
                                             "--webhook-duplicate", "0.5", "--webhook-shuffle") as them:
            for _ in range(50):
                them.send(text())
            stats = them.wait_for(lambda s: s["webhooks_pending"] == 0)
            self.assertGreater(stats["webhooks_lost"], 10)
            known = {(s["id"], s["status"]) for s in receiver.statuses()}
            self.assertGreater(len(receiver.statuses()), len(known))
            them.control("replay?only=lost")
            them.wait_for(lambda s: s["webhooks_lost"] == 0 and s["webhooks_pending"] == 0)
            after = {(s["id"], s["status"]) for s in receiver.statuses()}
            self.assertEqual(len(after), len(known) + stats["webhooks_lost"])

    def test_url_at_run_time_and_other_changes(self):
        with Receiver() as receiver, Sandbox("--read-ratio", "0") as them:
            wamid = them.send(text())[1]["messages"][0]["id"]
            self.assertEqual(them.stats()["webhooks_lost"], 2)
            them.control("webhook-url", receiver.url)
            them.control("replay?only=lost")
            them.wait_for(lambda s: s["webhooks_sent"] == 2)
            them.control("inbound", {"from": "+15550001111", "text": "Hi", "context": wamid})
            them.control("inbound", {"from": "+15550001111", "text": "Stop", "context": wamid, "button": "stop-it"})
            them.control("template-status", {"name": "order_ready", "status": "PAUSED"})
            them.control("webhook", {"field": "account_update", "value": {"event": "DISABLED_UPDATE"}})
            them.wait_for(lambda s: s["webhooks_sent"] == 6)
            replies = [m for c in receiver.changes() for m in c["value"].get("messages", [])]
            hi, = [m for m in replies if m["type"] == "text"]
            self.assertEqual((hi["from"], hi["text"]["body"], hi["context"]["id"]), ("15550001111", "Hi", wamid))
            stop, = [m for m in replies if m["type"] == "button"]
            self.assertEqual(stop["button"], {"payload": "stop-it", "text": "Stop"})
            fields = {change["field"]: change["value"] for change in receiver.changes()}
            self.assertEqual(fields["message_template_status_update"]["event"], "PAUSED")
            self.assertIsInstance(fields["message_template_status_update"]["message_template_id"], int)
            self.assertEqual(fields["account_update"]["event"], "DISABLED_UPDATE")
            self.assertEqual(receiver.bad_signatures, 0)
            self.assert_refused(them.send(order_ready()), 132015, 400)
            self.assert_refused(them.ask("POST", "/_sandbox/webhook-url", "http://example.com/"), 100, 400)


class Program(Case):
    def run_it(self, *options):
        return subprocess.run([SANDBOX, *options], capture_output=True, text=True, timeout=PATIENCE)

    def test_help_and_bad_options(self):
        out = self.run_it("--help")
        self.assertEqual(out.returncode, 0)
        self.assertIn("/_sandbox/replay", out.stdout)
        for bad in (["--listen", "0.0.0.0:0"], ["--listen", "192.168.1.1:0"], ["--listen", "example.com:0"],
                    ["--listen", "127.0.0.1"], ["--drop-after", "2"], ["--token", "plain"], ["--token", "env:NO_SUCH_NAME"],
                    ["--errors", "x"], ["--webhook-url", "http://10.0.0.1/"], ["--templates", "/no/such/file"],
                    ["--log", "/no/such/dir/log"], ["--tls-cert", "/dev/null"], ["--throttle-status", "500"]):
            out = self.run_it(*bad)
            self.assertNotEqual(out.returncode, 0, bad)
            self.assertTrue(out.stderr, bad)

    def test_minimal(self):
        with Sandbox("--minimal") as them:
            connection = them.connect()
            ids = {them.send(text(), connection=connection)[1]["messages"][0]["id"] for _ in range(50)}
            self.assertEqual(len(ids), 50)
            self.assertEqual(them.ask("GET", f"/v23.0/{NUMBER}", connection=connection)[0], 200)
            self.assertEqual(them.ask("POST", MESSAGES, "x" * 500_000, connection=connection)[0], 200)
            connection.close()
            self.assertEqual(them.stats()["accepted"], 51)
            body = json.dumps(text())
            request = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
            last = request.replace(b"Host: x", b"Connection: close")
            self.assertEqual(them.raw(request * 100 + last).count(b"200 OK"), 101)
            them.raw(b"x" * 20000)
            them.raw(random.Random(1).randbytes(500) + b"\r\n\r\n")
            self.assertEqual(them.send(text())[0], 200)

    def test_minimal_over_tls(self):
        with tempfile.TemporaryDirectory() as directory:
            cert, key = os.path.join(directory, "cert"), os.path.join(directory, "key")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
            with Sandbox("--minimal", "--tls-cert", cert, "--tls-key", key) as them:
                context = ssl.create_default_context(cafile=cert)
                them.connect = lambda: http.client.HTTPSConnection("127.0.0.1", them.port, timeout=PATIENCE, context=context)
                connection = them.connect()
                for _ in range(20):
                    self.assertEqual(them.send(text(), connection=connection)[0], 200)
                self.assertEqual(them.ask("POST", MESSAGES, "x" * 500_000, connection=connection)[0], 200)
                connection.close()
                them.raw(b"GET / HTTP/1.1\r\n\r\n")
                self.assertEqual(them.stats()["accepted"], 21)

    def test_tls(self):
        with tempfile.TemporaryDirectory() as directory:
            cert, key = os.path.join(directory, "cert"), os.path.join(directory, "key")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
            with Sandbox("--tls-cert", cert, "--tls-key", key) as them:
                context = ssl.create_default_context(cafile=cert)
                them.connect = lambda: http.client.HTTPSConnection("127.0.0.1", them.port, timeout=PATIENCE, context=context)
                connection = them.connect()
                for _ in range(3):
                    self.assertEqual(them.send(text(), connection=connection)[0], 200)
                status, page = them.ask("GET", f"/v23.0/{ACCOUNT}/message_templates?limit=1", connection=connection)
                self.assertTrue(page["paging"]["next"].startswith("https://"))
                self.assertEqual(them.send(text(), connection=connection, headers={"Connection": "close"})[0], 200)
                them.raw(b"GET / HTTP/1.1\r\n\r\n")
                them.control("faults", {"drop_after": 1})
                with self.assertRaises((ConnectionResetError, http.client.RemoteDisconnected, ssl.SSLError)):
                    them.send(text())
                self.assertEqual(them.stats()["accepted"], 5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandbox", required=True, help="the built program")
    options, rest = parser.parse_known_args()
    SANDBOX = os.path.abspath(options.sandbox)
    unittest.main(argv=[sys.argv[0], *rest])
