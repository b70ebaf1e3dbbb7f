"""Containers of all hosts: listed, found by what people call them, and shown whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aicompute_tui.domain.container import Container
from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound
from aicompute_tui.domain.host import Host, HostReport
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.recreation import name_before
from aicompute_tui.domain.redaction import holds_secret, redact, redact_command
from aicompute_tui.hosts.answers import moment
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.arguments import flag, required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.host_reports import HostLook, look_at_hosts
from aicompute_tui.services.host_views import container_view
from aicompute_tui.services.views import moment_or_none

SHORTEST_ID = 4
_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Place:
    """A container and the host it is on, as they were seen last."""

    host: Host
    container: Container
    report: HostReport

    @property
    def title(self) -> str:
        return f"{self.host.name}/{self.container.name}"

    def named(self, error: AicError) -> AicError:
        """`error` with the container's name instead of its id."""
        words = (self.container.id, self.container.short_id)
        message = error.message
        for word in words:
            message = message.replace(word, self.container.name)
        return error if message == error.message else type(error)(message, error.next_step, error.details)


async def list_containers(context: Context, arguments: Arguments) -> Json:
    """Handler of `container.list`: every host is asked now; of one that does not answer, what was seen last."""
    async with context.store.read() as transaction:
        hosts = await transaction.hosts.list()
        wanted = text(arguments, "host")
        hosts = [await transaction.hosts.find(wanted)] if wanted is not None else hosts
    looks = await look_at_hosts(context, hosts)
    now = context.clock.now()
    running_only = flag(arguments, "running")
    return [
        container_view(container, look.host, look.report, now)
        for look in looks
        for container in look.containers
        if not running_only or container.state.is_alive
    ]


async def find_containers(context: Context, references: Iterable[str]) -> list[Place]:
    """By name, `host/name`, id or its beginning, each once and in order.

    What is not stored is looked for on the hosts. Raises NotFound, and InvalidInput where several are meant.
    """
    wanted = list(references)
    places = await _stored(context)
    if any(not _matching(places, reference) for reference in wanted):
        places = _places(await look_at_hosts(context, await _hosts(context)))
    found = [_the_one(places, reference) for reference in wanted]
    return list({each.container.key: each for each in found}.values())


async def find_container(context: Context, reference: str) -> Place:
    return (await find_containers(context, [reference]))[0]


async def _hosts(context: Context) -> Sequence[Host]:
    async with context.store.read() as transaction:
        return await transaction.hosts.list()


async def _stored(context: Context) -> list[Place]:
    async with context.store.read() as transaction:
        hosts = {host.id: host for host in await transaction.hosts.list()}
        reports = await transaction.host_reports.list()
        containers = await transaction.containers.list()
    return [
        Place(hosts[each.host_id], each, reports.get(each.host_id, HostReport(host_id=each.host_id)))
        for each in containers
    ]


def _places(looks: Iterable[HostLook]) -> list[Place]:
    return [Place(look.host, container, look.report) for look in looks for container in look.containers]


def _matching(places: Sequence[Place], reference: str) -> list[Place]:
    host, _, name = reference.rpartition("/")
    here = [place for place in places if not host or host in {place.host.name, place.host.id}]
    by_name = [place for place in here if place.container.name == name]
    by_name = by_name or [place for place in here if name_before(place.container) == name]
    if by_name or len(name) < SHORTEST_ID:
        return by_name
    return [place for place in here if place.container.id.startswith(name.lower())]


def _the_one(places: Sequence[Place], reference: str) -> Place:
    """Whether its host answers or not: a name means the same while another host is down."""
    found = _matching(places, reference)
    if len(found) > 1:
        titles = ", ".join(sorted(place.title for place in found)[:4])
        raise InvalidInput(f"“{reference}” fits more than one container: {titles}.", "Say which: HOST/NAME.")
    if not found:
        raise NotFound(f"There is no container “{reference}”.", "`aic-tui container list` shows them all.")
    return found[0]


async def show(context: Context, arguments: Arguments) -> Json:
    """Handler of `container.show`: as its host tells of it now, secrets in its environment hidden."""
    place = await find_container(context, required_text(arguments, "name"))
    engine = await context.hosts.engine(place.host)
    container, answer = await engine.inspect(place.container.id)
    processes: list[Json] = []
    if container.state.is_alive:
        try:
            processes = [*await asyncio.wait_for(engine.processes(container.id), 5)]
        except (AicError, TimeoutError):
            processes = []
    now = context.clock.now()
    return {
        **container_view(container, place.host, place.report, now),
        "image_created_at": await _image_created_at(engine, container),
        "environment": _environment(answer),
        "mounts": _mounts(answer),
        "processes": [_without_secrets(each) for each in processes],
    }


async def _image_created_at(engine: Engine, container: Container) -> str | None:
    """None where its host does not say, as of an image that was removed under it."""
    try:
        image = await asyncio.wait_for(engine.image(container.image_id or container.image), 5)
    except (AicError, TimeoutError):
        return None
    return moment_or_none(moment(image, "Created"))


def _environment(answer: JsonObject) -> Json:
    config = answer.get("Config")
    words = config.get("Env") if isinstance(config, dict) else None
    pairs = [str(word).partition("=") for word in words] if isinstance(words, list) else []
    return {name: masked(name, value) for name, _, value in pairs}


def _without_secrets(process: Json) -> Json:
    """A process with the secrets of its command line hidden."""
    if not isinstance(process, dict):
        return process
    return {name: redact_command(value) if isinstance(value, str) else value for name, value in process.items()}


def masked(name: str, value: str) -> str:
    """A value that may be read; of a secret nothing."""
    if holds_secret(name, value):
        return _HIDDEN
    return redact(value)


def _mounts(answer: JsonObject) -> Json:
    mounts = answer.get("Mounts")
    return [
        {
            "type": each.get("Type"),
            "source": each.get("Name") or each.get("Source"),
            "target": each.get("Destination"),
            "writable": each.get("RW"),
        }
        for each in (mounts if isinstance(mounts, list) else [])
        if isinstance(each, dict)
    ]
