"""Prices by one's own account: spot of every GPU type of the regions in use, on-demand of the types in use."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from aicompute_tui.clouds.aws.shipped import ShippedType, shipped_types
from aicompute_tui.clouds.base import Cloud
from aicompute_tui.clouds.feeds.base import FeedAnswer
from aicompute_tui.clouds.feeds.registry import LIVE
from aicompute_tui.domain.errors import AicError, BadAnswer
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import DEFAULT_INSTANCE_TYPE
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer import PriceQuote
from aicompute_tui.domain.offer_table import table_of
from aicompute_tui.domain.price_feed import FeedState
from aicompute_tui.services.context import Context
from aicompute_tui.services.launch_spec import region_without_a_word

SOURCE = "AWS by your own account"
_MOST_TYPES = 8
"""On-demand prices are asked type by type up to so many."""

Quotes = Mapping[str, PriceQuote]


@dataclass(frozen=True, slots=True)
class LivePrices:
    """A feed that asks an account; the account is found when it is read."""

    context: Context
    profile: str | None
    regions: tuple[str, ...]
    """Empty: those in use."""
    id: ClassVar[str] = LIVE
    title: ClassVar[str] = SOURCE
    url: ClassVar[str] = ""
    frozen_after: ClassVar[timedelta | None] = None

    async def read(self, known: FeedState, now: datetime) -> FeedAnswer:  # noqa: ARG002 - nothing here is conditional
        """Raises AicError where no region could be read at all."""
        credential = await self.context.clouds.resolve(self.profile)
        cloud = await self.context.clouds.cloud(credential.id)
        used_regions, used_types = await self._in_use()
        regions = list(self.regions) or sorted(
            {*used_regions, region_without_a_word(self.context.preferences, credential)}
        )
        async with asyncio.TaskGroup() as group:  # where one fails in a way of its own, none is left running
            reading = [group.create_task(_of_region(cloud, region, used_types, now)) for region in regions]
        asked = [each.result() for each in reading]
        offers = [offer for found, _ in asked for offer in found]
        problems = [problem for _, found in asked for problem in found]
        if not offers:
            raise (
                problems[0]
                if problems
                else BadAnswer(
                    f"AWS has no price of a GPU machine in {', '.join(regions)}.",
                    "Choose another region with --region.",
                )
            )
        words = "; ".join(dict.fromkeys(f"{each.message} {each.next_step}".strip() for each in problems))
        return FeedAnswer(table=table_of(offers), as_of=now, left_out=words)

    async def _in_use(self) -> tuple[set[str], list[str]]:
        """Regions and types of the machines that run, and the type that is preferred."""
        async with self.context.store.read() as transaction:
            rows = [row for row in await transaction.instances.list() if row.cloud == "aws"]
        preferred = self.context.preferences.text("instance_type").strip() or DEFAULT_INSTANCE_TYPE
        return {row.region for row in rows}, list(dict.fromkeys([preferred, *(row.instance_type for row in rows)]))


async def _of_region(
    cloud: Cloud, region: str, used_types: Sequence[str], now: datetime
) -> tuple[list[ListedOffer], list[AicError]]:
    """What could be read, and why the rest could not."""
    types = await asyncio.to_thread(shipped_types)
    some = [name for name in used_types if name in types][:_MOST_TYPES]
    spot, on_demand = await asyncio.gather(
        _quotes(cloud, region, list(types), Market.SPOT), _quotes(cloud, region, some, Market.ON_DEMAND)
    )
    quotes = [found for found in (spot, on_demand) if not isinstance(found, AicError)]
    names = sorted({name for found in quotes for name in found} & set(types))
    listed = [_offer(types[name], region, _of(spot, name), _of(on_demand, name), now) for name in names]
    return listed, [found for found in (spot, on_demand) if isinstance(found, AicError)]


async def _quotes(cloud: Cloud, region: str, names: Sequence[str], market: Market) -> Quotes | AicError:
    try:
        return await cloud.live_prices(region, names, market)
    except AicError as error:
        return error


def _of(found: Quotes | AicError, name: str) -> PriceQuote | None:
    return None if isinstance(found, AicError) else found.get(name)


def _offer(
    machine: ShippedType, region: str, spot: PriceQuote | None, on_demand: PriceQuote | None, now: datetime
) -> ListedOffer:
    zones = {} if spot is None else spot.by_zone
    return ListedOffer(
        cloud="aws",
        region=region,
        machine_type=machine.name,
        gpu_name=machine.gpu_name,
        gpu_count=machine.gpu_count,
        gpu_parts=machine.gpu_parts,
        gpu_memory_mib=machine.gpu_memory_mib,
        vcpu_count=machine.vcpu_count,
        memory_mib=machine.memory_mib,
        architecture=machine.architecture,
        on_demand_usd_per_hour=None if on_demand is None else on_demand.usd_per_hour,
        spot_usd_per_hour=None if spot is None else spot.usd_per_hour,
        zone=min(zones, key=lambda zone: (zones[zone], zone)) if zones else "",
        source=SOURCE,
        read_at=now,
        is_dated=True,
    )
