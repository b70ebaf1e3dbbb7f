"""What each machine type of AWS costs where it is cheapest, by the newest known price, with its source and age."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.offer_rows import ranking_nanos, rows_with_word
from aicompute_tui.domain.offer_table import PREFIX, OfferTable

_CLOUD = "aws"


@dataclass(frozen=True, slots=True)
class TypePrice:
    region: str
    usd_per_hour: float
    on_demand_usd_per_hour: float | None
    """In that region."""
    source: str
    read_days_ago: int


def type_prices(table: OfferTable, market: Market, region: str | None, now: datetime) -> dict[str, TypePrice]:
    """By machine type, without those that have no price; of one region only where it is named."""
    nanos, cheapest = ranking_nanos(table, market), dict[str, int]()
    names, types = table.column("machine_type").words, table.column("machine_type").codes
    rows = rows_with_word(table, range(len(table)), "cloud", lambda word: word == _CLOUD)
    for row in rows_with_word(table, rows, "region", lambda word: region in {None, word}):
        name = names[types[row]]
        if nanos[row] >= 0 and (name not in cheapest or nanos[row] < nanos[cheapest[name]]):
            cheapest[name] = row
    return {name: _price(table, row, market, nanos[row], now) for name, row in cheapest.items()}


def _price(table: OfferTable, row: int, market: Market, nano: int, now: datetime) -> TypePrice:
    listed = table.figure("on_demand_nano", row)
    read_at = datetime.fromtimestamp(table.figure(f"{PREFIX[market]}_at", row) or 0, UTC)
    return TypePrice(
        region=table.word("region", row),
        usd_per_hour=nano / 1e9,
        on_demand_usd_per_hour=None if listed is None else listed / 1e9,
        source=table.word(f"{PREFIX[market]}_source", row),
        read_days_ago=max(0, (now - read_at).days),
    )
