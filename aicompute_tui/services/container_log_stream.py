"""The log of one container as items of the pipeline: over restarts of the container and of its engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from aicompute_tui.domain.container import Container
from aicompute_tui.domain.errors import NotFound
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.hosts.base import Engine, LogsWanted
from aicompute_tui.services.containers import Place
from aicompute_tui.services.context import Context
from aicompute_tui.services.log_pipeline import Opening, follow_source

LOOK_SECONDS = 0.5
"""How often a container that ended is looked at for its next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOrder:
    """How much of a container's log is asked for; `tail` None is all of it."""

    tail: int | None = None
    since: datetime | None = None
    follow: bool = False
    has_moments: bool = True
    """Without them nothing can be resumed after a break, so that following wants them."""


async def container_log_items(context: Context, place: Place, order: LogOrder) -> AsyncGenerator[JsonObject]:
    """Each line begins with its moment; an item with lines names the stream they came on.

    Raises what the first opening raises, and later all but Unreachable.
    """
    reader = _Reader(context, place, order)
    items = follow_source(reader.open, clock=context.clock, follow=order.follow)
    try:
        async for item in items:
            yield item
    finally:
        await items.aclose()


class _Reader:
    """What is known from one opening of the log to the next."""

    def __init__(self, context: Context, place: Place, order: LogOrder) -> None:
        self._context = context
        self._place = place
        self._order = order
        self._ended_at: datetime | None = None
        """When the run ended whose log was read to its end."""
        self._has_read = False

    @asynccontextmanager
    async def open(self, opening: Opening) -> AsyncIterator[AsyncIterator[bytes]]:
        chunks = self._chunks(opening)
        try:
            yield chunks
        finally:
            await chunks.aclose()

    async def _chunks(self, opening: Opening) -> AsyncGenerator[bytes]:
        def say(text: str) -> bytes:
            return f"{opening.token}{text}\n".encode()

        engine = await self._context.hosts.engine(self._place.host)
        try:
            container = await self._when_it_runs(engine)
        except NotFound:
            if not self._has_read:
                raise
            yield say(f"stop {self._place.title} was removed.")
            return
        stream = ""
        async with engine.logs(
            container.id, self._wanted(opening), has_terminal=container.has_terminal is True
        ) as pieces:
            self._has_read = True
            yield say("log")
            async for piece in pieces:
                if piece.stream.value != stream:
                    stream = piece.stream.value
                    yield say(f"stream {stream}")
                yield piece.data
        if self._order.follow:
            yield say(await self._end(engine))

    async def _when_it_runs(self, engine: Engine) -> Container:
        """At once where nothing was read to the end yet, else after its next start."""
        while True:
            container, _ = await engine.inspect(self._place.container.id)
            if self._ended_at is None:
                return container
            if container.state.is_alive and container.started_at != self._ended_at:
                self._ended_at = None
                return container
            await self._context.clock.sleep(LOOK_SECONDS)

    async def _end(self, engine: Engine) -> str:
        """What is said of the end of a run."""
        try:
            container, _ = await engine.inspect(self._place.container.id)
        except NotFound:
            return f"stop {self._place.title} was removed."
        if container.state.is_alive:
            return f"note {self._place.title} was started again."
        self._ended_at = container.started_at
        why = "its memory was used up" if container.is_out_of_memory else f"exit code {container.exit_code}"
        return f"note {self._place.title} ended ({why}); what it prints when it starts again follows here."

    def _wanted(self, opening: Opening) -> LogsWanted:
        read = opening.read
        if read is not None and read.stamp:
            return LogsWanted(since=read.stamp, follow=self._order.follow)
        since = self._order.since
        stamp = "" if since is None else since.isoformat(timespec="microseconds")
        order = self._order
        return LogsWanted(tail=order.tail, since=stamp, follow=order.follow, has_moments=order.has_moments)
