"""Images and volumes of every host: asked for now, as rows that programs see; a host that is silent is one row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.domain.stored import Image, Volume
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.host_reports import ANSWER_SECONDS, silent
from aicompute_tui.services.views import moment_or_none

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class HostAnswer(Generic[Found]):
    """What a host said, or why it said nothing."""

    host: Host
    found: Sequence[Found]
    problem: AicError | None = None


async def hosts_meant(context: Context, arguments: Arguments) -> list[Host]:
    """All of them, or the one that was named."""
    async with context.store.read() as transaction:
        wanted = text(arguments, "host")
        return [await transaction.hosts.find(wanted)] if wanted is not None else await transaction.hosts.list()


async def ask_hosts(
    context: Context,
    hosts: Sequence[Host],
    ask: Callable[[Engine], Awaitable[Sequence[Found]]],
    seconds: float = ANSWER_SECONDS,
) -> list[HostAnswer[Found]]:
    """All at the same time; one that does not answer delays nobody for longer than `seconds`."""

    async def one(host: Host) -> HostAnswer[Found]:
        try:
            async with asyncio.timeout(seconds):
                return HostAnswer(host, await ask(await context.hosts.engine(host)))
        except TimeoutError:
            return HostAnswer(host, (), silent(host, seconds))
        except AicError as error:
            return HostAnswer(host, (), error)

    return list(await asyncio.gather(*(one(host) for host in hosts)))


def image_view(image: Image, host: Host, now: datetime) -> JsonObject:
    return {
        "host": host.name,
        "host_id": host.id,
        "key": image.key,
        "id": image.id,
        "name": image.name,
        "tags": [*image.tags],
        "size": format_bytes(image.size_bytes),
        "size_bytes": image.size_bytes,
        "shared_bytes": image.shared_bytes,
        "age_seconds": _age(image.created_at, now),
        "created_at": moment_or_none(image.created_at),
        "used_by": [*image.used_by],
        "dangling": image.is_dangling,
        "digests": [*image.digests],
        "problem": None,
    }


def volume_view(volume: Volume, host: Host, now: datetime) -> JsonObject:
    return {
        "host": host.name,
        "host_id": host.id,
        "key": volume.key,
        "name": volume.name,
        "called": volume.short_name,
        "driver": volume.driver,
        "size": format_bytes(volume.size_bytes),
        "size_bytes": volume.size_bytes,
        "age_seconds": _age(volume.created_at, now),
        "created_at": moment_or_none(volume.created_at),
        "used_by": [*volume.used_by],
        "anonymous": volume.is_anonymous,
        "dangling": not volume.used_by,
        "mountpoint": volume.mountpoint,
        "problem": None,
    }


def silent_view(host: Host, problem: AicError) -> JsonObject:
    """The row of a host that could not be asked."""
    return {
        "host": host.name,
        "host_id": host.id,
        "key": f"{host.id}/",
        "id": None,
        "name": None,
        "problem": problem.message,
        "next_step": problem.next_step,
    }


def rows_of(
    answers: Sequence[HostAnswer[Found]], view: Callable[[Found, Host], JsonObject], size: Callable[[Found], int]
) -> Json:
    """By host, the largest first."""
    rows: list[Json] = []
    for each in answers:
        if each.problem is not None:
            rows.append(silent_view(each.host, each.problem))
        rows += [view(found, each.host) for found in sorted(each.found, key=size, reverse=True)]
    return rows


def _age(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None else max(0, int((now - moment).total_seconds()))
