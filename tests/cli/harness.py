"""What the tests of the programs share: a sandbox, a contacts file, a way to run `bulkmsg`, looks into its store."""

import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from programs import PATIENCE, Process, SandboxProcess, free_port, wait_until  # noqa: E402, F401

DATA = ROOT / "examples" / "data"
TOKEN = "sandbox-token-7f3a19c2"
APP_SECRET = "sandbox-secret-58e0d4b1"
PHONE_NUMBER_ID = "106540352242922"
TEMPLATE = DATA / "order_update.json"
COLUMNS = ["phone_number", "header_param1", "param1", "param2", "button0_param"]


class Sandbox(SandboxProcess):
    """A provider of its own. Webhooks go to `webhook_port`, whether or not somebody listens there yet."""

    def __init__(self, bin_dir, folder, *options, templates=TEMPLATE, phone_number_id=PHONE_NUMBER_ID):
        self.webhook_port = free_port()
        super().__init__(bin_dir / "bulkmsg-sandbox", folder, "--token", "test:" + TOKEN, "--app-secret",
                         "test:" + APP_SECRET, "--phone-number-id", phone_number_id, "--templates", templates,
                         "--webhook-url", f"http://127.0.0.1:{self.webhook_port}/webhook", *options)


def sender_file(path, origin, **changes):
    settings = {
        "name": "test", "origin": origin, "phone_number_id": PHONE_NUMBER_ID, "business_account_id": "102290129340398", "agent": "ana",
        "token": "env:BULKMSG_TOKEN", "app_secret": "env:BULKMSG_APP_SECRET", "limits": "1000/s; in-flight=64",
    }
    settings.update(changes)
    path.write_text(json.dumps(settings))
    return path


def contacts_file(path, count, first=0):
    """`count` good rows with numbers of their own: another `first` makes another set."""
    rng = random.Random(first)
    numbers = list(range(first, first + count))
    rng.shuffle(numbers)
    with open(path, "w", encoding="utf-8") as out:
        out.write(",".join(COLUMNS) + "\n")
        for n in numbers:
            out.write(f'+49151{n:08d},A-{n},Ana {n},"two mugs, and a ""teapot""",a-{n}\n')
    return path


def address(n):
    return f"+49151{n:08d}"


def environment(**changes):
    """This process's environment with the secrets set; None takes a variable away."""
    env = dict(os.environ, BULKMSG_TOKEN=TOKEN, BULKMSG_APP_SECRET=APP_SECRET)
    for name, value in changes.items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
    return env


class Program:
    """The program under test with one store."""

    def __init__(self, cli, store):
        self.cli, self.store = cli, store

    def line(self, *arguments):
        return [str(x) for x in (self.cli, *arguments, "--store", self.store)]

    def run(self, *arguments, env=None, stdin=None):
        return subprocess.run(self.line(*arguments), capture_output=True, timeout=PATIENCE, input=stdin,
                              env=env or environment())

    def start(self, *arguments, env=None, stderr=subprocess.PIPE, stdout=subprocess.PIPE):
        """Runs beside the test, which must end() it."""
        return Process(self.line(*arguments), stdout=stdout, stderr=stderr, env=env or environment())

    def json(self, *arguments, ok=(0,)):
        done = self.run(*arguments, "--json")
        if done.returncode not in ok:
            command = " ".join(map(str, arguments))
            raise AssertionError(f"bulkmsg {command} ended with {done.returncode}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def campaigns(self):
        """[] while there is no store, or one that is just being made."""
        if not self.store.exists():
            return []
        done = self.run("list", "--json")
        if done.returncode == 1 and b"is empty" in done.stderr:
            return []
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        return json.loads(done.stdout)


class Snapshot:
    """The store as a crash left it: a copy is read, so that the original keeps its write-ahead log as it was."""

    def __init__(self, store, folder):
        folder.mkdir(parents=True, exist_ok=True)
        copy = folder / "snapshot"
        for suffix in ("", "-wal", "-shm"):
            target = pathlib.Path(str(copy) + suffix)
            target.unlink(missing_ok=True)
            source = pathlib.Path(str(store) + suffix)
            # The -shm file is an index that SQLite makes again from the log; copying it could only mislead.
            if suffix != "-shm" and source.exists():
                shutil.copyfile(source, target)
        self.db = sqlite3.connect(copy) if copy.exists() and copy.stat().st_size > 0 else None
        if self.db and self.number("SELECT count(*) FROM sqlite_master") == 0:
            self.db.close()
            self.db = None  # killed before the schema was committed

    def number(self, sql, *values):
        return self.db.execute(sql, values).fetchone()[0] or 0

    def addresses(self, campaign, state):
        """Addresses of the campaign's messages in this state (2: sent, 3: failed, 4: unconfirmed)."""
        return {row[0] for row in self.db.execute(
            "SELECT r.address FROM messages m JOIN lanes l ON l.id = m.id >> 32 JOIN plan p ON p.id = m.id "
            "JOIN recipients r ON r.id = p.recipient WHERE l.campaign = ? AND m.state = ?", (campaign, state))}

    def close(self):
        if self.db:
            self.db.close()
