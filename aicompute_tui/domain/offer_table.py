"""Offers as columns: words once with places in them, figures as arrays, so that 50,000 offers are a few megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aicompute_tui.domain.gpu_share import gpus_of
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.money import nano_from_usd, usd_from_nano
from aicompute_tui.domain.states import Market

if TYPE_CHECKING:
    from aicompute_tui.domain.listed_offer import ListedOffer

UNKNOWN = -1
WORDS = (
    "cloud",
    "region",
    "zone",
    "machine_type",
    "gpu_name",
    "architecture",
    "spot_source",
    "on_demand_source",
    "interruption_band",
    "interruption_source",
)
FIGURES = (
    "gpu_count",
    "gpu_parts",
    "gpu_memory_mib",
    "vcpu_count",
    "memory_mib",
    "spot_nano",
    "spot_at",
    "spot_dated",
    "on_demand_nano",
    "on_demand_at",
    "on_demand_dated",
    "interruption_index",
    "interruption_at",
    "advised_saving_percent",
)
_TYPECODES = ((1 << 8, "B"), (1 << 16, "H"), (1 << 32, "I"))

Value = str | int
Codes = Sequence[int]


@dataclass(frozen=True, slots=True)
class Column:
    """A figure by row, -1 where it is unknown; where `words` is not empty the figures are places in it."""

    words: tuple[str, ...]
    codes: array[int]


@dataclass(frozen=True, slots=True)
class OfferTable:
    """One row for each cloud, region and machine type; its spot figure is that of `zone`, where a zone is told.

    Prices are whole nano-dollars an hour under `spot_nano` and `on_demand_nano`. Each figure has its own source and
    moment (`…_at`, in seconds since 1970): that of the source where `…_dated` is 1, else when the source was read.
    A share of a GPU counts as one under `gpu_count`, `gpu_memory_mib` is its own, and `gpu_parts` says which share.
    """

    count: int
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return self.count

    def column(self, name: str) -> Column:
        return self.columns[name]

    def word(self, name: str, row: int) -> str:
        """Empty where it is unknown."""
        column = self.columns[name]
        return column.words[column.codes[row]]

    def figure(self, name: str, row: int) -> int | None:
        found = self.columns[name].codes[row]
        return None if found == UNKNOWN else found

    def value(self, name: str, row: int) -> Value | None:
        """None where it is unknown."""
        return self.word(name, row) or None if name in WORDS else self.figure(name, row)

    def gpus(self, row: int) -> float | None:
        """How many whole GPUs a row comes to: 0.125 for an eighth of one; None where its share is unknown."""
        return gpus_of(self.figure("gpu_count", row), self.figure("gpu_parts", row))

    def row_id(self, row: int) -> str:
        return "/".join(self.word(name, row) for name in ("cloud", "region", "machine_type"))

    def ranking_market(self, row: int, market: Market | None = None) -> Market | None:
        """The market whose price ranks an offer: the one asked for, else the cheaper of those known; None without."""
        if market is not None:
            return market if self.figure(PREFIX[market] + "_nano", row) is not None else None
        found = [(price, each) for each in Market if (price := self.figure(PREFIX[each] + "_nano", row)) is not None]
        return min(found, key=lambda pair: pair[0])[1] if found else None

    def nano(self, row: int, market: Market | None = None) -> int | None:
        """The price that ranks."""
        ranking = self.ranking_market(row, market)
        return None if ranking is None else self.figure(PREFIX[ranking] + "_nano", row)

    def offer(self, row: int) -> ListedOffer:
        """One row as an object; `source` and `read_at` are those of the price that ranks."""
        from aicompute_tui.domain.listed_offer import ListedOffer  # its own imports would hold the first frame up

        spot, on_demand = self.figure("spot_nano", row), self.figure("on_demand_nano", row)
        shown = PREFIX[self.ranking_market(row) or Market.ON_DEMAND]
        return ListedOffer(
            **{name: self.word(name, row) for name in ("cloud", "region", "zone", "machine_type", "gpu_name")},
            architecture=self.word("architecture", row),
            gpu_count=self.figure("gpu_count", row) or 0,
            gpu_parts=self.figure("gpu_parts", row),
            gpu_memory_mib=self.figure("gpu_memory_mib", row) or 0,
            vcpu_count=self.figure("vcpu_count", row),
            memory_mib=self.figure("memory_mib", row),
            on_demand_usd_per_hour=None if on_demand is None else usd_from_nano(on_demand),
            spot_usd_per_hour=None if spot is None else usd_from_nano(spot),
            source=self.word(f"{shown}_source", row),
            read_at=datetime.fromtimestamp(self.figure(f"{shown}_at", row) or 0, UTC),
            is_dated=self.figure(f"{shown}_dated", row) == 1,
            interruption_index=self.figure("interruption_index", row),
            interruption_band=self.word("interruption_band", row),
            advised_saving_percent=self.figure("advised_saving_percent", row),
        )


PREFIX = {Market.SPOT: "spot", Market.ON_DEMAND: "on_demand"}


def table_of(offers: Iterable[ListedOffer]) -> OfferTable:
    """The offers of one source, in their order."""
    rows = [_values(offer) for offer in offers]
    return from_values({name: [row[name] for row in rows] for name in (*WORDS, *FIGURES)})


def _values(offer: ListedOffer) -> dict[str, Value]:
    at, dated = int(offer.read_at.timestamp()), int(offer.is_dated)
    spot, on_demand = offer.spot_usd_per_hour, offer.on_demand_usd_per_hour
    is_advised = offer.interruption_index is not None
    return {
        "cloud": offer.cloud,
        "region": offer.region,
        "zone": offer.zone,
        "machine_type": offer.machine_type,
        "gpu_name": offer.gpu_name,
        "architecture": offer.architecture,
        "gpu_count": offer.gpu_count,
        "gpu_parts": _known(offer.gpu_parts),
        "gpu_memory_mib": offer.gpu_memory_mib,
        "vcpu_count": _known(offer.vcpu_count),
        "memory_mib": _known(offer.memory_mib),
        "spot_source": offer.source if spot is not None else "",
        "spot_nano": UNKNOWN if spot is None else nano_from_usd(spot),
        "spot_at": UNKNOWN if spot is None else at,
        "spot_dated": UNKNOWN if spot is None else dated,
        "on_demand_source": offer.source if on_demand is not None else "",
        "on_demand_nano": UNKNOWN if on_demand is None else nano_from_usd(on_demand),
        "on_demand_at": UNKNOWN if on_demand is None else at,
        "on_demand_dated": UNKNOWN if on_demand is None else dated,
        "interruption_band": offer.interruption_band,
        "interruption_source": offer.source if is_advised else "",
        "interruption_index": _known(offer.interruption_index),
        "interruption_at": at if is_advised else UNKNOWN,
        "advised_saving_percent": _known(offer.advised_saving_percent),
    }


def _known(figure: int | None) -> int:
    return UNKNOWN if figure is None else figure


def from_values(values: Mapping[str, Sequence[Value]]) -> OfferTable:
    """Of columns of plain values, one for each name."""
    columns = {name: _word_column([str(each) for each in values[name]]) for name in WORDS}
    columns |= {name: Column((), array("q", map(int, values[name]))) for name in FIGURES}
    return OfferTable(len(values["cloud"]), columns)


def _word_column(values: Sequence[str]) -> Column:
    words = sorted(set(values)) or [""]
    places = {word: place for place, word in enumerate(words)}
    typecode = next(code for most, code in _TYPECODES if len(words) <= most)
    return Column(tuple(words), array(typecode, map(places.__getitem__, values)))


def offer_view(table: OfferTable, row: int, market: Market | None, now: datetime) -> JsonObject:
    """One offer for programs: `source`, `as_of` and the shares of a price are those of the price that ranks.

    `as_of` is None where the source has no date of its own; the age then counts from when it was read. `gpu_count` is
    a fraction for a share of a GPU, and None where that is unknown; `vram_mib` is the memory of all that is rented.
    """
    ranking = table.ranking_market(row, market)
    nano = table.nano(row, market)
    count, memory = table.figure("gpu_count", row), table.figure("gpu_memory_mib", row)
    vram_mib = None if count is None or memory is None else count * memory
    shown = "" if ranking is None else PREFIX[ranking]
    seen: JsonObject = {
        "id": table.row_id(row),
        "cloud": table.word("cloud", row),
        "region": table.word("region", row),
        "zone": table.word("zone", row) or None,
        "type": table.word("machine_type", row),
        "gpu_name": table.word("gpu_name", row),
        "gpu_count": table.gpus(row),
        "gpu_memory_mib": memory,
        "vram_mib": vram_mib,
        "vcpu_count": table.figure("vcpu_count", row),
        "memory_mib": table.figure("memory_mib", row),
        "architecture": table.word("architecture", row) or None,
    }
    for prefix in ("spot", "on_demand"):
        seen |= _price_view(table, row, prefix, now)
    age = None if not shown else _age(table.figure(f"{shown}_at", row), now)
    return seen | {
        "saving_percent": _saving(table, row),
        "usd_per_gpu_hour": _usd(nano, table.gpus(row)),
        "usd_per_vram_gib_hour": _usd(nano, None if vram_mib is None else vram_mib / 1024),
        "interruption_band": table.word("interruption_band", row) or None,
        "interruption_index": table.figure("interruption_index", row),
        "interruption_source": table.word("interruption_source", row) or None,
        "interruption_age_seconds": _age(table.figure("interruption_at", row), now),
        "source": table.word(f"{shown}_source", row) or None if shown else None,
        "as_of": seen[f"{shown}_as_of"] if shown else None,
        "age_seconds": age,
        "read_days_ago": None if age is None else age // 86_400,
    }


def _price_view(table: OfferTable, row: int, prefix: str, now: datetime) -> JsonObject:
    at = table.figure(f"{prefix}_at", row)
    dated = at is not None and table.figure(f"{prefix}_dated", row) == 1
    return {
        f"{prefix}_usd_per_hour": _usd(table.figure(f"{prefix}_nano", row), 1),
        f"{prefix}_source": table.word(f"{prefix}_source", row) or None,
        f"{prefix}_as_of": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if dated and at else None,
        f"{prefix}_age_seconds": _age(at, now),
    }


def _age(at: int | None, now: datetime) -> int | None:
    return None if at is None else max(0, int(now.timestamp()) - at)


def _saving(table: OfferTable, row: int) -> int | None:
    """What spot costs less than on-demand, in whole percent."""
    spot, on_demand = table.figure("spot_nano", row), table.figure("on_demand_nano", row)
    return None if spot is None or not on_demand else round(100 * (1 - spot / on_demand))


def _usd(nano: int | None, parts: float | None) -> float | None:
    return None if nano is None or not parts else round(nano / 1e9 / parts, 6)
