"""Model servers that follow an endpoint: kept when it answers, out of use while it does not, back when it does."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.server import ModelServer, check_server_url
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.services.connection_sources import Served, free_name, is_let_go, predecessors
from aicompute_tui.services.context import Context
from aicompute_tui.services.events import told
from aicompute_tui.services.keyed_rows import SERVERS
from aicompute_tui.store.database import Transaction

_KINDS = {kind.value: kind for kind in ServerKind if kind is not ServerKind.HTTP}
"""By framework, which has the same word."""


async def follow_ready(context: Context, transaction: Transaction, served: Served) -> None:
    """In the commit that tells of the endpoint; a person's word counts as for connections."""
    kind = _KINDS.get(served.framework)
    if kind is None:
        return
    base_url = check_server_url(served.url, kind)
    everything = await transaction.servers.list()
    following = [each for each in everything if each.source == served.source]
    following = following or await predecessors(transaction, everything, served)
    is_kept = any(each.base_url == base_url and (each.is_active or each.source is None) for each in everything)
    if not following and not is_kept and not await is_let_go(transaction, "server", served.source):
        await _make(context, transaction, served, kind, {each.name for each in everything})
    for seen in following:
        led = replace(seen, base_url=base_url, source=served.source)
        led = led if seen.inactive_reason is None else replace(led, is_active=True, inactive_reason=None)
        if led != seen:
            written = await transaction.servers.update(seen, led)
            is_back = written.is_active and not seen.is_active
            message = f"{written.name} {'is in use again' if is_back else 'leads'} at {written.base_url}"
            await _tell(context, transaction, "activated" if is_back else "changed", written, message)


async def follow_gone(
    context: Context, transaction: Transaction, source: str, reason: str, *, forgets_key: bool = False
) -> None:
    """Out of use with the reason, and kept."""
    for seen in await transaction.servers.list():
        if seen.source != source:
            continue
        rests = seen.is_active or seen.inactive_reason is not None
        rested = replace(seen, is_active=False, inactive_reason=reason) if rests else seen
        if forgets_key and seen.secret_id is not None:
            await transaction.secrets.remove(seen.secret_id)
            rested = replace(rested, secret_id=None)
        if rested != seen:
            written = await transaction.servers.update(seen, rested)
            if written.inactive_reason != seen.inactive_reason:
                message = f"{written.name} is out of use: {reason}"
                await _tell(context, transaction, "deactivated", written, message)


async def _make(context: Context, transaction: Transaction, served: Served, kind: ServerKind, taken: set[str]) -> None:
    now = context.clock.now()
    server = ModelServer(
        id=new_id(now),
        owner=served.owner,
        created_by=context.actor.name,
        name=free_name(served.title, taken),
        kind=kind,
        base_url=check_server_url(served.url, kind),
        source=served.source,
        created_at=now,
    )
    token = None if served.sealed_key is None else await transaction.secrets.get(served.sealed_key)
    server = await SERVERS.with_sealed_key(transaction, server, token, by=served.owner)
    await transaction.servers.insert(server)
    message = f"{server.name} was added, since {served.title} answers: {kind.value} at {server.base_url}"
    await _tell(context, transaction, "added", server, message)


async def _tell(context: Context, transaction: Transaction, verb: str, server: ModelServer, message: str) -> None:
    await transaction.events.append(told(context, f"server.{verb}", ("server", server.id, server.name), message))
