"""A whole copy of the database, made while it is in use."""

from __future__ import annotations

from pathlib import Path

from aicompute_tui.domain.errors import InvalidInput, Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.views import moment_or_none


async def backup(context: Context, arguments: Arguments) -> Json:
    """Handler of `store.backup`. Raises Refused where there is a file of that name already."""
    now = context.clock.now()
    named = text(arguments, "path")
    path = Path(named) if named else context.places.backups / f"aic-tui-{now:%Y%m%dT%H%M%SZ}.db"
    if not path.is_absolute():
        raise InvalidInput(f"{path} does not say which folder is meant.", "Give the whole path.")
    if path.is_dir() or not path.name:
        raise InvalidInput(f"{path} is a folder.", "Give the path of a file.")
    if path.exists():
        raise Refused(f"There is a file {path} already.", "Give another name.")
    if named is None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
    await context.store.backup_to(path)
    async with context.store.write() as transaction:
        subject = ("store", context.store.store_id, "database")
        await transaction.events.append(
            told(context, "store.backed-up", subject, f"The database was copied to {path}.")
        )
    return {"path": str(path), "bytes": path.stat().st_size, "at": moment_or_none(now)}
