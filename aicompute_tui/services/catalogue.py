"""The machine types of a region with their prices, for whoever chooses one."""

from __future__ import annotations

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.launch import DEFAULT_REGION
from aicompute_tui.domain.offer import PriceQuote
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.views import moment_or_none, usd_or_none


async def types(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.types`: cheapest spot first, unpriced last; prices that cannot be read are None."""
    credential = await context.clouds.resolve(text(arguments, "profile"))
    region = text(arguments, "region") or credential.region or context.preferences.text("region") or DEFAULT_REGION
    cloud = await context.clouds.cloud(credential.id)
    machine_types = await cloud.machine_types(region)
    try:
        quotes = await cloud.prices(region, [each.name for each in machine_types])
    except AicError:
        quotes = {}
    rows: list[tuple[float, Json]] = []
    for each in machine_types:
        spot = quotes.get((each.name, Market.SPOT))
        on_demand = quotes.get((each.name, Market.ON_DEMAND))
        shown = spot or on_demand
        row: Json = {
            "name": each.name,
            "gpu_name": each.gpu_name,
            "gpu_count": each.gpu_count,
            "gpu_memory_mib": each.gpu_memory_mib,
            "vcpu_count": each.vcpu_count,
            "memory_mib": each.memory_mib,
            "architecture": each.architecture,
            "has_spot": each.has_spot,
            "disabled_reason": each.disabled_reason,
            "spot_usd_per_hour": _usd(spot),
            "on_demand_usd_per_hour": _usd(on_demand),
            "price_source": shown.source if shown else None,
            "price_as_of": moment_or_none(shown.as_of) if shown else None,
            "zones": list(each.zones),
        }
        rows.append((_usd(spot) or _usd(on_demand) or float("inf"), row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _usd(quote: PriceQuote | None) -> float | None:
    return None if quote is None else usd_or_none(quote.usd_per_hour)
