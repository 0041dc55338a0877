"""Events in an asyncio loop: the engine's descriptor is watched, nothing blocks and no thread is made."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, AsyncIterator

if TYPE_CHECKING:
    from .engine import Engine
    from .events import Event


async def events(engine: "Engine", *, acknowledge: bool = True) -> AsyncIterator["Event"]:
    """Events as they come, until the engine is closed or the task is cancelled.

    A durable event is acknowledged when the loop comes back for the next batch; what a `break` or a cancellation leaves
    comes again."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    fd = engine.fileno()
    loop.add_reader(fd, readable.set)
    try:
        while True:
            done = 0
            batch = engine.poll(0, limit=1024)
            try:
                for event in batch:
                    yield event
                    done = event.id or done
            finally:
                if acknowledge and done:
                    engine.ack(done)
            if not batch:
                readable.clear()
                await readable.wait()
            else:
                await asyncio.sleep(0)
    finally:
        loop.remove_reader(fd)
