"""What the tests of whole programs share: processes that end with their test, ports that are nobody else's, waiting, and
the sandbox as a process."""

import atexit
import ctypes
import json
import pathlib
import signal
import socket
import subprocess
import time
import urllib.request

# For what comes in a moment on a machine that is not busy. Nothing waits so long when all is well, and nothing fails
# because a machine is slow.
PATIENCE = 120

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_kept = []


def free_port():
    """Nobody else is given it while this process lives: it is bound here, without listening. Who connects to it is
    refused, and a program that sets SO_REUSEADDR, as all of ours do, can listen on it."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    _kept.append(kept)
    return kept.getsockname()[1]


@atexit.register
def _close_ports():
    for each in _kept:
        each.close()


def wait_until(condition, what, seconds=PATIENCE):
    """Polls until `condition()` is true and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.02)


class Process(subprocess.Popen):
    """It dies with this test, however this test ends; `end()` is for cleanups."""

    def __init__(self, line, **how):
        die_with_parent = lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # noqa: E731
        super().__init__([str(word) for word in line], preexec_fn=die_with_parent, **how)

    def end(self):
        """Killed if it still runs, waited for, and its pipes closed; once or more often."""
        if self.poll() is None:
            self.kill()
        self.wait()
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe:
                pipe.close()

    def finish(self, code=0):
        """Waits until it ends by itself with this code; what it wrote to its pipes."""
        try:
            out, err = self.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.args[:2]} did not end within {PATIENCE} s") from None
        if self.returncode != code:
            raise AssertionError(f"{self.args[:2]} ended with {self.returncode}, not {code}: {(err or b'').decode()}")
        return out, err


class SandboxProcess:
    """bulkmsg-sandbox, once it listens. It leaves its files in `folder`."""

    def __init__(self, program, folder, *options):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "provider.ndjson"
        self.errors = folder / "provider.stderr"
        port_file = folder / "port"
        line = [program, "--listen", "127.0.0.1:0", "--port-file", port_file, "--log", self.log, *options]
        with open(self.errors, "wb") as errors:
            self.process = Process(line, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            wait_until(lambda: port_file.exists() or self.process.poll() is not None, "the sandbox to listen")
            if self.process.poll() is not None:
                raise AssertionError(f"the sandbox ended with {self.process.returncode}: {self.errors.read_text()}")
        except BaseException:
            self.process.end()
            raise
        self.port = int(port_file.read_text())
        self.origin = f"http://127.0.0.1:{self.port}"

    def control(self, path, body=b""):
        """Its answer; `body` is bytes, or becomes JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.origin + "/_sandbox/" + path, data, method="POST")
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def stats(self):
        with urllib.request.urlopen(self.origin + "/_sandbox/stats", timeout=PATIENCE) as answer:
            return json.load(answer)

    def in_flight(self):
        return self.stats()["in_flight"] - 1  # without the request that asks

    def crawl(self):
        """From now on each answer takes a second: with few requests in flight a campaign lasts as long as a test needs to
        meet it in its middle, on the slowest machine."""
        self.control("faults", {"latency": "1000..1000"})

    def hurry(self):
        """The end of that."""
        self.control("faults", {"latency": "0..0"})

    def accepted(self):
        """Its log: one object for each message it accepted, in that order."""
        if not self.log.exists():
            return []
        # Only whole lines: the last one may be in the middle of being written.
        text = self.log.read_bytes()
        return [json.loads(line) for line in text[:text.rfind(b"\n") + 1].splitlines()]

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                pass  # end() kills it
        self.process.end()
