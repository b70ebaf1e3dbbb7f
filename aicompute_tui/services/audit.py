"""Writing rows and the audit line that tells of it, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from aicompute_tui.domain.event import Event
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance
from aicompute_tui.services.context import Context
from aicompute_tui.store.database import Transaction


async def record(
    context: Context,
    transaction: Transaction,
    instance: Instance,
    kind: str,
    message: str,
    *,
    level: str = "info",
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> None:
    """One audit line about a machine; the actor is who runs this process."""
    now = context.clock.now()
    await transaction.events.append(
        Event(
            id=new_id(now),
            at=now,
            actor=context.actor.name,
            kind=kind,
            subject_kind="instance",
            subject_id=instance.id,
            subject_name=instance.name,
            message=message,
            level=level,
            before=before or {},
            after=after or {},
        )
    )


def differences(old: Instance, new: Instance) -> dict[str, object]:
    """Field → new value where the two differ."""
    return {
        field.name: getattr(new, field.name)
        for field in fields(Instance)
        if field.name != "version" and getattr(old, field.name) != getattr(new, field.name)
    }


async def save(transaction: Transaction, old: Instance, new: Instance) -> Instance:
    """Writes what differs; raises Conflict where `old` is no longer what is stored."""
    changes = differences(old, new)
    return await transaction.instances.update(old, **changes) if changes else old
