#!/usr/bin/env python3
"""Receives the provider's webhooks with the standard library's web server; a framework's handler looks the same.

    webhooks.py STORE PORT

It opens the store in mode "post", beside the process that sends: what it has answered with 200 is durable. The sender in
the store must name its app_secret, with which the provider signs, and its verify_token, which the provider shows when it
is told this address. Put a TLS proxy in front. Ends on SIGINT or SIGTERM.
"""

import http.server
import signal
import sys
import threading
import urllib.parse

import bulkmsg


class Webhooks(http.server.BaseHTTPRequestHandler):
    engine = None

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if length > 3 << 20:
            return self.answer(413)
        body = self.rfile.read(length)
        try:
            self.engine.ingest(body, self.headers.get("X-Hub-Signature-256", ""))
        except bulkmsg.InputError as e:
            return self.answer(401 if e.code == bulkmsg.Status.SIGNATURE_MISMATCH else 413)
        except bulkmsg.Error as e:
            print(e, file=sys.stderr)
            return self.answer(500)  # the provider sends it again
        self.answer(200)

    def do_GET(self):  # the handshake
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
        mode, token, challenge = (asked.get("hub." + key, "") for key in ("mode", "verify_token", "challenge"))
        try:
            self.answer(200, self.engine.handshake(mode, token, challenge).encode())
        except bulkmsg.Error as e:
            self.answer(403 if e.code == bulkmsg.Status.SIGNATURE_MISMATCH else 500)

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main(store, port):
    with bulkmsg.Engine(store, mode="post") as Webhooks.engine:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Webhooks)
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, lambda *_: threading.Thread(target=server.shutdown).start())
        print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
        server.server_close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except bulkmsg.Error as error:
        sys.exit(f"webhooks: {error}")
