"""What containers use, and commands inside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from aicompute_tui.domain.errors import AicError, InvalidInput, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.arguments import integer, required_text, texts
from aicompute_tui.services.container_gpus import watched_gpus
from aicompute_tui.services.containers import Place, find_container, find_containers
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.host_views import stats_view

_MOST_WAITING = 64
_EXEC_SECONDS = 600.0


async def stats(context: Context, arguments: Arguments) -> AsyncGenerator[JsonObject]:
    """Handler of `container.stats`: a row a second of each container; `count` of each, 0 until they have ended."""
    names = texts(arguments, "names")
    if not names:
        raise InvalidInput("No container was named.", "Give at least one name.")
    count = integer(arguments, "count", least=0, most=1_000_000) or 0
    places = await find_containers(context, names)
    rows: asyncio.Queue[JsonObject | AicError | None] = asyncio.Queue(_MOST_WAITING)
    tasks = [asyncio.create_task(_fill(rows, _samples(context, place, count))) for place in places]
    left = len(tasks)
    try:
        while left:
            row = await rows.get()
            if isinstance(row, AicError):
                raise row
            if row is None:
                left -= 1
            else:
                yield row
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _fill(rows: asyncio.Queue[JsonObject | AicError | None], found: AsyncIterator[JsonObject]) -> None:
    try:
        async for row in found:
            await rows.put(row)
    except AicError as error:
        await rows.put(error)
    await rows.put(None)


async def _samples(context: Context, place: Place, count: int) -> AsyncGenerator[JsonObject]:
    """The first answer of a stream knows no processor use and is left out. Ends when the container does."""
    engine = await context.hosts.engine(place.host)
    container, _ = await engine.inspect(place.container.id)
    if not container.state.is_alive:
        raise Refused(f"{place.title} does not run, so it uses nothing.", "Start it first.")
    given = 0
    async with engine.stats(container.id) as samples, watched_gpus(engine, container, context.clock) as gpus:
        is_first = True
        async for sample in samples:
            if sample.at is None:
                return
            if not is_first:
                if count:
                    await gpus.first()
                yield {**stats_view(container, place.host, sample), **gpus.view}
                given += 1
            is_first = False
            if count and given >= count:
                return


async def execute(context: Context, arguments: Arguments) -> Json:
    """Handler of `container.exec` with a command: carried out to its end; its output and exit code."""
    command = texts(arguments, "command")
    if not command:
        raise InvalidInput("No command was given.", "Give it after --, as in: -- nvidia-smi -L.")
    place = await find_container(context, required_text(arguments, "name"))
    engine = await context.hosts.engine(place.host)
    try:
        done = await engine.execute(place.container.id, command, timeout_seconds=_EXEC_SECONDS)
    except AicError as error:
        raise place.named(error) from error
    return {
        "host": place.host.name,
        "name": place.container.name,
        "exit_code": done.exit_code,
        "stdout": done.stdout.decode("utf-8", "replace"),
        "stderr": done.stderr.decode("utf-8", "replace"),
    }
