"""What answers at an address that nobody added yet."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import check_server_url, name_from
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.servers import check_reachable, new_server


async def probe(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.probe`: what stands before the door, for no key goes along; `ok` is whether anything does."""
    from aicompute_tui.servers.probing import find_kind
    from aicompute_tui.servers.reading import facts_now

    address = check_server_url(required_text(arguments, "url"), None)
    check_reachable(context, address)
    server = new_server(context, name=name_from(address), kind=ServerKind.HTTP, base_url=address)
    found: JsonObject = {
        "ok": False,
        "kind": None,
        "version": None,
        "base_url": address,
        "name": server.name,
        "models": None,
    }
    try:
        finding = await find_kind(server, None)
    except AicError as error:
        return {**found, "problem": error.message, "next_step": error.next_step or None}
    found |= {"ok": True, "kind": finding.kind.value, "why": finding.why, "needs_key": finding.needs_key}
    try:
        facts = await facts_now(replace(server, kind=finding.kind), None)
    except AicError:
        return {**found, "problem": None, "next_step": None}
    count = len(facts.models) if facts.models else None
    return {**found, "version": facts.version or None, "models": count, "problem": None, "next_step": None}
