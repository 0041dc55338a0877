#!/usr/bin/env python3
"""What ../crossing_driver.cpp does, from Python."""

import json
import pathlib
import sys
import time

import bulkmsg
from bulkmsg import EventKind, MessageState

COLUMNS = ["phone_number", "header_param1", "param1", "param2", "button0_param"]


def run(origin, template, store, rows, way):
    engine = bulkmsg.Engine(store, progress_max=1_000_000)
    options = {
        "sender": engine.put_sender({
            "name": "crossing", "origin": origin, "phone_number_id": "106540352242922", "token": "env:BULKMSG_TOKEN",
            "limits": "in-flight=64", "connections_max": 64, "agent": "bench"}),
        "template": engine.put_template(pathlib.Path(template).read_bytes()),
        "account": engine.put_account("crossing", users=100_000),
    }
    table = [[f"+1555{i:07d}", f"A-{i}", f"Ana Maria {i}", f"the order number {i} of this week", f"track-{i}"]
             for i in range(rows)]
    columns = dict(zip(COLUMNS, map(list, zip(*table))))
    del table

    add = float("inf")
    for _ in range(1 if way == "live" else 3):
        campaign = engine.create_campaign("crossing", **options)
        began = time.process_time()
        added = campaign.add(columns).added
        add = min(add, time.process_time() - began)
        if added != rows:
            sys.exit(f"driver.py: {added} of {rows} rows were added")
    del columns

    campaign.start()
    accepted, message, sent = 0, int(EventKind.MESSAGE), int(MessageState.ACCEPTED)

    def take(timeout):
        nonlocal accepted
        taken = engine.poll(timeout, limit=1024)
        for event in taken:
            if event.kind == message and event.state == sent:
                accepted += 1
        return len(taken)

    if way == "live":
        while accepted < rows:
            take(1.0)
    while not campaign.state.is_final:
        time.sleep(0.02)
    began = time.process_time()
    while take(0.0):
        pass
    drain = time.process_time() - began
    if accepted != rows:
        sys.exit(f"driver.py: {accepted} of {rows} messages were told of")
    status = campaign.status()
    seconds = (status["finished_at_unix_ms"] - status["started_at_unix_ms"]) / 1000
    print(json.dumps({"add_us": add * 1e6 / rows, "drain_us": drain * 1e6 / rows, "per_second": rows / seconds}))
    engine.close()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
