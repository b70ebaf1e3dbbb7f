"""Forgetting a machine's pinned host key: asked for by a person who knows that the machine was rebuilt."""

from __future__ import annotations

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.arguments import required_text, texts
from aicompute_tui.services.audit import record
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.targets import find_meant


async def forget_key(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.forget-key`: the next connection pins whatever key it then meets."""
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        row = await find_meant(context, transaction, required_text(arguments, "name"))
        if row.name not in texts(arguments, "confirm_name"):
            raise Refused(
                f"Whoever answers in the place of {row.name} would be trusted next.",
                f"If it was rebuilt, add --confirm-name {row.name}.",
            )
        message = f"The host key of {row.name} is forgotten; the next connection pins the one it meets"
        await record(context, transaction, row, "host-key.forgotten", message, level="warning")
    await context.nodes.forget(row.id)
    return {"id": row.id, "name": row.name, "known_hosts": str(context.places.known_hosts)}
