"""What is done to containers: started, stopped, killed, held, renamed and removed; each host's rows renewed at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound
from aicompute_tui.domain.json import Json
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.arguments import flag, integer, required_text, text, texts
from aicompute_tui.services.container_endpoints import tell_gone
from aicompute_tui.services.containers import Place, find_container, find_containers
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.host_reports import take_containers
from aicompute_tui.services.host_views import container_view

_GRACE_SECONDS = 10
_AT_ONCE = 16
_ENDING = frozenset({"stopped", "killed", "paused", "removed"})

Change = Callable[[Engine, Place], Awaitable[None]]


async def start(context: Context, arguments: Arguments) -> Json:
    return await _each(context, arguments, "started", lambda engine, place: engine.start(place.container.id))


async def stop(context: Context, arguments: Arguments) -> Json:
    grace = _grace(arguments)
    return await _each(context, arguments, "stopped", lambda engine, place: engine.stop(place.container.id, grace))


async def restart(context: Context, arguments: Arguments) -> Json:
    grace = _grace(arguments)
    return await _each(context, arguments, "restarted", lambda engine, place: engine.restart(place.container.id, grace))


async def kill(context: Context, arguments: Arguments) -> Json:
    signal = text(arguments, "signal") or "KILL"
    return await _each(context, arguments, "killed", lambda engine, place: engine.kill(place.container.id, signal))


async def pause(context: Context, arguments: Arguments) -> Json:
    return await _each(context, arguments, "paused", lambda engine, place: engine.pause(place.container.id))


async def unpause(context: Context, arguments: Arguments) -> Json:
    return await _each(context, arguments, "unpaused", lambda engine, place: engine.unpause(place.container.id))


async def remove(context: Context, arguments: Arguments) -> Json:
    """Also one that runs, which was asked about; its own volumes only where that was said."""
    volumes = flag(arguments, "volumes")
    return await _each(
        context,
        arguments,
        "removed",
        lambda engine, place: engine.remove(place.container.id, force=True, volumes=volumes),
    )


async def rename(context: Context, arguments: Arguments) -> Json:
    name = required_text(arguments, "new_name")
    place = await find_container(context, required_text(arguments, "name"))
    engine = await context.hosts.engine(place.host)
    await _prove(context)
    try:
        await engine.rename(place.container.id, name)
    except AicError as error:
        raise place.named(error) from error
    await _tell(context, place, "renamed", after={"name": name})
    return (await _rows(context, [place]))[0]


def _grace(arguments: Arguments) -> int:
    seconds = integer(arguments, "grace", least=0, most=3_600)
    return _GRACE_SECONDS if seconds is None else seconds


async def _each(context: Context, arguments: Arguments, done: str, change: Change) -> Json:
    """All at once; what could not be done is said of each, and raised where nothing was done."""
    names = texts(arguments, "names")
    if not names:
        raise InvalidInput("No container was named.", "Give at least one name.")
    places = await find_containers(context, names)
    await _prove(context)
    door = asyncio.Semaphore(_AT_ONCE)

    async def carry_out(place: Place) -> AicError | None:
        try:
            async with door:
                await change(await context.hosts.engine(place.host), place)
        except AicError as error:
            return place.named(error)
        await _tell(context, place, done)
        return None

    failures = await asyncio.gather(*(carry_out(place) for place in places))
    failed = [error for error in failures if error is not None]
    if len(failed) == len(places) == 1:
        raise failed[0]
    rows: list[Json] = [*await _rows(context, places)]
    if failed:
        told_of = " ".join(f"{error.message}" for error in failed[:3])
        left = len(places) - len(failed)
        raise type(failed[0])(f"{left} of {len(places)} containers were {done}. {told_of}", failed[0].next_step)
    return rows


async def _prove(context: Context) -> None:
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)


async def _tell(context: Context, place: Place, done: str, after: dict[str, str] | None = None) -> None:
    message = f"{place.container.name} on {place.host.name} was {done}."
    if after and "name" in after:
        message = f"{place.container.name} on {place.host.name} is now {after['name']}."
    line = told(
        context,
        f"container.{done}",
        ("container", place.container.key, place.title),
        message,
        before={"state": place.container.state.value},
        after=after,
    )
    level = "warning" if done in {"killed", "removed"} else "info"
    async with context.store.write() as transaction:
        await transaction.events.append(replace(line, level=level))
    if done in _ENDING:
        await tell_gone(context, place.host, place.container.key, place.container.name, f"it was {done}")


async def _rows(context: Context, places: Sequence[Place]) -> list[Json]:
    """The containers as they are now, their hosts' rows renewed; one that is gone as it was."""
    hosts = {place.host.id: place.host for place in places}
    changed = {place.container.id for place in places}
    seen: dict[str, Place] = {}
    for host in hosts.values():
        try:
            look = await take_containers(context, host, await context.hosts.engine(host), changed)
        except (AicError, NotFound):
            continue
        seen |= {each.key: Place(host, each, look.report) for each in look.containers}
    now = context.clock.now()
    found = [seen.get(place.container.key, place) for place in places]
    return [container_view(place.container, place.host, place.report, now) for place in found]
