"""The hosts or containers a command names, which then go by id: what was shown is what is acted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.containers import find_containers
from aicompute_tui.services.host_views import container_view, host_view

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call
    from aicompute_tui.services.context import Context


async def container_targets(call: Call, context: Context) -> list[JsonObject]:
    now = context.clock.now()
    if call.action.scope == "hosts":
        async with context.store.read() as transaction:
            host = await transaction.hosts.find(str(call.arguments["name"]))
            report = await transaction.host_reports.get(host.id)
        call.arguments["name"] = host.id
        return [host_view(host, report, now)]
    named = call.arguments.get("names")
    names = [str(name) for name in named] if isinstance(named, list) else [str(call.arguments["name"])]
    places = await find_containers(context, names)
    ids = [f"{place.host.id}/{place.container.id}" for place in places]
    if isinstance(named, list):
        call.arguments["names"] = ids
    else:
        call.arguments["name"] = ids[0]
    return [container_view(place.container, place.host, place.report, now) for place in places]
