"""The dated facts that ship with the package: GPU machine types, and what each costs where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from aicompute_tui.clouds.aws.catalogue import disabled_reason
from aicompute_tui.clouds.price_sources import shipped_source
from aicompute_tui.domain.gpu_share import WHOLE, parts_of
from aicompute_tui.settings.packaged import DATA

SOURCE, READ_AT = shipped_source("aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedType:
    """`gpu_count` counts a share of a GPU as one; `gpu_memory_mib` is then that of the share.

    `gpu_parts` is into how many parts the GPU is cut, None where that is unknown.
    """

    name: str
    gpu_name: str
    gpu_count: int
    gpu_parts: int | None
    gpu_memory_mib: int
    vcpu_count: int
    memory_mib: int
    architecture: str
    disabled_reason: str | None

    @property
    def is_share(self) -> bool:
        return self.gpu_parts != WHOLE


@cache
def shipped_types() -> dict[str, ShippedType]:
    """By name."""
    entries: list[dict[str, Any]] = json.loads((DATA / "aws-gpu-types.json").read_text(encoding="utf-8"))
    found = (_shipped_type(entry) for entry in entries)
    return {each.name: each for each in found}


def _shipped_type(entry: dict[str, Any]) -> ShippedType:
    share = float(entry["gpu_partition_size"])
    gpus = [{"Manufacturer": entry["gpu_manufacturer"], "GpuPartitionSize": share}]
    return ShippedType(
        name=entry["instance_type"],
        gpu_name=entry["gpu_name"],
        gpu_count=int(entry["gpu_logical_count"]),
        gpu_parts=parts_of(share),
        gpu_memory_mib=int(entry["gpu_mem_mib_each"]),
        vcpu_count=int(entry["vcpu"]),
        memory_mib=int(entry["ram_mib"]),
        architecture=entry["arch"][0],
        disabled_reason=disabled_reason(entry["instance_type"], gpus),
    )
