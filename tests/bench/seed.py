"""A state home as after a long day: many running machines and a whole market of offers."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance, InstanceState, Market
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import OfferTable, table_of
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.settings.places import places_from
from aicompute_tui.store.database import Store, database_url
from aicompute_tui.store.offer_files import write_offers

PRICE = Decimal("0.50")
_REGIONS = ("ca-central-1", "us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
_TYPES = ("g5.xlarge", "g6.xlarge", "g6e.12xlarge", "p4d.24xlarge", "p5.48xlarge")
_OFFERS_WRITTEN = datetime(2026, 11, 20, tzinfo=UTC)


def machine_name(number: int) -> str:
    return f"node-{number:04d}"


def instances(count: int, now: datetime) -> list[Instance]:
    """Ready machines, the one with the highest number being the newest; none of them needs anyone."""
    rows = []
    for number in range(count):
        began = now.replace(microsecond=0) - timedelta(minutes=10, seconds=count - number)
        rows.append(
            Instance(
                id=new_id(began),
                owner="bench",
                created_by="bench",
                name=machine_name(number),
                cloud="aws",
                credential_id="aws:env",
                account_id="123456789012",
                region=_REGIONS[number % len(_REGIONS)],
                zone=f"{_REGIONS[number % len(_REGIONS)]}a",
                remote_id=f"i-{number:017x}",
                instance_type=_TYPES[number % len(_TYPES)],
                market=Market.SPOT,
                gpu_name="A10G",
                gpu_count=1,
                gpu_memory_mib=24_576,
                state=InstanceState.READY,
                price_usd_per_hour=PRICE,
                price_source="bench",
                price_as_of=began,
                billing_since=began,
                ttl_seconds=8 * 3_600,
                max_ttl_seconds=24 * 3_600,
                expires_at=began + timedelta(hours=8),
                node_expires_at=began + timedelta(hours=8),
                requested_at=began,
                launched_at=began,
                ready_at=began,
                state_since=began,
                last_seen_at=now,
                host_id="bench",
            )
        )
    return rows


def offers(count: int) -> OfferTable:
    """Cheapest first, as they are kept."""
    return table_of(
        ListedOffer(
            cloud="aws",
            region=_REGIONS[number % len(_REGIONS)],
            machine_type=f"{_TYPES[number % len(_TYPES)]}-{number // len(_TYPES)}",
            gpu_name="A10G",
            gpu_count=1,
            gpu_memory_mib=24_576,
            vcpu_count=4,
            memory_mib=16_384,
            on_demand_usd_per_hour=PRICE + Decimal(number) / 10_000,
            spot_usd_per_hour=None,
            source="bench",
            read_at=_OFFERS_WRITTEN,
        )
        for number in range(count)
    )


async def seed(home: Path, *, machines: int, offer_count: int) -> None:
    clock = SystemClock()
    places = places_from({"AIC_TUI_HOME": str(home)})
    places.ensure()
    store = await Store.open(database_url(places.database_file), clock=clock)
    try:
        async with store.write() as transaction:
            await transaction.instances.insert_many(instances(machines, clock.now()))
    finally:
        await store.aclose()
    if offer_count:
        write_offers(places.cache, offers(offer_count))


if __name__ == "__main__":
    asyncio.run(seed(Path(sys.argv[1]), machines=int(sys.argv[2]), offer_count=int(sys.argv[3])))
