"""Connections: added from a preset, listed, changed, switched and removed; their keys go sealed into the vault."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.domain.connection import Connection, check_connection_name
from aicompute_tui.domain.connection_status import connection_status
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.health import HealthReport
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.presets import PRESETS, preset_of
from aicompute_tui.services.arguments import flag, required_text, text
from aicompute_tui.services.connection_arguments import base_url, described
from aicompute_tui.services.connection_views import connection_view, masked
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.health import interval_seconds
from aicompute_tui.services.health_age import unchecked_seconds
from aicompute_tui.services.keyed_rows import CONNECTIONS


async def list_connections(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.list`: as they answered last; no call is made to any of them."""
    kind, tag, wanted = text(arguments, "kind"), text(arguments, "tag"), text(arguments, "flag")
    source, status = text(arguments, "source"), text(arguments, "status")
    async with context.store.read() as transaction:
        found = await transaction.connections.list()
        health = await transaction.health_reports.list(each.id for each in found)
    rows = [
        _view(context, each, health.get(each.id))
        for each in found
        if (kind is None or each.kind == kind)
        and (tag is None or tag in each.tags)
        and (wanted is None or wanted in each.flags)
        and (source is None or source == (each.source or "none").partition(":")[0])
    ]
    return [row for row in rows if status is None or str(row["status"]).replace(" ", "-") == status]


def _view(context: Context, connection: Connection, health: HealthReport | None) -> JsonObject:
    """With how it stands, and how long nobody has checked one that was well: its status is that of then."""
    state, is_held_back = (None, False) if health is None else (health.state, health.is_held_back)
    status = connection_status(state, is_active=connection.is_active, is_held_back=is_held_back)
    interval = interval_seconds(context.preferences)
    seconds = unchecked_seconds(health if connection.is_active else None, context.clock.now(), interval)
    return {**connection_view(connection, status), "unchecked_seconds": None if seconds is None else round(seconds)}


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
        health = await transaction.health_reports.get(connection.id)
    view = _view(context, connection, health)
    try:
        secret = await CONNECTIONS.opened_key(context, connection)
    except AicError as error:
        return {**view, "key": None, "problem": error.message, "next_step": error.next_step}
    return {**view, "key": None if secret is None else masked(secret)}


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
        connection = await CONNECTIONS.with_pending_key(context, transaction, connection)
        if preset.needs_key and connection.secret_id is None:
            raise InvalidInput(f"{preset.title} wants a key.", "Give it with --api-key-stdin or --api-key-env.")
        await transaction.connections.insert(connection)
        await CONNECTIONS.tell(context, transaction, "added", connection, "was added")
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
        made = replace(made, secret_id=None)
        made = await CONNECTIONS.with_sealed_key(transaction, made, token, by=made.owner)
        await transaction.connections.insert(made)
        await CONNECTIONS.tell(context, transaction, "added", made, f"was cloned from {seen.name}")
    return connection_view(made)


async def edit(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.edit`: what is named is changed, all else stays; so does what is known of its past.

    Its key goes where it now leads to another server: a key is for the one it was given for.
    """
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        seen = await transaction.connections.find(required_text(arguments, "name"))
        new_name = text(arguments, "rename")
        changed = described(
            arguments, seen if new_name is None else replace(seen, name=check_connection_name(new_name))
        )
        written, lost = await CONNECTIONS.write_changed(
            context, transaction, seen, changed, forgets_key=flag(arguments, "no_key")
        )
    return {**connection_view(written), **(_forgotten(written, seen) if lost else {})}


def _forgotten(written: Connection, seen: Connection) -> JsonObject:
    return {
        "note": f"Its key was for {seen.base_url} and is forgotten.",
        "next_step": f"Give the one for {written.base_url}: aic-tui connection edit {written.word} --api-key-stdin",
    }


async def activate(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.activate`."""
    return connection_view(await CONNECTIONS.switch(context, arguments, is_active=True))


async def deactivate(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.deactivate`."""
    return connection_view(await CONNECTIONS.switch(context, arguments, is_active=False))


async def remove(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.remove`: with its key."""
    return connection_view(await CONNECTIONS.remove(context, arguments))
