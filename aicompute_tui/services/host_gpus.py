"""The GPUs of one's own container hosts and their memory: by name, else as a container that sees them tells."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from aicompute_tui.domain.container import Container
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.gpu import GpuReading
from aicompute_tui.domain.host import Host, HostReport, HostState
from aicompute_tui.metrics.nvidia_smi import QUERY, parse_line
from aicompute_tui.services.context import Context

_ASK_SECONDS = 5.0
_ASKED = 2
_ALIKE = 1.1
"""Lists round a memory of which the driver takes a part."""
_BRANDS = re.compile(r"^(nvidia|amd|geforce|tesla|quadro)\s+", re.IGNORECASE)
_NAMED_SIZE = re.compile(r"(\d{1,3})\s*GB\b", re.IGNORECASE)
_DEVICE = re.compile(r"\S+/gpu=\S+")
"""How an engine numbers a GPU, which tells nothing of what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostGpus:
    """`memory_mib` is that of the smallest, None where it is not known; `count` is None where nobody could look."""

    host: str
    count: int | None
    called: str | None
    memory_mib: int | None


async def host_gpus(context: Context) -> list[HostGpus]:
    """Of every host but those that have none; hosts that tell no more than how many are asked inside a container."""
    async with context.store.read() as transaction:
        hosts = await transaction.hosts.list()
        reports = await transaction.host_reports.list()
        containers = await transaction.containers.list()
    looked = [(host, reports[host.id]) for host in hosts if host.id in reports and reports[host.id].facts.gpus != ()]
    return list(await asyncio.gather(*(gpus_of_host(context, host, report, containers) for host, report in looked)))


async def gpus_of_host(context: Context, host: Host, report: HostReport, containers: Sequence[Container]) -> HostGpus:
    """Of one host that was looked at."""
    named = report.facts.gpus
    memory, called = memory_of(named or ()), gpus_called(named)
    count = None if named is None else len(named)
    if memory is None and report.state is HostState.UP:
        seen = await _seen_inside(context, host, containers)
        sizes = [reading.memory_total_mib for reading in seen if reading.memory_total_mib is not None]
        if seen and len(sizes) == len(seen):
            memory, called = int(min(sizes)), gpus_called([reading.name or "" for reading in seen])
            count = max(count or 0, len(seen))
    return HostGpus(host=host.name, count=count, called=called, memory_mib=memory)


async def _seen_inside(context: Context, host: Host, containers: Sequence[Container]) -> list[GpuReading]:
    """By the driver's own program in a running container, those that were given the most GPUs first."""
    given = [each for each in containers if each.host_id == host.id and each.gpus is not None and each.state.is_alive]
    for container in sorted(given, key=_fewest_last)[:_ASKED]:
        try:
            engine = await context.hosts.engine(host)
            done = await engine.execute(container.id, QUERY.split(), timeout_seconds=_ASK_SECONDS)
        except (AicError, TimeoutError):
            continue
        lines = done.stdout.decode(errors="replace").splitlines()
        found = [reading for line in lines if (reading := parse_line(line)) is not None]
        if found:
            return found
    return []


def _fewest_last(container: Container) -> int:
    request = container.gpus
    if request is None:
        return 0
    return -(1 << 10) if request.count < 0 else -max(request.count, len(request.device_ids))


def gpus_called(gpus: Sequence[str] | None) -> str | None:
    """What they are in a word; None where none is known by a name."""
    kinds = {_plain_name(each) for each in gpus or () if each and not _DEVICE.fullmatch(each)}
    return None if not kinds else kinds.pop() if len(kinds) == 1 else "GPUs of several kinds"


def memory_of(gpus: Sequence[str]) -> int | None:
    """Of the smallest, in MiB; None where one of them is not known."""
    each = [_memory_by_name(name) for name in set(gpus)]
    known = [memory for memory in each if memory is not None]
    return min(known) if known and len(known) == len(each) else None


def _memory_by_name(name: str) -> int | None:
    """As the price lists have a GPU of that name, where they agree; else by the size that its name tells."""
    plain = _plain_name(name)
    listed = _listed_memory().get(_letters(plain), frozenset())
    if listed and min(listed) * _ALIKE >= max(listed):
        return min(listed)
    told = _NAMED_SIZE.search(plain)
    return int(told[1]) * 1024 if told is not None else None


def _plain_name(name: str) -> str:
    """`NVIDIA GeForce RTX 4090` → `RTX 4090`."""
    while (shorter := _BRANDS.sub("", name)) != name:
        name = shorter
    return name


@cache
def _listed_memory() -> Mapping[str, frozenset[int]]:
    """What each GPU reports where AWS has it, which is less than its data sheet says; else as the lists have it."""
    from aicompute_tui.clouds.aws.shipped import shipped_types
    from aicompute_tui.clouds.price_lists import listed_offers

    found: dict[str, frozenset[int]] = {}
    for offer in listed_offers():
        name = _letters(offer.gpu_name)
        found[name] = found.get(name, frozenset()) | {offer.gpu_memory_mib}
    reported: dict[str, frozenset[int]] = {}
    for machine in shipped_types().values():
        if not machine.is_share:
            name = _letters(machine.gpu_name)
            reported[name] = reported.get(name, frozenset()) | {machine.gpu_memory_mib}
    return {**found, **reported}


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
