"""The machine types of a region with their prices, and what is left of the quotas that count them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.offer import MachineType, PriceQuote, QuotaReading
from aicompute_tui.domain.quota import machines_that_fit
from aicompute_tui.services.arguments import flag, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import market_named, region_without_a_word
from aicompute_tui.services.views import moment_or_none, usd_or_none


async def types(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.types`: cheapest first, unpriced last; what cannot be read is None.

    With `quota`, which takes longer, also what is left of the quotas for `market`.
    """
    credential = await context.clouds.resolve(text(arguments, "profile"))
    region = text(arguments, "region") or region_without_a_word(context.preferences, credential)
    market = market_named(text(arguments, "market") or context.preferences.text("market").strip() or "spot")
    cloud = await context.clouds.cloud(credential.id)
    machine_types = await cloud.machine_types(region)
    wants_quota = flag(arguments, "quota")
    quotes, readings = await asyncio.gather(
        _quotes(cloud, region, machine_types), _readings(cloud, region, machine_types if wants_quota else (), market)
    )
    rows: list[tuple[float, Json]] = []
    for each in machine_types:
        prices = {known: quotes.get((each.name, known)) for known in Market}
        row = {**_type_view(each), **_price_view(prices, market), **_quota_view(each, readings.get(each.name))}
        first = prices[market] or prices[Market.SPOT] or prices[Market.ON_DEMAND]
        rows.append((_usd(first) or float("inf"), row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


async def _quotes(
    cloud: Cloud, region: str, machine_types: Sequence[MachineType]
) -> Mapping[tuple[str, Market], PriceQuote]:
    try:
        return await cloud.prices(region, [each.name for each in machine_types])
    except AicError:
        return {}


async def _readings(
    cloud: Cloud, region: str, machine_types: Sequence[MachineType], market: Market
) -> Mapping[str, QuotaReading]:
    if not machine_types:
        return {}
    try:
        return await cloud.quotas(region, [each.name for each in machine_types], market)
    except AicError:
        return {}


def _type_view(each: MachineType) -> JsonObject:
    return {
        "name": each.name,
        "gpu_name": each.gpu_name,
        "gpu_count": each.gpu_count,
        "gpu_memory_mib": each.gpu_memory_mib,
        "vcpu_count": each.vcpu_count,
        "memory_mib": each.memory_mib,
        "architecture": each.architecture,
        "has_spot": each.has_spot,
        "disabled_reason": each.disabled_reason,
        "zones": list(each.zones),
    }


def _price_view(prices: Mapping[Market, PriceQuote | None], market: Market) -> JsonObject:
    """`price_source` and `price_as_of` are those of the market asked for, else of the only price there is."""
    spot, on_demand = prices[Market.SPOT], prices[Market.ON_DEMAND]
    shown = prices[market] or spot or on_demand
    return {
        "spot_usd_per_hour": _usd(spot),
        "spot_source": spot.source if spot else None,
        "spot_as_of": moment_or_none(spot.as_of) if spot else None,
        "on_demand_usd_per_hour": _usd(on_demand),
        "on_demand_source": on_demand.source if on_demand else None,
        "on_demand_as_of": moment_or_none(on_demand.as_of) if on_demand else None,
        "saving_percent": saving_percent(spot, on_demand),
        "price_source": shown.source if shown else None,
        "price_as_of": moment_or_none(shown.as_of) if shown else None,
    }


def saving_percent(spot: PriceQuote | None, on_demand: PriceQuote | None) -> int | None:
    """What spot costs less than on-demand, in whole percent; None where one of the two is not known."""
    if spot is None or on_demand is None or not on_demand.usd_per_hour:
        return None
    return round(100 * (1 - spot.usd_per_hour / on_demand.usd_per_hour))


def _quota_view(each: MachineType, reading: QuotaReading | None) -> JsonObject:
    """`quota_machines` is how many more of this type the quota leaves room for."""
    free = None if reading is None else reading.free_vcpus
    return {
        "quota_name": None if reading is None else reading.name,
        "quota_limit_vcpus": None if reading is None else reading.limit_vcpus,
        "quota_free_vcpus": free,
        "quota_machines": machines_that_fit(free, each.vcpu_count),
        "quota_note": reading.note or None if reading is not None else None,
    }


def _usd(quote: PriceQuote | None) -> float | None:
    return None if quote is None else usd_or_none(quote.usd_per_hour)
