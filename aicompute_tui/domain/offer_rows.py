"""Offers by their rows in a table: chosen and priced on columns, objects only where they are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import PREFIX, UNKNOWN, OfferTable


@dataclass(frozen=True, slots=True)
class OfferRows:
    """`memory` is what a GPU of each row of the table reports, in MiB."""

    table: OfferTable
    rows: Sequence[int]
    memory: Sequence[int]

    def where(self, name: str, is_wanted: Callable[[str], bool]) -> OfferRows:
        return replace(self, rows=rows_with_word(self.table, self.rows, name, is_wanted))

    def offer(self, row: int, market: Market) -> ListedOffer:
        """With the source and the moment of the price in that market."""
        prefix = PREFIX[market]
        return replace(
            self.table.offer(row),
            gpu_memory_mib=self.memory[row],
            source=self.table.word(f"{prefix}_source", row),
            read_at=datetime.fromtimestamp(self.table.figure(f"{prefix}_at", row) or 0, UTC),
            is_dated=self.table.figure(f"{prefix}_dated", row) == 1,
        )


def rows_with_word(
    table: OfferTable, rows: Sequence[int], name: str, is_wanted: Callable[[str], bool]
) -> Sequence[int]:
    """Words are compared once each, not once for every offer."""
    column = table.column(name)
    good = [is_wanted(word) for word in column.words]
    codes = column.codes
    return rows if all(good) else [row for row in rows if good[codes[row]]]


def ranking_nanos(table: OfferTable, market: Market | None) -> Sequence[int]:
    """By row: the price in one market, without one the lower of what is known; -1 where nothing is."""
    spot, on_demand = table.column("spot_nano").codes, table.column("on_demand_nano").codes
    if market is not None:
        return spot if market is Market.SPOT else on_demand
    return [max(pair) if UNKNOWN in pair else min(pair) for pair in zip(spot, on_demand, strict=True)]
