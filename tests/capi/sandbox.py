"""Runs bulkmsg-sandbox for a test, with the demo's sender and template. For the tests of this folder."""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from programs import PATIENCE, Process, SandboxProcess, free_port, wait_until  # noqa: E402, F401

TOKEN = "a-token"
APP_SECRET = "a-secret"


class Sandbox(SandboxProcess):
    """With `webhook_port` it posts webhooks to that port of this machine. `options` are more command-line options."""

    def __init__(self, program, data, directory, webhook_port=None, options=()):
        self.template = pathlib.Path(data) / "order_update.json"
        webhooks = [] if webhook_port is None else ["--webhook-url", f"http://127.0.0.1:{webhook_port}/webhook"]
        super().__init__(program, directory, "--token", f"test:{TOKEN}", "--app-secret", f"test:{APP_SECRET}", "--templates",
                         self.template, *webhooks, *options)

        # The demo's sender, at this sandbox and faster.
        settings = json.loads((pathlib.Path(data) / "sender.json").read_text())
        settings.update(origin=self.origin, token="env:CAPI_TEST_TOKEN", app_secret="env:CAPI_TEST_SECRET",
                        limits="2000/s; in-flight=64")
        self.sender = settings
        self.sender_file = pathlib.Path(directory) / "sender.json"
        self.sender_file.write_text(json.dumps(settings))
        os.environ.update(CAPI_TEST_TOKEN=TOKEN, CAPI_TEST_SECRET=APP_SECRET)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
