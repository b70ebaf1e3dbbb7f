"""A container host whose engine can be made to say nothing more: connections stand, and nothing comes over them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aicompute_tui.demo.lab.engine import Lab
from aicompute_tui.demo.lab.routes import Door
from tests.contract.host_crowd import crowd_boxes

CONTAINER = "hung-box-01"


class HungEngine:
    """The demo's engine behind a relay; `freezes_at` is what of a request makes it freeze by itself."""

    def __init__(self) -> None:
        self.port = 0
        self.freezes_at = b""
        self.has_frozen = threading.Event()
        self._listens = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def freeze(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.clear)
        self.has_frozen.set()

    def thaw(self) -> None:
        self.freezes_at = b""
        self._loop.call_soon_threadsafe(self._flows.set)

    def start(self) -> None:
        self._thread.start()
        assert self._listens.wait(10)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ends.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop, self._flows, self._ends = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._flows.set()
        door = Door(Lab("hung", crowd_boxes("hung", time.time())))
        behind = await asyncio.start_server(door.take, "127.0.0.1", 0)
        self._behind = behind.sockets[0].getsockname()[1]
        relay = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = relay.sockets[0].getsockname()[1]
        self._listens.set()
        await self._ends.wait()
        for each in (relay, behind):
            each.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer), return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            if self.freezes_at and self.freezes_at in data:
                self._flows.clear()
                self.has_frozen.set()
            await self._flows.wait()
            writer.write(data)
        writer.close()


@contextmanager
def hung_engine() -> Iterator[HungEngine]:
    made = HungEngine()
    made.start()
    try:
        yield made
    finally:
        made.end()
