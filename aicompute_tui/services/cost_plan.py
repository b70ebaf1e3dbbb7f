"""What a month of machines and tokens would cost, by dated prices; what has no price stays unknown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from aicompute_tui.domain.cost_plan import NOTHING, PLANS, Plan, Span, tokens_span
from aicompute_tui.domain.counts import number
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.model_shape import LARGEST
from aicompute_tui.domain.money import usd_from_nano
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.token_prices import TokenPrices
from aicompute_tui.services.arguments import integer, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import market_named
from aicompute_tui.services.offers import current_offers
from aicompute_tui.services.views import usd_or_none

_MOST_MACHINES = 1_000
_OWN, _BASE = "your own", "light"
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """`count` a month over a connection; `prices` is None where they are not known."""

    count: int
    connection: str
    prices: TokenPrices | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where prices are looked up. Without a market both of a place count, the cheaper as the least."""

    table: OfferTable
    cloud: str
    region: str
    market: Market | None

    def rows(self) -> list[int]:
        table, region = self.table, self.region
        return [
            row
            for row in range(len(table))
            if table.word("cloud", row) == self.cloud and region in table.word("region", row).lower()
        ]

    def price(self, row: int | None, name: str) -> Decimal | None:
        nano = None if row is None else self.table.figure(f"{name}_nano", row)
        return None if nano is None else usd_from_nano(nano)


