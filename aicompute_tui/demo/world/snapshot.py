"""Prices and zones of GPU types from the dated files that ship with the package."""

from __future__ import annotations

import csv
import json
import zlib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from aicompute_tui.settings.packaged import DATA

_CENT_OF_A_CENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Quote:
    """USD per hour; None where the snapshot has no number."""

    on_demand: Decimal | None
    spot_min: Decimal | None
    spot_max: Decimal | None


def _number(text: str) -> Decimal | None:
    return Decimal(text) if text else None


@cache
def _types() -> list[dict[str, Any]]:
    types: list[dict[str, Any]] = json.loads((DATA / "aws-gpu-types.json").read_text(encoding="utf-8"))
    return types


@cache
def quotes() -> dict[tuple[str, str], Quote]:
    """By instance type and region."""
    with (DATA / "aws-gpu-prices.csv").open(encoding="utf-8", newline="") as file:
        return {
            (row["instance_type"], row["region"]): Quote(
                _number(row["on_demand_usd_per_hour"]),
                _number(row["spot_min_usd_per_hour"]),
                _number(row["spot_max_usd_per_hour"]),
            )
            for row in csv.DictReader(file)
        }


@cache
def zones() -> dict[tuple[str, str], tuple[str, ...]]:
    """Zones that offer a GPU type, by instance type and region."""
    return {
        (entry["instance_type"], region): tuple(names)
        for entry in _types()
        for region, names in entry["azs"].items()
        if names
    }


@cache
def vcpus() -> dict[str, int]:
    return {entry["instance_type"]: int(entry["vcpu"]) for entry in _types()}


@dataclass(frozen=True, slots=True)
class Gpu:
    """`memory_mib` is of each."""

    name: str
    count: int
    memory_mib: int


def gpu(instance_type: str) -> Gpu:
    """Raises KeyError for a type that is not in the snapshot."""
    for entry in _types():
        if entry["instance_type"] == instance_type:
            return Gpu(entry["gpu_name"], int(entry["gpu_count"]), int(entry["gpu_mem_mib_each"]))
    raise KeyError(instance_type)


@cache
def spot_prices(instance_type: str, region: str) -> dict[str, Decimal]:
    """The price in force by zone, spread evenly over the snapshot's range; which zone is cheap differs by type."""
    quote = quotes().get((instance_type, region))
    offered = zones().get((instance_type, region), ())
    if quote is None or quote.spot_min is None or quote.spot_max is None:
        return {}
    ranked = sorted(offered, key=lambda zone: zlib.crc32(f"{instance_type}/{zone}".encode()))
    step = (quote.spot_max - quote.spot_min) / max(1, len(ranked) - 1)
    return {
        zone: (quote.spot_min + step * rank).quantize(_CENT_OF_A_CENT).normalize() + Decimal(0)
        for rank, zone in enumerate(ranked)
    }


def spot_types(region: str) -> list[str]:
    """Types with a spot price in `region`."""
    return sorted(name for name, place in quotes() if place == region and spot_prices(name, region))
