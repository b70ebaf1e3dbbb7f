"""What `doctor` says of connections: whether each key opens and each address is one, and which were found."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aicompute_tui.domain.connection import Connection, check_base_url
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.llms.presets import preset_of
from aicompute_tui.services.connection_finding import find
from aicompute_tui.services.context import Context
from aicompute_tui.services.finding import FAILED, OK, WARNING, finding
from aicompute_tui.services.keyed_rows import CONNECTIONS


async def connection_findings(context: Context) -> list[JsonObject]:
    """Nothing is asked of them; `connection test` does that."""
    async with context.store.read() as transaction:
        kept = await transaction.connections.list()
    problems = [row for each in kept if (row := await _problem(context, each)) is not None]
    if kept and not problems:
        keys = sum(each.secret_id is not None for each in kept)
        problems.append(finding("connections", OK, f"{len(kept)} kept, {keys} with a key that opens"))
    found = await find(context, {})
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return problems + [
        finding("connections", OK, f"found and not added: {row['title']} at {row['where']}", str(row["next_step"]))
        for row in rows
    ]


async def _problem(context: Context, connection: Connection) -> JsonObject | None:
    name = f"connection {connection.name}"
    try:
        preset = preset_of(connection.kind)
        check_base_url(connection.base_url, preset.usual_path)
        await CONNECTIONS.opened_key(context, connection)
    except AicError as error:
        return finding(name, FAILED, error.message, error.next_step)
    if preset.needs_key and connection.secret_id is None:
        step = f"aic-tui connection edit {connection.word} --api-key-stdin"
        return finding(name, WARNING, f"{preset.title} wants a key, and none is kept.", step)
    certificates = connection.options.tls_ca
    if certificates is not None and not await asyncio.to_thread(Path(certificates).is_file):
        step = f"aic-tui connection edit {connection.word} --tls-ca FILE"
        return finding(name, FAILED, f"There is no file {certificates}.", step)
    return None
