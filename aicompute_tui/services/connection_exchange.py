"""Connections taken to another installation: their keys on request alone, sealed, and for their own server alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from aicompute_tui.domain.connection import Connection, check_connection_name, server_of
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.addresses import address_of
from aicompute_tui.llms.presets import preset_of
from aicompute_tui.services.arguments import flag, required_text, texts
from aicompute_tui.services.connection_arguments import checked_key, described
from aicompute_tui.services.connection_files import (
    ConnectionFile,
    Entry,
    entry_of,
    read_file,
    refuse_taken,
    write_file,
)
from aicompute_tui.services.connection_sources import let_go
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.jobs import pending_secret
from aicompute_tui.services.keyed_rows import CONNECTIONS
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.passphrase import Passphrase

_SHORTEST = 8
_WRITING = "writing the file"


async def export(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.export`: those named, else all. Raises Refused where there is a file of that name.

    One that was there before is told apart from what this very job wrote before it was taken up again.
    """
    path, job = _path(arguments), context.running_job
    is_again = job.job.progress == _WRITING
    text = await _passphrase(context)
    seal: Passphrase | None = None
    if flag(arguments, "with_secrets"):
        if text is None or len(text) < _SHORTEST:
            step = "Give one of 8 characters or more: aic-tui connection export --with-secrets asks for it."
            raise InvalidInput("Keys leave here sealed by a passphrase alone.", step)
        seal = await asyncio.to_thread(Passphrase.fresh, text)
    async with context.store.read() as transaction:
        names = texts(arguments, "names")
        chosen = [await transaction.connections.find(name) for name in names] or await transaction.connections.list()
    entries = [entry_of(each, await _sealed_key(context, each, seal)) for each in chosen]
    if not is_again:
        await asyncio.to_thread(refuse_taken, path)
    await job.progress(_WRITING)
    await asyncio.to_thread(write_file, path, entries, {} if seal is None else seal.header, replace=is_again)
    keys = sum(each.sealed_key is not None for each in entries)
    async with context.store.write() as transaction:
        await job.hold(transaction)
        message = f"{len(entries)} connection(s) were written to {path}, {keys} with their sealed keys"
        subject = ("connection", "", path.name)
        await transaction.events.append(told(context, "connection.exported", subject, message))
    return {"path": str(path), "connections": len(entries), "keys": keys}


async def _sealed_key(context: Context, connection: Connection, seal: Passphrase | None) -> str | None:
    """With the server it is for: the address beside it in the file may be changed by anybody."""
    key = None if seal is None else await CONNECTIONS.opened_key(context, connection)
    if seal is None or key is None:
        return None
    return seal.seal(json.dumps({"key": key, "server": [*server_of(connection.base_url)]}))


async def import_connections(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.import`: nothing is changed unless everything in the file is as it should be."""
    text = await _passphrase(context)
    given = await asyncio.to_thread(read_file, _path(arguments))
    opened = await _opened(given, text)
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        kept = {each.name: each for each in await transaction.connections.list()}
        rows: list[Json] = []
        for entry in given.connections:
            seen = kept.get(entry.name)
            is_left = seen is not None and not flag(arguments, "replace")
            connection = _described(context, entry, seen)
            key, note = _key_of(entry, connection, opened)
            if not flag(arguments, "dry_run") and not is_left:
                await _keep(context, transaction, connection, seen, key)
            rows.append(_row(connection, seen, key, note, is_left=is_left))
    return rows


def _described(context: Context, entry: Entry, seen: Connection | None) -> Connection:
    """Raises InvalidInput, NotFound that name the connection."""
    now = context.clock.now()
    try:
        preset = preset_of(entry.type)
        fresh = Connection(
            id=new_id(now),
            owner=context.actor.owner,
            created_by=context.actor.name,
            name=check_connection_name(entry.name),
            kind=preset.name,
            base_url=address_of(entry.base_url, preset).base_url,
            created_at=now,
            is_active=entry.is_active,
        )
        made = described(entry.arguments(), fresh)
    except AicError as error:
        raise InvalidInput(f"“{entry.name[:70]}”: {error.message}", error.next_step) from None
    if seen is None:
        return made
    stays = server_of(seen.base_url) == server_of(made.base_url)
    if stays and seen.inactive_reason is not None and made.is_active:  # the key is not for who answers there now
        made = replace(made, is_active=False, inactive_reason=seen.inactive_reason)
    return replace(
        made,
        id=seen.id,
        version=seen.version,
        owner=seen.owner,
        created_by=seen.created_by,
        created_at=seen.created_at,
        secret_id=seen.secret_id if stays else None,
        source=seen.source if stays else None,
    )


async def _opened(given: ConnectionFile, text: str | None) -> dict[str, tuple[str, tuple[object, ...]]]:
    """Key and server by connection; none without a passphrase. Raises AuthFailed, InvalidInput."""
    if text is None or not given.has_keys:
        return {}
    seal = await asyncio.to_thread(Passphrase.of, text, given.sealing)
    found = {}
    for each in given.connections:
        if each.sealed_key is not None:
            held = json.loads(seal.unseal(each.sealed_key))
            found[each.name] = (checked_key(held["key"]), tuple(held["server"]))
    return found


def _key_of(
    entry: Entry, connection: Connection, opened: dict[str, tuple[str, tuple[object, ...]]]
) -> tuple[str | None, str]:
    """The key, or why it is left out."""
    if entry.sealed_key is None:
        return None, ""
    if entry.name not in opened:
        return None, "its key is left out: no passphrase was given"
    key, server = opened[entry.name]
    if server != server_of(connection.base_url):
        return None, "its key is left out: it was sealed for another address"
    return key, ""


async def _keep(
    context: Context, transaction: Transaction, connection: Connection, seen: Connection | None, key: str | None
) -> None:
    sealed = None if key is None else await context.clouds.seal(key)
    connection = await CONNECTIONS.with_sealed_key(transaction, connection, sealed, by=connection.owner)
    if seen is None:
        await transaction.connections.insert(connection)
    else:
        if seen.secret_id is not None and connection.secret_id is None:
            await transaction.secrets.remove(seen.secret_id)
        if connection.source is None:
            await let_go(context, transaction, seen)
        await transaction.connections.update(seen, connection)
    verb = "added" if seen is None else "changed"
    await CONNECTIONS.tell(context, transaction, verb, connection, "was taken from a file")


def _row(connection: Connection, seen: Connection | None, key: str | None, note: str, *, is_left: bool) -> JsonObject:
    has_key = key is not None or (seen is not None and connection.secret_id is not None)
    return {
        "name": connection.name,
        "action": "add" if seen is None else "leave" if is_left else "replace",
        "kind": connection.kind,
        "base_url": connection.base_url,
        "has_key": has_key,
        "note": "there is one of that name; --replace changes it" if is_left else note or None,
    }


async def _passphrase(context: Context) -> str | None:
    """What waits sealed beside the job, and goes with its end: whoever takes the job up needs it again."""
    async with context.store.read() as transaction:
        token = await transaction.secrets.get(pending_secret(context.running_job.job.id))
    return None if token is None else await context.clouds.unseal(token)


def _path(arguments: Arguments) -> Path:
    path = Path(required_text(arguments, "file"))
    if not path.is_absolute():
        raise InvalidInput(f"{path} does not say which folder is meant.", "Give the whole path.")
    return path
