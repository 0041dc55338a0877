"""Python's aiohttp, storing nothing: one task for each connection.

    aiohttp_client.py URL BODY_FILE CONNECTIONS SECONDS      the token is in BULKMSG_TOKEN
"""

import asyncio
import json
import os
import sys
import time

import aiohttp


async def main():
    url, body_file, connections, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    with open(body_file, "rb") as f:
        body = f.read()
    headers = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["BULKMSG_TOKEN"]}
    answers = 0
    began, began_cpu = time.monotonic(), time.process_time()

    async def work(session):
        nonlocal answers
        while time.monotonic() < began + seconds:
            async with session.post(url, data=body, headers=headers) as answer:
                await answer.read()
                if answer.status != 200:
                    raise SystemExit(f"aiohttp_client: status {answer.status}")
            answers += 1

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        await asyncio.gather(*(work(session) for _ in range(connections)))
    print(json.dumps({"requests_per_second": round(answers / (time.monotonic() - began), 1),
                      "cpu_us": round((time.process_time() - began_cpu) * 1e6 / answers, 3)}))


asyncio.run(main())
