"""Freeing disk: what nobody uses, with what that frees, and the removal of exactly what was shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace

from aicompute_tui.domain.errors import AicError, NotFound
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.domain.stored import Image, Volume
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.arguments import flag, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.images import remove_whole
from aicompute_tui.services.stored_views import HostAnswer, ask_hosts, hosts_meant, image_view, silent_view, volume_view
from aicompute_tui.services.volumes import pinned, remove_unused

_COUNT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Removable:
    """`item` is what was shown and agreed to: it names this very thing, and nothing that is made later."""

    item: str
    name: str
    frees_bytes: int | None
    view: JsonObject
    remove: Callable[[Engine], Awaitable[None]]


async def unused_images(context: Context, arguments: Arguments) -> Json:
    """Handler of `image.unused`: nothing is removed."""
    return _rows(await _images(context, arguments))


async def unused_volumes(context: Context, arguments: Arguments) -> Json:
    """Handler of `volume.unused`: nothing is removed."""
    return _rows(await _volumes(context, arguments))


async def prune_images(context: Context, arguments: Arguments) -> Json:
    """Handler of `image.prune`: of the items that were agreed to, those that still nobody uses."""
    return await _prune(context, await _images(context, arguments), texts(arguments, "items"), "image")


async def prune_volumes(context: Context, arguments: Arguments) -> Json:
    """Handler of `volume.prune`."""
    return await _prune(context, await _volumes(context, arguments), texts(arguments, "items"), "volume")


async def _images(context: Context, arguments: Arguments) -> list[HostAnswer[Removable]]:
    hosts, everything = await hosts_meant(context, arguments), flag(arguments, "all")
    answers = await ask_hosts(context, hosts, lambda engine: engine.images(shared=True), _COUNT_SECONDS)
    return [
        HostAnswer(
            each.host,
            [
                _removable_image(context, each.host, image)
                for image in each.found
                if not image.used_by and (everything or image.is_dangling)
            ],
            each.problem,
        )
        for each in answers
    ]


def _removable_image(context: Context, host: Host, image: Image) -> Removable:
    view = {**image_view(image, host, context.clock.now()), "item": image.key, "frees_bytes": image.own_bytes}
    return Removable(
        image.key, image.name, image.own_bytes, _with_frees(view), lambda engine: remove_whole(engine, image)
    )


async def _volumes(context: Context, arguments: Arguments) -> list[HostAnswer[Removable]]:
    hosts, everything = await hosts_meant(context, arguments), flag(arguments, "all")
    answers = await ask_hosts(context, hosts, lambda engine: engine.volumes(_COUNT_SECONDS - 5), _COUNT_SECONDS)
    return [
        HostAnswer(
            each.host,
            [
                _removable_volume(context, each.host, volume)
                for volume in each.found
                if not volume.used_by and (everything or volume.is_anonymous)
            ],
            each.problem,
        )
        for each in answers
    ]


def _removable_volume(context: Context, host: Host, volume: Volume) -> Removable:
    item = pinned(volume)
    view = {**volume_view(volume, host, context.clock.now()), "item": item, "frees_bytes": volume.size_bytes}
    return Removable(
        item, volume.short_name, volume.size_bytes, _with_frees(view), lambda engine: remove_unused(engine, volume)
    )


def _with_frees(view: JsonObject) -> JsonObject:
    frees = view["frees_bytes"]
    return {**view, "frees": format_bytes(frees if isinstance(frees, int) else None)}


def _rows(answers: Sequence[HostAnswer[Removable]]) -> Json:
    rows: list[Json] = []
    for each in answers:
        if each.problem is not None:
            rows.append(silent_view(each.host, each.problem))
        rows += [found.view for found in sorted(each.found, key=lambda found: found.frees_bytes or 0, reverse=True)]
    return rows


async def _prune(
    context: Context, answers: Sequence[HostAnswer[Removable]], agreed: Collection[str], what: str
) -> Json:
    """A row per host; a host that does not answer keeps what it has, and is named."""
    rows = await asyncio.gather(*(_prune_host(context, each, agreed, what) for each in answers))
    return [row for row in rows if row is not None]


async def _prune_host(
    context: Context, answer: HostAnswer[Removable], agreed: Collection[str], what: str
) -> JsonObject | None:
    host, job = answer.host, context.running_job
    if answer.problem is not None:
        return _outcome(host, 0, 0, None, answer.problem)
    chosen = [each for each in answer.found if not agreed or each.item in agreed]
    if not chosen:
        return None
    engine = await context.hosts.engine(host)
    before = await engine.layers_bytes() if what == "image" else None
    removed: list[Removable] = []
    problem: AicError | None = None
    for number, each in enumerate(chosen, 1):
        if await job.cancelled():
            break
        await prove_held(context, job.hold)
        await job.progress(f"{host.name}: removing {what} {number} of {len(chosen)}")
        try:
            await each.remove(engine)
        except NotFound:
            continue
        except AicError as error:
            problem = error
            continue
        removed.append(each)
    freed = await _freed(engine, before, removed, what)
    await _tell(context, host, what, len(removed), freed)
    return _outcome(host, len(removed), len(chosen) - len(removed), freed, problem)


async def _freed(engine: Engine, before: int | None, removed: Sequence[Removable], what: str) -> int | None:
    """As the engine measures it, where it does; for volumes what each was counted as."""
    if what == "image":
        after = await engine.layers_bytes() if before is not None else None
        return None if before is None or after is None else max(0, before - after)
    sizes = [each.frees_bytes for each in removed]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _outcome(host: Host, removed: int, kept: int, freed: int | None, problem: AicError | None) -> JsonObject:
    return {
        "host": host.name,
        "removed": removed,
        "kept": kept,
        "freed": format_bytes(freed),
        "freed_bytes": freed,
        "problem": None if problem is None else problem.message,
    }


async def _tell(context: Context, host: Host, what: str, count: int, freed: int | None) -> None:
    if not count:
        return
    told_size = "" if freed is None else f", {format_bytes(freed)} freed"
    message = f"{count} unused {what}{'' if count == 1 else 's'} removed from {host.name}{told_size}."
    line = told(context, f"{what}.pruned", ("host", host.id, host.name), message)
    async with context.store.write() as transaction:
        await transaction.events.append(replace(line, level="warning"))
