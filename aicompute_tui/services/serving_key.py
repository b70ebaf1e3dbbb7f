"""The key a machine's server asks of every request: made here, kept in the vault, and told to its owner alone."""

from __future__ import annotations

import secrets

from aicompute_tui.domain.errors import NotAllowed, NotFound, Refused
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.instance import Instance
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context

_BYTES = 32


def sealed_name(instance_id: str) -> str:
    """Where the vault keeps it."""
    return f"serving-key:{instance_id}"


async def serving_key(context: Context, row: Instance) -> str | None:
    """The machine's key, made and written down before anybody hears of it. Raises what the vault raises.

    None for one that has served without: the programs that use it go on without.
    """
    name = sealed_name(row.id)
    async with context.store.read() as transaction:
        sealed = await transaction.secrets.get(name)
    if sealed is None and row.ready_at is not None:
        return None
    if sealed is None:
        fresh = await context.clouds.seal(f"sk-{secrets.token_urlsafe(_BYTES)}")
        async with context.store.write() as transaction:
            sealed = await transaction.secrets.get(name)
            if sealed is None:
                await transaction.secrets.put(name, sealed := fresh, by=context.actor.owner)
    return await context.clouds.unseal(sealed)


async def show_key(context: Context, arguments: Arguments) -> str:
    """Handler of `instance.key`."""
    async with context.store.read() as transaction:
        row = await transaction.instances.find(required_text(arguments, "name"))
        sealed = await transaction.secrets.get(sealed_name(row.id))
    if row.owner != context.actor.owner:
        raise NotAllowed(f"{row.name} is {row.owner}'s: its key is told to nobody else.", f"Ask {row.owner}.")
    if row.is_final:
        raise Refused(f"{row.name} has ended: nothing answers there any more.", "")
    framework = FRAMEWORKS.get(row.framework)
    if framework is None or not framework.takes_key:
        what = "runs no server of ours" if framework is None else f"runs {framework.title}, which takes no key"
        raise Refused(f"{row.name} {what}.", "Its endpoint answers without one.")
    if sealed is None:
        step = "It gets one at its first answer over ssh; one that had been set up by then serves without."
        raise NotFound(f"{row.name} has no key.", step)
    return await context.clouds.unseal(sealed)
