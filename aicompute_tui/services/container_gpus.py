"""The GPUs a container sees, asked inside of it: an engine tells only which were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.container import Container
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.hosts.base import Engine
from aicompute_tui.metrics.nvidia_smi import QUERY, explain_failure, parse_line
from aicompute_tui.services.node_metrics import gpu_views

_EVERY_SECONDS = 5.0
_ASK_SECONDS = 10.0


class GpuWatch:
    """`view` is what was read last; nothing where the container asked for no GPU, or has nothing to ask with."""

    def __init__(self, engine: Engine, container: Container, clock: Clock) -> None:
        self.view: JsonObject = {"gpus": None, "gpu_problem": ""}
        self._engine = engine
        self._container = container
        self._clock = clock
        self._was_read = asyncio.Event()

    async def first(self) -> None:
        """Returns when it was asked once, or cannot be."""
        await self._was_read.wait()

    async def run(self) -> None:
        goes_on = self._container.gpus is not None
        while goes_on:
            goes_on = await self._read()
            self._was_read.set()
            if goes_on:
                await self._clock.sleep(_EVERY_SECONDS)
        self._was_read.set()

    async def _read(self) -> bool:
        """False where asking again is of no use."""
        try:
            done = await self._engine.execute(self._container.id, QUERY.split(), timeout_seconds=_ASK_SECONDS)
        except InvalidInput:
            self.view = {"gpus": None, "gpu_problem": ""}
            return False
        except (AicError, TimeoutError):
            return True  # the stream beside it says what is wrong
        output = done.stdout.decode(errors="replace")
        found = [gpu for line in output.splitlines() if (gpu := parse_line(line)) is not None]
        gpus: list[Json] = gpu_views(found)
        problem = "" if gpus else f"sees none: {_why(done.exit_code, output + done.stderr.decode(errors='replace'))}"
        self.view = {"gpus": gpus, "gpu_problem": problem}
        return True


def _why(exit_code: int, output: str) -> str:
    return explain_failure(exit_code, output) if exit_code else "nvidia-smi names no GPU."


@asynccontextmanager
async def watched_gpus(engine: Engine, container: Container, clock: Clock) -> AsyncIterator[GpuWatch]:
    watch = GpuWatch(engine, container, clock)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
