"""Which machine types a quota's family has, for counting what is free in machines and for saying what would fit."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.clouds.aws.shipped import ShippedType, shipped_types
from aicompute_tui.domain.quota import counts
from aicompute_tui.services.context import Preferences


def vcpus_of(machine_type: str) -> int | None:
    """By the shipped facts; None for a type that is not among them."""
    known = shipped_types().get(machine_type)
    return None if known is None else known.vcpu_count


def chosen_type(family: str, wanted: Sequence[str]) -> str | None:
    """The type that a family's room is counted in: the first wanted one it counts, else its smallest with a GPU."""
    named = next((each for each in wanted if counts(family, each)), None)
    if named is not None:
        return named
    fitting = _drivable(family)
    return min(fitting, key=_size).name if fitting else None


def would_fit(family: str, free_vcpus: int, count: int) -> list[ShippedType]:
    """Types of the family that `count` machines still fit of, those with most GPU memory first, one of each memory."""
    fitting = sorted((each for each in _drivable(family) if each.vcpu_count * count <= free_vcpus), key=_size)
    by_memory = {each.gpu_count * each.gpu_memory_mib: each for each in reversed(fitting)}
    return [by_memory[memory] for memory in sorted(by_memory, reverse=True)]


def preferred_types(preferences: Preferences) -> Sequence[str]:
    preferred = preferences.text("instance_type").strip()
    return (preferred,) if preferred else ()


def _drivable(family: str) -> list[ShippedType]:
    return [each for each in shipped_types().values() if each.disabled_reason is None and counts(family, each.name)]


def _size(machine_type: ShippedType) -> tuple[int, str]:
    return machine_type.vcpu_count, machine_type.name
