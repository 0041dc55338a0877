#!/usr/bin/env python3
"""Benchmarks of the whole, each against a named peer in the same run, on the same server.

    ./dev bench [--peers] [--messages N] [--rounds N] [--crossing N]

--peers: only what goes over the network, without the programs of the single rooms (bench/*_bench.cpp).

Results are printed as a table and written to bench/out/peers.json: a list of
{"name", "ours", "peer", "ratio", "target"} with the machine and the commit; a peer that could not be had has a row with
"missing" and why. Absolute figures do not travel; ratios do.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import crossing

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "examples" / "data"
CLIENT_CORE, SERVER_CORE = "0", "1"
CONNECTIONS = 64
PATH = "/v23.0/106540352242922/messages"


def pinned(core, *command):
    return ["taskset", "-c", core, *map(str, command)]


class Sandbox:
    """The sandbox's minimal mode: one thread, parses the head, reads the body, answers with a fresh message id."""

    def __init__(self, bin_dir, work, certificate=None):
        port_file = work / ("tls_port" if certificate else "port")
        tls = ["--tls-cert", certificate[0], "--tls-key", certificate[1]] if certificate else []
        self.process = subprocess.Popen(
            pinned(SERVER_CORE, bin_dir / "bulkmsg-sandbox", "--minimal", "--listen", "127.0.0.1:0", "--port-file",
                   port_file, "--token", "env:BULKMSG_TOKEN", "--app-secret", "env:BULKMSG_APP_SECRET", *tls),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            if port_file.exists():
                break
            time.sleep(0.01)
        self.port = port_file.read_text().strip()
        self.origin = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        self.process.wait()


def make_certificate(work):
    certificate = work / "certificate.pem", work / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", certificate[1], "-out", certificate[0], "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return certificate


def pipeline(bin_dir, work, origin, messages, round_number):
    """CSV imported before the clock starts; then rendered -> intents, outcomes, ledger in SQLite FULL -> sent -> answers
    parsed, until the last outcome is durable. Messages per second, by the store's own times."""
    contacts = work / "contacts.csv"
    if not contacts.exists():
        with contacts.open("w", encoding="utf-8") as f:
            f.write("phone_number,header_param1,param1,param2,button0_param\n")
            for i in range(messages):
                f.write(f"+1555{i:07d},A-{i},Ana Mar\u00eda {i},the order number {i} of this week,track-{i}\n")
    sender = json.loads((DATA / "sender.json").read_text())
    sender.update(origin=origin, limits=f"in-flight={CONNECTIONS}", connections_max=CONNECTIONS)
    sender_file = work / "sender.json"
    sender_file.write_text(json.dumps(sender))
    store = work / f"bench{round_number}.bulkmsg"
    cli = bin_dir / "bulkmsg"
    run = lambda *a: subprocess.run(pinned(CLIENT_CORE, cli, *a), check=True, capture_output=True, text=True)
    run("credits", "plan", "bench", "--users", "1000", "--store", store)
    run("send", "--store", store, "--sender", sender_file, "--template", DATA / "order_update.json", "--csv", contacts,
        "--account", "bench", "--quiet")
    run("credits", "audit", "bench", "--store", store)
    status = json.loads(run("status", "1", "--store", store, "--json").stdout)
    if status["sent"] != messages:
        sys.exit(f"bench: {status['sent']} of {messages} sent")
    return messages / ((status["finished_at_ms"] - status["started_at_ms"]) / 1000)


def run_client(*command):
    """Of a program that prints one line of JSON; None where it is not there."""
    if command[0] is None:
        return None
    return json.loads(subprocess.run(pinned(CLIENT_CORE, *command), check=True, capture_output=True, text=True).stdout)


def wrk(origin, seconds, body):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(
        pinned(CLIENT_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", ROOT / "bench" / "peers" / "post.lua",
               origin + PATH),
        check=True, capture_output=True, text=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    requests = next(int(line.split()[0]) for line in out.splitlines() if " requests in " in line)
    return {"requests_per_second": float(next(line.split(":")[1] for line in out.splitlines()
                                              if line.startswith("Requests/sec"))),
            "cpu_us": cpu * 1e6 / requests}


class Peers:
    """The clients of bench/peers/, or why one of them is missing."""

    def __init__(self, bin_dir):
        self.missing = {}
        self.raw_epoll = self.program(bin_dir / "raw_epoll", "raw epoll", "it was not built")
        self.curl = self.program(bin_dir / "curl_multi", "libcurl", "libcurl4-openssl-dev is not installed")
        self.go = None
        if shutil.which("go"):
            built = subprocess.run(["go", "build", "-o", bin_dir / "net_http", ROOT / "bench" / "peers" / "net_http.go"],
                                   capture_output=True, text=True, env={"GOCACHE": str(bin_dir.parent / "go"),
                                                                        "HOME": str(bin_dir.parent), **os.environ})
            if built.returncode:
                self.missing["Go net/http"] = "go build failed: " + built.stderr.strip()[:200]
            else:
                self.go = bin_dir / "net_http"
        else:
            self.missing["Go net/http"] = "golang-go is not installed"
        # The system's Python first: the package comes from the system's packages.
        self.python = next((p for p in ("/usr/bin/python3", sys.executable) if subprocess.run(
            [p, "-c", "import aiohttp"], capture_output=True, check=False).returncode == 0), None)
        if not self.python:
            self.missing["aiohttp"] = "python3-aiohttp is not installed"
        if not shutil.which("wrk"):
            self.missing["wrk"] = "wrk is not installed"

    def program(self, path, name, why):
        if path.exists():
            return path
        self.missing[name] = why
        return None


def row(name, ours, peer, target, missing=None, ratios=None):
    """`ours` and `peer`: by round. The ratio is the median of the rounds' own, each of which met the same machine."""
    if missing or not peer:
        return {"name": name, "ours": round(statistics.median(ours), 2) if ours else None, "peer": None, "ratio": None,
                "target": target, "missing": missing or "it did not run"}
    return {"name": name, "ours": round(statistics.median(ours), 2), "peer": round(statistics.median(peer), 2),
            "ratio": round(statistics.median(ratios or [o / p for o, p in zip(ours, peer)]), 3), "target": target}


def network(bin_dir, work, options):
    """Everything that goes over the network. In each round every client has its turn, so that a slow moment of the
    machine meets all of them."""
    body = work / "body.json"
    body.write_text(json.dumps({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550001111", "type": "template",
        "biz_opaque_callback_data": "b1.1z141z3.1.1.rs.1",
        "template": {"name": "order_update", "language": {"code": "en_US"}, "components": [
            {"type": "header", "parameters": [{"type": "text", "text": "A-17"}]},
            {"type": "body", "parameters": [{"type": "text", "text": "Ana Maria"},
                                            {"type": "text", "text": "the order number 17 of this week"}]},
            {"type": "button", "sub_type": "url", "index": "0",
             "parameters": [{"type": "text", "text": "track-17"}]}]}}, separators=(",", ":")))
    os.environ["BULKMSG_BENCH_BODY"] = str(body)
    peers = Peers(bin_dir)
    certificate = make_certificate(work)
    seen = {}

    def measure(name, what):
        if what is not None:
            seen.setdefault(name, []).append(what)
            print(f"  {name:12}" + "".join(f"  {k} {v:,.1f}" for k, v in what.items() if v), flush=True)
        return what

    sandboxes = []
    try:
        plain = Sandbox(bin_dir, work)
        sandboxes.append(plain)
        tls = Sandbox(bin_dir, work, certificate)
        sandboxes.append(tls)
        bare = bin_dir / "bare_client"
        times = str(CONNECTIONS), str(options.seconds)
        with_wrk = "wrk" not in peers.missing
        for i in range(options.rounds):
            print(f"round {i + 1}", flush=True)
            if with_wrk:
                measure("wrk", wrk(plain.origin, options.seconds, body))
            measure("pipeline", {"requests_per_second": pipeline(bin_dir, work, plain.origin, options.messages, i)})
            measure("bare", run_client(bare, plain.origin, PATH, body, *times))
            measure("raw epoll", run_client(peers.raw_epoll, plain.port, PATH, body, *times))
            measure("libcurl", run_client(peers.curl, plain.origin + PATH, body, *times))
            measure("Go net/http", run_client(peers.go, plain.origin + PATH, body, *times))
            measure("aiohttp", run_client(peers.python, ROOT / "bench" / "peers" / "aiohttp_client.py",
                                          plain.origin + PATH, body, *times) if peers.python else None)
            if with_wrk:
                measure("wrk TLS", wrk(tls.origin, options.seconds, body))
            measure("bare TLS", run_client(bare, tls.origin, PATH, body, *times, certificate[0]))
        half = str(round(statistics.median(r["requests_per_second"] for r in seen["pipeline"]) / 2))
        for _ in range(options.rounds):
            measure("bare 50%", run_client(bare, plain.origin, PATH, body, *times, "", half))
            measure("engine 50%", run_client(bin_dir / "engine_latency", plain.origin, DATA / "order_update.json", *times,
                                             half))
        crossings = crossing.rows(bin_dir, work, plain.origin, DATA / "order_update.json", options,
                                  lambda *command: pinned(CLIENT_CORE, *command), row)
    finally:
        for sandbox in sandboxes:
            sandbox.stop()

    def of(name, what="requests_per_second"):
        return [r[what] for r in seen.get(name, [])]

    def against(workload, ours, name, peer, target, what="requests_per_second"):
        return row(f"{workload} vs {name}", of(ours, what), of(peer, what), target, peers.missing.get(name))

    pipe = "whole durable pipeline, 64 connections"
    added = [e["p99_us"] - b["p99_us"] for e, b in zip(seen["engine 50%"], seen["bare 50%"])]
    commits = of("engine 50%", "commit_us")
    return [
        against("bare client, 64 connections", "bare", "wrk", "wrk", ">= 1.0"),
        against("bare client, CPU us a request", "bare", "wrk", "wrk", "<= 1.0", "cpu_us"),
        against("bare client, CPU us a request", "bare", "raw epoll", "raw epoll", "<= 1.2", "cpu_us"),
        against("bare client over TLS 1.3", "bare TLS", "wrk", "wrk TLS", ">= 1.0"),
        against("bare client over TLS 1.3, CPU us a request", "bare TLS", "wrk", "wrk TLS", "<= 1.0", "cpu_us"),
        against(pipe, "pipeline", "wrk", "wrk", ">= 0.65"),
        against(pipe, "pipeline", "libcurl", "libcurl", ">= 1.6"),
        against(pipe, "pipeline", "Go net/http", "Go net/http", ">= 2"),
        against(pipe, "pipeline", "aiohttp", "aiohttp", ">= 15"),
        row("p99 us added at 50 % load, first byte to durable vs commit", added, commits, "<= 2"),
        *crossings,
    ]


def programs(bin_dir):
    """The rows of every bench/*_bench.cpp that was built."""
    rows = []
    for program in sorted(bin_dir.glob("*_bench")):
        print(f"{program.name} ...", flush=True)
        out = subprocess.run(pinned(CLIENT_CORE, program), check=True, stdout=subprocess.PIPE, text=True).stdout
        rows += [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build" / "release" / "bin"), type=pathlib.Path)
    parser.add_argument("--peers", action="store_true", help="only what goes over the network")
    parser.add_argument("--messages", default=300_000, type=int)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--crossing", default=1_000_000, type=int, help="messages of which the cost of crossing is told")
    parser.add_argument("--seconds", default=5, type=int, help="of each peer's run")
    options = parser.parse_args()
    bin_dir = options.bin.resolve()
    os.environ.setdefault("BULKMSG_TOKEN", "bench-token")
    os.environ.setdefault("BULKMSG_APP_SECRET", "bench-secret")
    work = pathlib.Path(tempfile.mkdtemp(prefix="bulkmsg-bench-"))
    try:
        rows = network(bin_dir, work, options)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if not options.peers:
        rows += programs(bin_dir)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    for each in rows:
        each.update(host=f"{platform.machine()}, {os.cpu_count()} cores", compiler=compiler, commit=commit)
    out = ROOT / "bench" / "out"
    out.mkdir(exist_ok=True)
    (out / "peers.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{'workload vs peer':64}{'ours':>12}{'peer':>12}{'ratio':>8}  target")
    for each in rows:
        shown = "".join(f"{'missing' if each[k] is None else format(each[k], style):>{width}}"
                        for k, width, style in (("ours", 12, ",g"), ("peer", 12, ",g"), ("ratio", 8, ".2f")))
        print(f"{each['name']:64}{shown}  {each['target']}" + (f"  ({each['missing']})" if "missing" in each else ""))


if __name__ == "__main__":
    main()