async def plan_costs(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `cost.plan`: a row for each plan, or for the one that is named or described."""
    plans, tokens = _plans(arguments), await _tokens(context, arguments)
    named = text(arguments, "market")
    place = _Place(
        table=await current_offers(context),
        cloud=(text(arguments, "cloud") or "aws").lower(),
        region=(text(arguments, "region") or "").lower(),
        market=None if named is None else market_named(named),
    )
    now = context.clock.now()

    def rows() -> list[Json]:
        there = place.rows()
        if not there:
            where = f"{place.cloud} {place.region}".strip()
            raise NotFound(f"No price list has {where}.", "`aic-tui price list` shows all clouds and regions.")
        return [_row(plan, place, _cheapest(plan, place, there), tokens, now) for plan in plans]

    return await asyncio.to_thread(rows)


def _plans(arguments: Arguments) -> list[Plan]:
    """Those that come with the program, or one of them with what was changed of it."""
    named = text(arguments, "plan")
    chosen = [each for each in PLANS if named in (None, each.name)]
    if not chosen:
        raise InvalidInput(f"There is no plan “{named}”.", f"Choose one of {', '.join(each.name for each in PLANS)}.")
    hours, machines = _hours(arguments), integer(arguments, "machines", least=1, most=_MOST_MACHINES)
    machine_type = text(arguments, "type")
    if hours is None and machines is None and machine_type is None:
        return chosen
    base = chosen[0] if named is not None else next(each for each in PLANS if each.name == _BASE)
    return [
        replace(
            base,
            name=_OWN,
            what=f"as {base.name}, changed",
            machine_type=machine_type or base.machine_type,
            machines=machines or base.machines,
            hours_per_day=base.hours_per_day if hours is None else hours,
        )
    ]


def _hours(arguments: Arguments) -> Decimal | None:
    written = text(arguments, "hours_per_day")
    if written is None:
        return None
    try:
        hours = Decimal(written)
    except InvalidOperation:
        raise InvalidInput(f"“{written}” is not a number of hours.", "Write it like 8 or 1.5.") from None
    if not (hours.is_finite() and 0 < hours <= 24):
        raise InvalidInput(f"“{written}” is not a number of hours a day.", "Give more than 0 and at most 24.")
    return hours


async def _tokens(context: Context, arguments: Arguments) -> _Tokens | None:
    written, named = text(arguments, "tokens"), text(arguments, "connection")
    if written is None and named is None:
        return None
    if written is None or named is None:
        step = "Give both: --tokens 50m --connection NAME."
        raise InvalidInput("Tokens cost what the connection asks that they go over.", step)
    from aicompute_tui.llms.prices import prices_of

    async with context.store.read() as transaction:
        connection = await transaction.connections.find(named)
    count = min(LARGEST, number(written, "tokens", 1000))
    return _Tokens(count=count, connection=connection.name, prices=prices_of(connection, connection.model))


def _cheapest(plan: Plan, place: _Place, rows: list[int]) -> int | None:
    """Of the plan's machine type the place that asks least; one without a price where none has any."""
    table, market = place.table, place.market
    found = [row for row in rows if table.word("machine_type", row) == plan.machine_type]
    order = {row: table.nano(row, market) for row in found}
    return min(found, key=lambda row: (order[row] is None, order[row] or 0), default=None)


def _row(plan: Plan, place: _Place, row: int | None, tokens: _Tokens | None, now: datetime) -> JsonObject:
    hourly = _hourly(place, row)
    spoken = NOTHING if tokens is None else tokens_span(tokens.count, tokens.prices)
    whole = hourly.times(plan.machine_hours) + spoken
    table = place.table
    return {
        "plan": plan.name,
        "what": plan.what,
        "machines": plan.machines,
        "type": plan.machine_type,
        "gpu_name": None if row is None else table.word("gpu_name", row),
        "gpu_count": None if row is None else table.gpus(row),
        "cloud": place.cloud,
        "region": None if row is None else table.word("region", row),
        "hours_per_day": float(plan.hours_per_day),
        "hours_per_month": float(round(plan.machine_hours, 2)),
        "low_usd_per_hour": usd_or_none(hourly.low),
        "high_usd_per_hour": usd_or_none(hourly.high),
        "tokens_per_month": None if tokens is None else tokens.count,
        "connection": None if tokens is None else tokens.connection,
        "tokens_low_usd": None if tokens is None else _cents(spoken.low),
        "tokens_high_usd": None if tokens is None else _cents(spoken.high),
        "low_usd_per_month": _cents(whole.low),
        "high_usd_per_month": _cents(whole.high),
        "basis": _basis(place, row, tokens),
        **_sources(place, row, now),
    }


def _ends(place: _Place, row: int | None) -> tuple[str, str]:
    """Whose prices the least and the most are; at times spot asks more than on-demand."""
    if place.market is not None:
        name = "spot" if place.market is Market.SPOT else "on_demand"
        return name, name
    spot, listed = place.price(row, "spot"), place.price(row, "on_demand")
    is_dear = spot is not None and listed is not None and spot > listed
    return ("on_demand", "spot") if is_dear else ("spot", "on_demand")


def _hourly(place: _Place, row: int | None) -> Span:
    """Of one machine."""
    low, high = _ends(place, row)
    return Span(place.price(row, low), place.price(row, high))


def _sources(place: _Place, row: int | None, now: datetime) -> JsonObject:
    """Of the price of the least and of that of the most, with its age."""
    told: JsonObject = {}
    for name, prefix in zip(("low", "high"), _ends(place, row), strict=True):
        known = row is not None and place.price(row, prefix) is not None
        at = place.table.figure(f"{prefix}_at", row) if known and row is not None else None
        told[f"{name}_source"] = place.table.word(f"{prefix}_source", row) if known and row is not None else None
        told[f"{name}_days_ago"] = None if at is None else max(0, (int(now.timestamp()) - at) // _DAY_SECONDS)
    return told


def _cents(amount: Decimal | None) -> float | None:
    return None if amount is None else float(round(amount, 2))


def _basis(place: _Place, row: int | None, tokens: _Tokens | None) -> str:
    """What the two sums rest on, and what they leave out."""
    if row is None:
        parts = ["No price list has this machine there."]
    elif place.market is not None:
        parts = [f"Both by the {place.market.value} price."]
    else:
        low, high = (name.replace("_", "-") for name in _ends(place, row))
        parts = [f"At least by {low}, at most by {high} prices."]
        parts += ["No list tells a spot price."] if place.price(row, "spot") is None else []
    if tokens is not None and tokens.prices is None:
        parts.append(f"What tokens cost over {tokens.connection} is not known: give it --price-in and --price-out.")
    elif tokens is not None and tokens.prices is not None:
        parts.append(f"Tokens: at least all read, at most all written, by {tokens.prices.source}.")
    parts.append("Disks and traffic are not counted.")
    return " ".join(parts)
