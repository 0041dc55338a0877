"""Runs bulkmsg-sandbox for a test, with the demo's sender and template. For the tests of this folder."""

import ctypes
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.request

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1

TOKEN = "a-token"
APP_SECRET = "a-secret"


def free_port():
    """Below those that connections are given by themselves, so that none takes it before somebody listens."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


class Sandbox:
    """With `webhook_port` it posts webhooks to that port of this machine. `options` are more command-line options."""

    def __init__(self, program, data, directory, webhook_port=None, options=()):
        directory = pathlib.Path(directory)
        self.log = directory / "sandbox.ndjson"
        self.template = pathlib.Path(data) / "order_update.json"
        port_file = directory / "port"
        line = [program, "--listen", "127.0.0.1:0", "--port-file", port_file, "--token", f"test:{TOKEN}",
                "--app-secret", f"test:{APP_SECRET}", "--templates", self.template, "--log", self.log, *options]
        if webhook_port is not None:
            line += ["--webhook-url", f"http://127.0.0.1:{webhook_port}/webhook"]
        # It dies with this test, however this test ends.
        die_with_parent = lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # noqa: E731
        self._process = subprocess.Popen([str(word) for word in line], preexec_fn=die_with_parent)
        give_up = time.monotonic() + 20
        while not port_file.exists():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.stop()
                raise RuntimeError("bulkmsg-sandbox did not start")
            time.sleep(0.02)
        self.port = int(port_file.read_text())

        # The demo's sender, at this sandbox and faster.
        settings = json.loads((pathlib.Path(data) / "sender.json").read_text())
        settings.update(origin=f"http://127.0.0.1:{self.port}", token="env:CAPI_TEST_TOKEN",
                        app_secret="env:CAPI_TEST_SECRET", limits="2000/s; in-flight=64")
        self.sender = settings
        self.sender_file = directory / "sender.json"
        self.sender_file.write_text(json.dumps(settings))
        os.environ.update(CAPI_TEST_TOKEN=TOKEN, CAPI_TEST_SECRET=APP_SECRET)

    def accepted(self):
        """Its log: one object for each message it accepted."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def post(self, path, body):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/_sandbox/{path}", data)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def stop(self):
        self._process.terminate()
        self._process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
