"""Volumes of every host: listed with sizes and who uses them, found by name, and removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from aicompute_tui.domain.errors import InvalidInput, NotFound, Refused
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.stored import Volume, check_volume_name
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.arguments import flag, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.images import each_removed
from aicompute_tui.services.stored_views import ask_hosts, hosts_meant, rows_of, volume_view
from aicompute_tui.services.views import moment_or_none

SIZE_SECONDS = 4.0
"""So long a list waits for sizes: an engine goes through every file to count them."""


@dataclass(frozen=True, slots=True)
class PlacedVolume:
    host: Host
    volume: Volume

    @property
    def title(self) -> str:
        return f"{self.host.name}/{self.volume.short_name}"


async def list_volumes(context: Context, arguments: Arguments) -> Json:
    """Handler of `volume.list`: every host is asked now."""
    hosts = await hosts_meant(context, arguments)
    answers = await ask_hosts(context, hosts, lambda engine: engine.volumes(SIZE_SECONDS))
    if flag(arguments, "dangling"):
        answers = [replace(each, found=[volume for volume in each.found if not volume.used_by]) for each in answers]
    now = context.clock.now()
    return rows_of(answers, lambda volume, host: volume_view(volume, host, now), lambda each: each.size_bytes or 0)


async def find_volumes(
    context: Context, arguments: Arguments, size_seconds: float = SIZE_SECONDS
) -> list[PlacedVolume]:
    """Those of `names`: NAME, HOST/NAME, or one as `pinned` names it.

    Raises NotFound, InvalidInput where several hosts have one, Refused where another has taken a pinned one's place.
    """
    names = texts(arguments, "names")
    if not names:
        raise InvalidInput("No volume was named.", "Give at least one name.")
    hosts = await hosts_meant(context, arguments)
    answers = await ask_hosts(context, hosts, lambda engine: engine.volumes(size_seconds))
    placed = [PlacedVolume(each.host, volume) for each in answers for volume in each.found]
    dead = [each.host.name for each in answers if each.problem is not None]
    found = [_the_one(placed, dead, name) for name in names]
    return list({each.volume.key: each for each in found}.values())


def pinned(volume: Volume) -> str:
    """With the moment it was made: another of its name is another volume."""
    return f"{volume.key}@{_made(volume)}"


def _made(volume: Volume) -> str:
    return moment_or_none(volume.created_at) or ""


def _the_one(placed: list[PlacedVolume], dead: list[str], named: str) -> PlacedVolume:
    reference, pin, made = named.partition("@")
    where, _, name = reference.rpartition("/")
    check_volume_name(name)
    here = [each for each in placed if not where or where in {each.host.id, each.host.name}]
    found = [each for each in here if each.volume.name == name]
    found = found or [each for each in here if each.volume.is_anonymous and each.volume.short_name == name]
    if len(found) > 1:
        titles = ", ".join(sorted(each.title for each in found)[:4])
        raise InvalidInput(f"“{reference}” fits more than one volume: {titles}.", "Say which: HOST/NAME.")
    if not found:
        step = f"{', '.join(dead)} could not be asked." if dead else "`aic-tui volume list` shows them all."
        raise NotFound(f"There is no volume “{reference}”.", step)
    if pin and made != _made(found[0].volume):
        raise _made_anew(found[0].volume, found[0].host)
    return found[0]


def _made_anew(volume: Volume, host: Host) -> Refused:
    return Refused(
        f"The volume {volume.short_name} on {host.name} is not the one that was shown: it was made anew since.",
        "`aic-tui volume list` shows it as it is now.",
    )


async def remove(context: Context, arguments: Arguments) -> Json:
    """Handler of `volume.remove`: one that a container uses stays."""
    found = await find_volumes(context, arguments)
    return await each_removed(
        context,
        [
            (each.host, each.volume.short_name, _remover(each.volume), each.volume.size_bytes, each.volume.key)
            for each in found
        ],
        "volume",
    )


def _remover(volume: Volume) -> Callable[[Engine], Awaitable[None]]:
    return lambda engine: remove_unused(engine, volume)


async def remove_unused(engine: Engine, volume: Volume) -> None:
    """Looked at once more, for what stands there now may be another of its name, or have found a user."""
    name = engine.host.name
    now = next((each for each in await engine.volumes(0) if each.name == volume.name), None)
    if now is None:
        raise NotFound(f"There is no volume {volume.short_name} on {name} any more.", "")
    if now.created_at != volume.created_at:
        raise _made_anew(volume, engine.host)
    if now.used_by:
        users = ", ".join(now.used_by[:3])
        raise Refused(f"The volume {volume.short_name} on {name} is used by {users}.", "Remove that first.")
    await engine.remove_volume(volume.name)
