"""Connections: added from a preset, listed, changed, switched and removed; their keys go sealed into the vault."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.domain.connection import Connection, check_connection_name, server_of
from aicompute_tui.domain.errors import AicError, InvalidInput, NotConfigured
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.presets import PRESETS, preset_of
from aicompute_tui.services.arguments import flag, required_text, text
from aicompute_tui.services.connection_arguments import base_url, described
from aicompute_tui.services.connection_sources import let_go
from aicompute_tui.services.connection_views import connection_view, masked
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.health import put_back
from aicompute_tui.services.jobs import pending_secret
from aicompute_tui.store.database import Transaction


def connection_secret(connection_id: str) -> str:
    """Where the sealed key of a connection is."""
    return f"connection/{connection_id}"


async def list_connections(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.list`: no call is made to any of them."""
    kind, tag, wanted = text(arguments, "kind"), text(arguments, "tag"), text(arguments, "flag")
    source = text(arguments, "source")
    async with context.store.read() as transaction:
        found = await transaction.connections.list()
    return [
        connection_view(each)
        for each in found
        if (kind is None or each.kind == kind)
        and (tag is None or tag in each.tags)
        and (wanted is None or wanted in each.flags)
        and (source is None or source == (each.source or "none").partition(":")[0])
    ]


async def presets(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `connection.presets`."""
    return [
        {
            "preset": preset.name,
            "title": preset.title,
            "base_url": preset.base_url or preset.url_example,
            "needs_key": preset.needs_key,
            "key_variables": [*preset.key_variables],
        }
        for preset in PRESETS.values()
    ]


async def show(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.show`: of its key the ends alone leave here."""
    async with context.store.read() as transaction:
        connection = await transaction.connections.find(required_text(arguments, "name"))
    try:
        secret = await opened_secret(context, connection)
    except AicError as error:
        return {**connection_view(connection), "key": None, "problem": error.message, "next_step": error.next_step}
    return {**connection_view(connection), "key": None if secret is None else masked(secret)}


async def opened_secret(context: Context, connection: Connection) -> str | None:
    """Raises NotConfigured where it is gone from the vault, AuthFailed where it was sealed by another key."""
    if connection.secret_id is None:
        return None
    async with context.store.read() as transaction:
        sealed = await transaction.secrets.get(connection.secret_id)
    if sealed is None:
        step = f"Give it again: aic-tui connection edit {connection.word} --api-key-stdin"
        raise NotConfigured(f"The key of “{connection.name}” is not in the vault.", step)
    return await context.clouds.unseal(sealed)


async def add(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.add`: kept also where it does not answer yet."""
    job = context.running_job
    preset = preset_of(text(arguments, "preset") or "openai-compatible")
    connection = described(
        arguments,
        Connection(
            id=new_id(context.clock.now()),
            owner=context.actor.owner,
            created_by=context.actor.name,
            name=check_connection_name(required_text(arguments, "name")),
            kind=preset.name,
            base_url=base_url(arguments, preset),
            created_at=context.clock.now(),
        ),
    )
    async with context.store.write() as transaction:
        await job.hold(transaction)
        connection = await _with_pending_key(context, transaction, connection)
        if preset.needs_key and connection.secret_id is None:
            raise InvalidInput(f"{preset.title} wants a key.", "Give it with --api-key-stdin or --api-key-env.")
        await transaction.connections.insert(connection)
        await _tell(context, transaction, "connection.added", connection, "was added")
    return connection_view(connection)


async def clone(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.clone`: the same once more under another name, with the key and what it follows."""
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        seen = await transaction.connections.find(required_text(arguments, "name"))
        made = replace(
            seen,
            id=new_id(context.clock.now()),
            version=1,
            owner=context.actor.owner,
            created_by=context.actor.name,
            created_at=context.clock.now(),
            name=check_connection_name(required_text(arguments, "new_name")),
        )
        token = None if seen.secret_id is None else await transaction.secrets.get(seen.secret_id)
        made = replace(made, secret_id=None if token is None else connection_secret(made.id))
        if token is not None:
            await transaction.secrets.put(connection_secret(made.id), token, by=made.owner)
        await transaction.connections.insert(made)
        await _tell(context, transaction, "connection.added", made, f"was cloned from {seen.name}")
    return connection_view(made)


async def edit(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.edit`: what is named is changed, all else stays; so does what is known of its past.

    Its key goes where it now leads to another server: a key is for the one it was given for.
    """
    job = context.running_job
    async with context.store.write() as transaction:
        await job.hold(transaction)
        seen = await transaction.connections.find(required_text(arguments, "name"))
        new_name = text(arguments, "rename")
        changed = described(
            arguments, seen if new_name is None else replace(seen, name=check_connection_name(new_name))
        )
        moved = server_of(changed.base_url) != server_of(seen.base_url)
        if moved:
            await let_go(context, transaction, seen)
            is_active = changed.is_active or seen.inactive_reason is not None
            changed = replace(changed, source=None, inactive_reason=None, is_active=is_active)
        if (flag(arguments, "no_key") or moved) and seen.secret_id is not None:
            await transaction.secrets.remove(seen.secret_id)
            changed = replace(changed, secret_id=None)
        changed = await _with_pending_key(context, transaction, changed)
        written = await transaction.connections.update(seen, changed)
        lost = moved and seen.secret_id is not None and written.secret_id is None
        verb = "was changed and its key forgotten, for it leads elsewhere now" if lost else "was changed"
        await _tell(context, transaction, "connection.changed", written, verb)
    return {**connection_view(written), **(_forgotten(written, seen) if lost else {})}


def _forgotten(written: Connection, seen: Connection) -> JsonObject:
    return {
        "note": f"Its key was for {seen.base_url} and is forgotten.",
        "next_step": f"Give the one for {written.base_url}: aic-tui connection edit {written.word} --api-key-stdin",
    }


async def _with_pending_key(context: Context, transaction: Transaction, connection: Connection) -> Connection:
    """Moves the key that waits sealed beside the job to the connection, in the same commit; none may wait."""
    pending = pending_secret(context.running_job.job.id)
    token = await transaction.secrets.get(pending)
    if token is None:
        return connection
    name = connection_secret(connection.id)
    await transaction.secrets.put(name, token, by=context.actor.owner)
    await transaction.secrets.remove(pending)
    return replace(connection, secret_id=name)


async def activate(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.activate`."""
    return await _switched(context, arguments, is_active=True)


async def deactivate(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.deactivate`."""
    return await _switched(context, arguments, is_active=False)


async def _switched(context: Context, arguments: Arguments, *, is_active: bool) -> JsonObject:
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        seen = await transaction.connections.find(required_text(arguments, "name"))
        if is_active:
            await put_back(transaction, seen.id)
        switched = replace(seen, is_active=is_active, inactive_reason=None)
        if switched == seen:
            return connection_view(seen)
        written = await transaction.connections.update(seen, switched)
        verb = "activated" if is_active else "deactivated"
        await _tell(context, transaction, f"connection.{verb}", written, f"was {verb}")
    return connection_view(written)


async def remove(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.remove`: with its key."""
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        connection = await transaction.connections.find(required_text(arguments, "name"))
        await transaction.connections.remove(connection.id)
        await let_go(context, transaction, connection)
        if connection.secret_id is not None:
            await transaction.secrets.remove(connection.secret_id)
        await _tell(context, transaction, "connection.removed", connection, "was removed")
    return connection_view(connection)


async def _tell(context: Context, transaction: Transaction, kind: str, connection: Connection, verb: str) -> None:
    subject = ("connection", connection.id, connection.name)
    message = f"{connection.name} {verb}: {connection.kind} at {connection.base_url}"
    await transaction.events.append(told(context, kind, subject, message))
