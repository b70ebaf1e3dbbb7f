"""Connections that follow an endpoint: made when it answers, out of use while it does not, back when it does again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from aicompute_tui.domain.connection import Connection, check_base_url, server_of
from aicompute_tui.domain.event import EventFilter
from aicompute_tui.domain.ids import new_id
from aicompute_tui.llms.presets import PRESETS
from aicompute_tui.services import endpoint_servers
from aicompute_tui.services.connection_sources import Served, free_name, is_let_go, predecessors
from aicompute_tui.services.context import Context
from aicompute_tui.services.events import told
from aicompute_tui.services.keyed_rows import CONNECTIONS
from aicompute_tui.store.database import Transaction

_PRESETS = {"ollama": "ollama", "vllm": "vllm", "tgi": "tgi", "llamacpp": "llama-cpp", "sglang": "sglang"}
"""Preset by framework. What only embeds, ranks, paints or shows pages answers no prompts."""


async def follow_ready(context: Context, transaction: Transaction, served: Served) -> None:
    """In the commit that tells of the endpoint, with the server. What stands as it should is left as it is.

    A connection that a person took out of use stays so; one that a person removed is not made again, and none is made
    where one in use or one of a person's own leads there already.
    """
    await endpoint_servers.follow_ready(context, transaction, served)
    if served.framework not in _PRESETS:
        return
    everything = await transaction.connections.list()
    following = [each for each in everything if each.source == served.source]
    following = following or await predecessors(transaction, everything, served)
    url = _base_url(served)
    is_kept = any(each.base_url == url and (each.is_active or each.source is None) for each in everything)
    if (
        not following
        and served.answers
        and not is_kept
        and not await is_let_go(transaction, "connection", served.source)
    ):
        await _make(context, transaction, everything, served)
    for seen in following:
        led = _led(seen, served)
        if led != seen:
            written = await transaction.connections.update(seen, led)
            is_back = written.is_active and not seen.is_active
            message = f"{written.name} {'is in use again' if is_back else 'leads'} at {written.base_url}"
            await _tell(context, transaction, "activated" if is_back else "changed", written, message)


async def follow_gone(context: Context, transaction: Transaction, source: str, reason: str) -> None:
    """Out of use with the reason, and kept. What is out of use by a person's hand stays as it is."""
    await endpoint_servers.follow_gone(context, transaction, source, reason)
    for seen in await transaction.connections.list():
        if seen.source == source and (seen.is_active or seen.inactive_reason is not None):
            rested = replace(seen, is_active=False, inactive_reason=reason)
            if rested != seen:
                written = await transaction.connections.update(seen, rested)
                message = f"{written.name} is out of use: {reason}"
                await _tell(context, transaction, "deactivated", written, message)


async def follow_end(context: Context, transaction: Transaction, source: str, reason: str) -> None:
    """Nothing will ever answer there again: their keys, which were that server's own, are forgotten as well."""
    await follow_gone(context, transaction, source, reason)
    await endpoint_servers.follow_gone(context, transaction, source, reason, forgets_key=True)
    for seen in await transaction.connections.list():
        if seen.source == source and seen.secret_id is not None:
            await transaction.secrets.remove(seen.secret_id)
            await transaction.connections.update(seen, replace(seen, secret_id=None))


async def missing_sources(transaction: Transaction, beginning: str, present: Collection[str]) -> dict[str, str]:
    """The title of each that begins so and is followed, is not among those present, and was last told of as ready."""
    followed = [(each.source, each.inactive_reason) for each in await transaction.connections.list()]
    followed += [(each.source, each.inactive_reason) for each in await transaction.servers.list()]
    sources = {source for source, reason in followed if source is not None and reason is None} - set(present)
    titles = {}
    for source in sorted(each for each in sources if each.startswith(beginning)):
        wanted = EventFilter(kind="endpoint.", subject=source.partition(":")[2])
        last = await transaction.events.list(limit=1, wanted=wanted)
        if last and last[0].kind == "endpoint.ready":
            titles[source] = last[0].subject_name
    return titles


def _led(seen: Connection, served: Served) -> Connection:
    """To where the endpoint is now; its key is the server's own, which moved with it."""
    is_there = seen.source == served.source and server_of(seen.base_url) == server_of(_base_url(served))
    url = seen.base_url if is_there else _base_url(served)  # a path of a person's own stays
    led = replace(seen, base_url=url, source=served.source, model=seen.model or _first(served.models))
    if seen.source != served.source and served.models and led.model not in served.models:
        led = replace(led, model=_first(served.models))
    return led if seen.inactive_reason is None else replace(led, is_active=True, inactive_reason=None)


async def _make(context: Context, transaction: Transaction, everything: Sequence[Connection], served: Served) -> None:
    now = context.clock.now()
    connection = Connection(
        id=new_id(now),
        owner=served.owner,
        created_by=context.actor.name,
        name=free_name(served.title, {each.name for each in everything if each.owner == served.owner}),
        kind=_PRESETS[served.framework],
        base_url=_base_url(served),
        model=_first(served.models),
        created_at=now,
        source=served.source,
    )
    token = None if served.sealed_key is None else await transaction.secrets.get(served.sealed_key)
    connection = await CONNECTIONS.with_sealed_key(transaction, connection, token, by=served.owner)
    await transaction.connections.insert(connection)
    message = f"{connection.name} was added, since {served.title} answers: {connection.kind} at {connection.base_url}"
    await _tell(context, transaction, "added", connection, message)


async def _tell(context: Context, transaction: Transaction, verb: str, connection: Connection, message: str) -> None:
    subject = ("connection", connection.id, connection.name)
    await transaction.events.append(told(context, f"connection.{verb}", subject, message))


def _base_url(served: Served) -> str:
    return check_base_url(served.url, PRESETS[_PRESETS[served.framework]].usual_path)


def _first(models: Sequence[str]) -> str | None:
    return models[0] if models else None
