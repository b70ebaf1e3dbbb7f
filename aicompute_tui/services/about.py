"""This installation in one block for a bug report: versions, places and processes, nothing secret."""

from __future__ import annotations

import asyncio
import json
import platform
import sys
from importlib import metadata
from pathlib import Path

from aicompute_tui import __version__
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.redaction import redact
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.settings.places import Places
from aicompute_tui.store.schema import SCHEMA_VERSION

_LICENCE = "MIT"
_AGENT_SECONDS = 2.0
_LIBRARIES = ("textual", "sqlalchemy", "asyncssh", "boto3")


async def show(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `about.show`."""
    url = context.preferences.text("database_url")
    return {
        **await asyncio.to_thread(installation, context.places),
        "database": redact(url) if url else str(context.places.database_file),
        "schema_version": SCHEMA_VERSION,
        "store_id": context.store.store_id,
        "host_id": context.actor.host_id,
        "agent": await agent_facts(context.places.agent_socket),
    }


def installation(places: Places) -> JsonObject:
    """What can be said without a database."""
    return {
        "version": __version__,
        "licence": _LICENCE,
        "python": f"{platform.python_version()} at {sys.executable}",
        **{name: _version_of(name) for name in _LIBRARIES},
        "system": platform.platform(terse=True),
        "config": str(places.config),
        "data": str(places.data),
        "log": str(places.logs),
        "socket": str(places.agent_socket),
    }


async def agent_facts(socket: Path) -> JsonObject | None:
    """Version, pid and start of the agent that listens there, None where none answers."""
    try:
        async with asyncio.timeout(_AGENT_SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(b'{"id":"about","op":"about"}\n')
                answer = json.loads(await reader.readline())
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return None
    told = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(told, dict):
        return None
    return {name: told.get(name) for name in ("version", "pid", "since")}


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
