"""`container.logs`: the lines of one or several containers as they come, told apart by container and stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.arguments import flag, integer, text, texts
from aicompute_tui.services.container_log_stream import LogOrder, container_log_items
from aicompute_tui.services.containers import Place, find_containers
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.log_merge import merged
from aicompute_tui.services.log_pipeline import mark

MOST_TAIL = 10_000_000
MOST_CONTAINERS = 100
_AGAIN_SECONDS = 2.0


async def logs(context: Context, arguments: Arguments) -> AsyncGenerator[JsonObject]:
    """Handler of `container.logs`. Every line begins with its moment; `source` is `host/name` of what said it."""
    names = texts(arguments, "names")
    if not 0 < len(names) <= MOST_CONTAINERS:
        raise InvalidInput("No container was named.", f"Give 1 to {MOST_CONTAINERS} names.")
    order = _order(context, arguments)
    places = await find_containers(context, names)
    if len(places) == 1:
        async with aclosing(container_log_items(context, places[0], order)) as items:
            async for item in items:
                yield {**item, "source": places[0].title}
        return
    async with aclosing(merged({each.title: _patient(context, each, order) for each in places})) as items:
        async for item in items:
            yield item


def _order(context: Context, arguments: Arguments) -> LogOrder:
    since = text(arguments, "since")
    moment = None if since is None or since == "all" else context.clock.now() - timedelta(seconds=parse_duration(since))
    tail = integer(arguments, "tail", least=0, most=MOST_TAIL)
    return LogOrder(tail=tail, since=moment, follow=flag(arguments, "follow"))


async def _patient(context: Context, place: Place, order: LogOrder) -> AsyncGenerator[JsonObject]:
    """One log among several: what cannot be read is said once, and does not end the others."""
    told = ""
    while True:
        try:
            async with aclosing(container_log_items(context, place, order)) as items:
                async for item in items:
                    yield item
        except AicError as error:
            if error.message != told:
                told = error.message
                yield mark("note", f"{place.title}: {error.message} {error.next_step}".strip(), context.clock.now())
            if not order.follow:
                return
        else:
            return
        await context.clock.sleep(_AGAIN_SECONDS)
