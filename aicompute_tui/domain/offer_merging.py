"""Offers of several sources as one: of each figure the newest known, with its own source and moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from aicompute_tui.domain.offer_table import FIGURES, UNKNOWN, WORDS, OfferTable, Value, from_values

UNDATED_MAY_BE_OLDER = timedelta(hours=8)
"""So much older is taken to be, when figures are compared, what tells no date but when it was read."""

_KEY = ("cloud", "region", "machine_type")
_FACTS = ("gpu_name", "architecture", "gpu_count", "gpu_parts", "gpu_memory_mib", "vcpu_count", "memory_mib")
_GROUPS = {
    "spot_at": ("zone", "spot_source", "spot_nano", "spot_at", "spot_dated"),
    "on_demand_at": ("on_demand_source", "on_demand_nano", "on_demand_at", "on_demand_dated"),
    "interruption_at": (
        "interruption_band",
        "interruption_source",
        "interruption_index",
        "interruption_at",
        "advised_saving_percent",
    ),
}
"""Figures that go together, by the moment that tells how new they are."""
_DATED = {"spot_at": "spot_dated", "on_demand_at": "on_demand_dated"}
_NAMES = (*WORDS, *FIGURES)
_Row = dict[str, Value]


def merged(tables: Sequence[OfferTable]) -> OfferTable:
    """Cheapest first. What a machine holds is told by the first table that knows it; an offer without price is none."""
    rows: dict[tuple[Value, ...], _Row] = {}
    for table in tables:
        for row in range(len(table)):
            values = _values(table, row)
            known = rows.setdefault(tuple(values[name] for name in _KEY), values)
            if known is not values:
                _take(known, values)
    priced = [row for row in rows.values() if row["spot_nano"] != UNKNOWN or row["on_demand_nano"] != UNKNOWN]
    priced.sort(key=_order)
    return from_values({name: [row[name] for row in priced] for name in _NAMES})


def _values(table: OfferTable, row: int) -> _Row:
    found: _Row = {name: table.word(name, row) for name in WORDS}
    for name in FIGURES:
        found[name] = table.columns[name].codes[row]
    return found


def _take(known: _Row, news: _Row) -> None:
    for name in _FACTS:
        if known[name] in {"", UNKNOWN}:
            known[name] = news[name]
    for moment, names in _GROUPS.items():
        if _moment(news, moment) >= _moment(known, moment) and news[moment] != UNKNOWN:
            known.update((name, news[name]) for name in names)


def _moment(row: _Row, name: str) -> int:
    at = int(row[name])
    is_dated = row.get(_DATED.get(name, ""), 1) == 1
    return at if is_dated or at == UNKNOWN else at - int(UNDATED_MAY_BE_OLDER.total_seconds())


def _order(row: _Row) -> tuple[int, str, str, str]:
    prices = [int(row[name]) for name in ("spot_nano", "on_demand_nano") if row[name] != UNKNOWN]
    return min(prices), str(row["cloud"]), str(row["machine_type"]), str(row["region"])
