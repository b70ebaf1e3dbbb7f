"""Which GPUs a person means: a machine type, a GPU by its name, or an amount of memory."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aicompute_tui.clouds.aws.shipped import shipped_types
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.fit import Gpus
from aicompute_tui.domain.gpu_share import gpus_of, gpus_told
from aicompute_tui.services.arguments import integer, text
from aicompute_tui.services.context import Arguments

_AMOUNT = re.compile(r"^(?P<number>\d{1,7}(?:\.\d{1,3})?)\s*(?P<unit>gib|gi|gb|g|mib|mi)$", re.IGNORECASE)
_COUNTED = re.compile(r"^(?P<count>\d{1,3})\s*[x×]\s*(?P<gpu>\D.*|\d+(?:\.\d+)?\s*[gm]\w*)$", re.IGNORECASE)
_MOST_MIB = 1 << 24
_MOST_GPUS = 1024


@dataclass(frozen=True, slots=True)
class ChosenGpus:
    gpus: Gpus
    called: str


def chosen_gpus(arguments: Arguments) -> ChosenGpus | None:
    """None where no GPU was named. Raises NotFound, InvalidInput."""
    count = integer(arguments, "gpu_count", least=1, most=_MOST_GPUS)
    memory = integer(arguments, "gpu_memory_mib", least=1, most=_MOST_MIB)
    named = text(arguments, "gpu")
    if named is not None and memory is not None:
        raise InvalidInput("--gpu and --gpu-memory-mib both say which GPU.", "Give one of them.")
    if memory is not None:
        return ChosenGpus(Gpus(memory_mib=memory, count=count or 1), f"{memory:,} MiB")
    if named is None:
        if count is not None:
            raise InvalidInput("--gpu-count counts GPUs that are not named.", "Add --gpu or --gpu-memory-mib.")
        return None
    counted = _COUNTED.match(named)
    if counted is not None:
        if count is not None:
            raise InvalidInput(f"“{named}” and --gpu-count both count.", "Give one of them.")
        count, named = int(counted["count"]), counted["gpu"].strip()
    return _of_machine(named, count) or _of_amount(named, count) or _of_name(named, count)


def _of_machine(named: str, count: int | None) -> ChosenGpus | None:
    machine = shipped_types().get(named.lower())
    if machine is None:
        return None
    if count is not None and count > machine.gpu_count:
        has = "1 GPU" if machine.gpu_count == 1 else f"{machine.gpu_count} GPUs"
        raise InvalidInput(f"{machine.name} has {has}, not {count}.", f"Name the GPU: --gpu {machine.gpu_name}.")
    gpus = Gpus(memory_mib=machine.gpu_memory_mib, count=count or machine.gpu_count)
    told = gpus_told(gpus_of(gpus.count, machine.gpu_parts))
    return ChosenGpus(gpus, f"{machine.name} ({told} × {machine.gpu_name})")


def _of_amount(named: str, count: int | None) -> ChosenGpus | None:
    """G and GB are the thousands of a data sheet, Gi and GiB the 1024s that are reported."""
    match = _AMOUNT.match(named)
    if match is None:
        return None
    unit, number = match["unit"].lower(), float(match["number"])
    each = {"g": 1e9, "gb": 1e9, "gi": 1 << 30, "gib": 1 << 30}.get(unit, 1 << 20)
    memory = int(number * each) >> 20
    if not 1 <= memory <= _MOST_MIB:
        raise InvalidInput(f"“{named}” is not the memory of a GPU.", "Write it like 24G, or 22888MiB.")
    return ChosenGpus(Gpus(memory_mib=memory, count=count or 1), f"{memory:,} MiB")


def _of_name(named: str, count: int | None) -> ChosenGpus:
    wanted = _plain(named)
    known = {each.gpu_name: set[int]() for each in shipped_types().values() if not each.is_share}
    for each in shipped_types().values():
        if not each.is_share:
            known[each.gpu_name].add(each.gpu_memory_mib)
    name = next((name for name in known if _plain(name) == wanted), None)
    if name is None:
        names = ", ".join(sorted(known))
        raise NotFound(
            f"The memory of “{named}” is not known.",
            f"Give it by --gpu-memory-mib or as 24G, a machine type such as g5.xlarge, or one of {names}.",
        )
    sizes = sorted(known[name])
    if len(sizes) > 1:
        words = " or ".join(f"{size:,}" for size in sizes)
        raise InvalidInput(f"{name} comes with {words} MiB.", f"Say which: --gpu-memory-mib {sizes[0]}.")
    gpus = Gpus(memory_mib=sizes[0], count=count or 1)
    return ChosenGpus(gpus, f"{gpus.count} × {name}")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).lower()
