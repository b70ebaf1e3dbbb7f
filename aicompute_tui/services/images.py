"""Images of every host: listed with who uses them, found by what people call them, and removed."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound, Refused
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.domain.stored import Image
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.arguments import flag, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.stored_views import HostAnswer, ask_hosts, hosts_meant, image_view, rows_of

SHORTEST_ID = 4
_ID = "sha256:"
_FORCED = "must be forced"


@dataclass(frozen=True, slots=True)
class PlacedImage:
    host: Host
    image: Image

    @property
    def title(self) -> str:
        return f"{self.host.name}: {self.image.name}"


async def list_images(context: Context, arguments: Arguments) -> Json:
    """Handler of `image.list`: every host is asked now."""
    answers = await ask_hosts(context, await hosts_meant(context, arguments), lambda engine: engine.images())
    if flag(arguments, "dangling"):
        answers = [replace(each, found=[image for image in each.found if image.is_dangling]) for each in answers]
    now = context.clock.now()
    return rows_of(answers, lambda image, host: image_view(image, host, now), lambda image: image.size_bytes or 0)


async def find_images(context: Context, arguments: Arguments) -> list[PlacedImage]:
    """Those of `names`: a tag, an id or its beginning, or HOST/ID. Raises NotFound, InvalidInput."""
    names = texts(arguments, "names")
    if not names:
        raise InvalidInput("No image was named.", "Give at least one name.")
    answers = await ask_hosts(context, await hosts_meant(context, arguments), lambda engine: engine.images())
    found = [_the_one(answers, name) for name in names]
    return list({each.image.key: each for each in found}.values())


def _the_one(answers: Sequence[HostAnswer[Image]], name: str) -> PlacedImage:
    placed = [PlacedImage(each.host, image) for each in answers for image in each.found]
    found = [each for each in placed if _is_meant(each, name)]
    if len(found) > 1:
        where = ", ".join(sorted(each.title for each in found)[:4])
        raise InvalidInput(f"“{name}” fits more than one image: {where}.", "Say which: --host NAME, or more of the id.")
    if not found:
        dead = [each.host.name for each in answers if each.problem is not None]
        step = f"{', '.join(dead)} could not be asked." if dead else "`aic-tui image list` shows them all."
        raise NotFound(f"There is no image “{name}”.", step)
    return found[0]


def _is_meant(placed: PlacedImage, name: str) -> bool:
    image, host = placed.image, placed.host
    where, slash, identity = name.partition(f"/{_ID}")
    if slash:
        return where in {host.id, host.name} and image.id.startswith(_ID + identity)
    last = name.rpartition("/")[2]
    whole = name if ":" in last or "@" in last else f"{name}:latest"
    if whole in image.tags or name in image.digests:
        return True
    digits = name.removeprefix(_ID).lower()
    is_id = len(digits) >= SHORTEST_ID and set(digits) <= set("0123456789abcdef")
    return is_id and image.id.removeprefix(_ID).startswith(digits)


async def remove(context: Context, arguments: Arguments) -> Json:
    """Handler of `image.remove`: with all its names; one that a container uses stays."""
    found = await find_images(context, arguments)
    return await each_removed(
        context,
        [(each.host, each.image.name, _remover(each), each.image.size_bytes, each.image.key) for each in found],
        "image",
    )


def _remover(placed: PlacedImage) -> Callable[[Engine], Awaitable[None]]:
    return lambda engine: remove_whole(engine, placed.image)


async def remove_whole(engine: Engine, image: Image) -> None:
    """By its id, so that a name that went over to another image meanwhile takes nothing with it."""
    if image.used_by:
        users = ", ".join(image.used_by[:3])
        raise Refused(f"The image {image.name} on {engine.host.name} is used by {users}.", "Remove that first.")
    if (name := await _name_since(engine, image)) is not None:
        raise Refused(
            f"The image {image.name} on {engine.host.name} is called {name} since it was shown.",
            "`aic-tui image list` shows it as it is now.",
        )
    for tag in image.tags[1:]:
        with contextlib.suppress(NotFound):
            if (await engine.image(tag)).get("Id") == image.id:
                await engine.remove_image(tag, image.name)
    try:
        await engine.remove_image(image.id, image.name)
    except AicError as error:
        if _FORCED not in error.details:
            raise
        for digest in image.digests:
            with contextlib.suppress(NotFound):
                await engine.remove_image(digest, image.name)
        with contextlib.suppress(NotFound):
            await engine.remove_image(image.id, image.name)


async def _name_since(engine: Engine, image: Image) -> str | None:
    """One that somebody gave it after it was listed."""
    tags = (await engine.image(image.id)).get("RepoTags")
    names = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return next((name for name in names if name not in image.tags and not name.startswith("<none>")), None)


Removal = tuple[Host, str, Callable[[Engine], Awaitable[None]], int | None, str]
"""The host, what is removed by name, how, its size, and its key."""


async def each_removed(context: Context, removals: Sequence[Removal], what: str) -> Json:
    """One after the other; what could not be removed is said of each, and raised where it is the only one."""
    rows: list[Json] = []
    failed: list[AicError] = []
    for host, name, remove_it, size, key in removals:
        await prove_held(context, context.running_job.hold)
        await context.running_job.progress(f"removing {name} from {host.name}")
        problem: str | None = None
        try:
            await remove_it(await context.hosts.engine(host))
        except AicError as error:
            failed.append(error)
            problem = error.message
        else:
            await _tell_removed(context, host, what, name, size, key)
        rows.append({"host": host.name, "name": name, "size_bytes": size, "removed": not problem, "problem": problem})
    if failed and len(failed) == len(removals):
        raise failed[0]
    if failed:
        done = len(removals) - len(failed)
        said = " ".join(error.message for error in failed[:3])
        raise type(failed[0])(f"{done} of {len(removals)} {what}s were removed. {said}", failed[0].next_step)
    return rows


async def _tell_removed(context: Context, host: Host, what: str, name: str, size: int | None, key: str) -> None:
    size_told = "" if size is None else f" ({format_bytes(size)})"
    message = f"The {what} {name} was removed from {host.name}{size_told}."
    line = told(context, f"{what}.removed", (what, key, f"{host.name}: {name}"), message)
    async with context.store.write() as transaction:
        await transaction.events.append(replace(line, level="warning"))
