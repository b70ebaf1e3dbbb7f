"""`container.logs`: the lines of one or several containers as they come, told apart by container and stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
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
    """Handler of `container.logs`. `source` is `host/name` of what said it; `stamped` items have each line begin with
    its moment, as all do that are followed, merged or asked for so."""
    names = texts(arguments, "names")
    if not 0 < len(names) <= MOST_CONTAINERS:
        raise InvalidInput("No container was named.", f"Give 1 to {MOST_CONTAINERS} names.")
    places = await find_containers(context, names)
    order = _order(context, arguments, is_merged=len(places) > 1)
    if len(places) == 1:
        async with aclosing(container_log_items(context, places[0], order)) as items:
            async for item in items:
                yield {**item, "source": places[0].title, "stamped": order.has_moments}
        return
    async with aclosing(merged({each.title: _patient(context, each, order) for each in places})) as items:
        async for item in items:
            yield {**item, "stamped": True}


def _order(context: Context, arguments: Arguments, *, is_merged: bool) -> LogOrder:
    moment = _moment_meant(context, text(arguments, "since"))
    tail = integer(arguments, "tail", least=0, most=MOST_TAIL)
    follow = flag(arguments, "follow")
    has_moments = follow or is_merged or flag(arguments, "timestamps")
    return LogOrder(tail=tail, since=moment, follow=follow, has_moments=has_moments)


def _moment_meant(context: Context, since: str | None) -> datetime | None:
    """A moment as a line begins with it, or so long ago."""
    if since is None or since == "all":
        return None
    return parse_moment(since) or context.clock.now() - timedelta(seconds=parse_duration(since))


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
