"""The price lists that ship with the package, of every cloud in one shape."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache

from aicompute_tui.clouds.aws.prices import shipped_prices
from aicompute_tui.clouds.aws.shipped import READ_AT, SOURCE, shipped_types
from aicompute_tui.clouds.price_sources import shipped_source
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.settings.packaged import DATA

_MACHINE_UNTOLD = frozenset({"vast"})
"""Its list has what was searched for in the place of each machine's own vCPUs and memory."""


@cache
def listed_offers() -> tuple[ListedOffer, ...]:
    """Blocking: reads the packaged files once."""
    return (*_of_aws(), *_of_gpu_clouds())


def _of_aws() -> Iterator[ListedOffer]:
    prices, types = shipped_prices(), shipped_types()
    for name, region in sorted({(name, region) for name, region, _ in prices}):
        machine = types.get(name)
        if machine is None:  # priced, but what is in it is not known
            continue
        yield ListedOffer(
            cloud="aws",
            region=region,
            machine_type=name,
            gpu_name=machine.gpu_name,
            gpu_count=machine.gpu_count,
            gpu_parts=machine.gpu_parts,
            gpu_memory_mib=machine.gpu_memory_mib,
            vcpu_count=machine.vcpu_count,
            memory_mib=machine.memory_mib,
            architecture=machine.architecture,
            on_demand_usd_per_hour=prices.get((name, region, Market.ON_DEMAND)),
            spot_usd_per_hour=prices.get((name, region, Market.SPOT)),
            source=SOURCE,
            read_at=READ_AT,
        )


def _of_gpu_clouds() -> Iterator[ListedOffer]:
    with (DATA / "gpu-cloud-prices.csv").open(encoding="utf-8", newline="") as file:
        yield from map(_gpu_cloud_offer, csv.DictReader(file))


def _gpu_cloud_offer(row: Mapping[str, str]) -> ListedOffer:
    cloud = row["provider"]
    is_told = cloud not in _MACHINE_UNTOLD
    source, read_at = shipped_source(cloud)
    return ListedOffer(
        cloud=cloud,
        region=row["region"].strip(" ,"),
        machine_type=row["offer"],
        gpu_name=row["gpu_name"],
        gpu_count=int(row["gpu_count"]),
        gpu_memory_mib=round(Decimal(row["gpu_memory_gib"]) * 1024),
        vcpu_count=int(Decimal(row["vcpus"])) if is_told and row["vcpus"] else None,
        memory_mib=round(Decimal(row["memory_gib"]) * 1024) if is_told and row["memory_gib"] else None,
        on_demand_usd_per_hour=_price(row["on_demand_usd_per_hour"]),
        spot_usd_per_hour=_price(row["spot_usd_per_hour"]),
        source=source,
        read_at=read_at,
    )


def _price(text: str) -> Decimal | None:
    """Nothing, or zero, is no price."""
    return (Decimal(text) or None) if text else None
