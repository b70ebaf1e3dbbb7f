"""An offer table as the price explorer looks at it: the names of its rows, and the fields for sorts and filters."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import cached_property

from aicompute_tui.domain.gpu_share import WHOLE
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.ui.widgets.column_fields import Field, Figures, Vector, Words

SPOT, ON_DEMAND = "spot", "on-demand"
SEARCHED = ("type", "cloud", "region", "zone", "gpu", "arch")
"""Fields that words without a column are looked for in."""
CONTEXT = "place"
"""What `@name` narrows by."""
_BAND_PERCENT = 5
_PER_USD = 1e-9
_PER_GIB = 1 / 1024
_PLACES_OF_A_SHARE = 3
_NOT_KNOWN = -1e9
"""For figures that may be below zero themselves."""


class OfferSheet:
    """`market` narrows to what has that price, and makes it the one that ranks; without one the lower one does."""

    def __init__(
        self, table: OfferTable, now: float, market: str = "", quota_left: Callable[[int], int | None] | None = None
    ) -> None:
        self.table = table
        self.market = market
        self.now = now
        """When its ages are counted from."""
        self._quota_left = quota_left
        self._named: dict[str, int] = {}
        self._spot, self._listed = self._codes("spot_nano"), self._codes("on_demand_nano")
        self._count, self._memory = self._codes("gpu_count"), self._codes("gpu_memory_mib")
        self._parts = self._codes("gpu_parts")
        self._are_whole = self._parts.count(WHOLE) == len(self._parts)

    def _codes(self, name: str) -> Sequence[int]:
        return self.table.column(name).codes

    # -- what rows are called

    def __len__(self) -> int:
        return len(self.table)

    def row_id(self, row: int) -> str:
        row_id = self.table.row_id(row)
        self._named[row_id] = row
        return row_id

    def row_of(self, row_id: str) -> int | None:
        row = self._named.get(row_id)
        return self._found(row_id) if row is None else row

    def _found(self, row_id: str) -> int | None:
        """By its type, of which there are few in any place."""
        column = self.table.column("machine_type")
        for code, word in enumerate(column.words):
            if row_id.endswith(f"/{word}"):
                row = self._next(column.codes, code, 0)
                while row is not None:
                    if self.row_id(row) == row_id:
                        return row
                    row = self._next(column.codes, code, row + 1)
        return None

    @staticmethod
    def _next(codes: Sequence[int], code: int, start: int) -> int | None:
        try:
            return codes.index(code, start)
        except ValueError:
            return None

    # -- fields

    def price(self, row: int) -> int:
        """The nano-dollars that rank a row, below zero where there are none."""
        spot, listed = self._spot[row], self._listed[row]
        if self.market:
            return spot if self.market == SPOT else listed
        return min(spot, listed) if spot >= 0 and listed >= 0 else max(spot, listed)

    def market_of(self, row: int) -> str:
        """The one whose price that is."""
        return self.market or (SPOT if self.price(row) == self._spot[row] else ON_DEMAND)

    def source(self, row: int) -> str:
        return self.table.word("spot_source" if self.market_of(row) == SPOT else "on_demand_source", row)

    def age(self, row: int) -> float:
        at = self._codes("spot_at" if self.market_of(row) == SPOT else "on_demand_at")[row]
        return max(0.0, self.now - at) if at >= 0 else -1.0

    def vram_mib(self, row: int) -> int:
        """Of all GPUs together."""
        count, memory = self._count[row], self._memory[row]
        return count * memory if count >= 0 and memory >= 0 else -1

    def _gpus_at(self, row: int) -> float:
        """Whole ones; a share of one is less."""
        found = self._count[row] if self._are_whole else self.table.gpus(row)
        return -1.0 if found is None else found

    def _saving(self, row: int) -> float:
        spot, listed = self._spot[row], self._listed[row]
        return 100 * (1 - spot / listed) if spot >= 0 and listed > 0 else _NOT_KNOWN

    def _per_gpu(self, row: int) -> float:
        price, count = self.price(row), self._gpus_at(row)
        return price / count if price >= 0 and count > 0 else -1.0

    def _per_gib(self, row: int) -> float:
        price, vram = self.price(row), self.vram_mib(row)
        return price * 1024 / vram if price >= 0 and vram > 0 else -1.0

    def _taken_back(self, row: int) -> float:
        index = self._codes("interruption_index")[row]
        return float(index * _BAND_PERCENT) if index >= 0 else -1.0

    def _quota(self, row: int) -> float:
        left = None if self._quota_left is None else self._quota_left(row)
        return -1.0 if left is None else float(left)

    @cached_property
    def fields(self) -> dict[str, Field]:
        """By the names that a filter uses; `gpus` sorts by the name and then the count."""
        count = len(self)

        def own(name: str, *, scale: float = 1.0, places: int = 0) -> Figures:
            codes = self._codes(name)
            return Figures(codes.__getitem__, count, vector=lambda: codes, scale=scale, places=places)

        def made(
            of: Callable[[int], float],
            vector: Callable[[], Vector] | None = None,
            *,
            scale: float = 1.0,
            places: int = 0,
            least: float = 0.0,
        ) -> Figures:
            return Figures(of, count, vector=vector, scale=scale, places=places, least=least)

        return {
            **{shown: self._words(name) for shown, name in _WORDS.items()},
            "place": Words(self._places),
            "gpus": Words(self._gpus),
            "count": made(self._gpus_at, self._gpu_counts, places=0 if self._are_whole else _PLACES_OF_A_SHARE),
            "vram": made(self.vram_mib, self._vrams, scale=_PER_GIB),
            "spot": own("spot_nano", scale=_PER_USD, places=2),
            "list": own("on_demand_nano", scale=_PER_USD, places=2),
            "price": made(self.price, self._prices, scale=_PER_USD, places=2),
            "saves": made(self._saving, least=_NOT_KNOWN / 2),
            "ends": made(self._taken_back),
            "gpu_hour": made(self._per_gpu, lambda: self._shares("count"), scale=_PER_USD, places=2),
            "gib_hour": made(self._per_gib, lambda: self._shares("vram", 1024), scale=_PER_USD, places=4),
            "vcpu": own("vcpu_count"),
            "ram": own("memory_mib", scale=_PER_GIB),
            "quota": made(self._quota),
            "age": made(self.age),
        }

    def _gpu_counts(self) -> Vector:
        return self._count if self._are_whole else array("d", map(self._gpus_at, range(len(self))))

    def _vrams(self) -> Vector:
        both = zip(self._count, self._memory, strict=True)
        return array("q", [count * memory if count >= 0 and memory >= 0 else -1 for count, memory in both])

    def _prices(self) -> Vector:
        if self.market:
            return self._spot if self.market == SPOT else self._listed
        both = zip(self._spot, self._listed, strict=True)
        return array("q", [min(pair) if pair[0] >= 0 <= pair[1] else max(pair) for pair in both])

    def _shares(self, name: str, times: int = 1) -> Vector:
        """What a price comes to for each of what stands in another field."""
        both = zip(self.fields["price"].vector, self.fields[name].vector, strict=True)
        return array("d", [price * times / parts if price >= 0 and parts > 0 else -1.0 for price, parts in both])

    def _words(self, name: str) -> Words:
        column = self.table.column(name)
        return Words(lambda: (column.words, column.codes))

    def _gpus(self) -> tuple[list[str], Sequence[int]]:
        column = self.table.column("gpu_name")
        pairs = list(zip(column.codes, self.fields["count"].vector, strict=True))
        known = sorted(set(pairs))
        places = {pair: place for place, pair in enumerate(known)}
        words = [f"{column.words[name]} {count:08.3f}" for name, count in known]
        return words, array("I", map(places.__getitem__, pairs))

    def _places(self) -> tuple[list[str], Sequence[int]]:
        clouds, regions = self.table.column("cloud"), self.table.column("region")
        pairs = list(zip(clouds.codes, regions.codes, strict=True))
        known = sorted(set(pairs))
        places = {pair: place for place, pair in enumerate(known)}
        words = [f"{clouds.words[cloud]} {regions.words[region]}" for cloud, region in known]
        return words, array("I", map(places.__getitem__, pairs))

    # -- narrowed by what stands in a row

    def same(self, name: str, word: str) -> bytes:
        """1 where a column of words says exactly that."""
        return self._words(name).mask(lambda each: each == word)

    @property
    def priced(self) -> bytes | None:
        """1 where the market asked for has a price."""
        if not self.market:
            return None
        return bytes([nano >= 0 for nano in (self._spot if self.market == SPOT else self._listed)])


_WORDS = {
    "type": "machine_type",
    "cloud": "cloud",
    "region": "region",
    "zone": "zone",
    "gpu": "gpu_name",
    "arch": "architecture",
}
"""Fields of words, by the columns they stand in."""
