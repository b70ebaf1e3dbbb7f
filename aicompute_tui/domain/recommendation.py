"""On which offers a model fits within a budget, cheapest first, and in which of its versions it fits there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import overload

from aicompute_tui.domain.fit import Fit, Gpus, Use, Verdict, fit
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.money import NANO_PER_USD, usd_from_nano
from aicompute_tui.domain.offer_rows import OfferRows, ranking_nanos

_THAT_FIT = frozenset({Verdict.FITS, Verdict.TIGHT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A form the model comes in, and how it is served then."""

    model: ModelShape
    use: Use
    quantisation: str | None = None
    """None for the weights as the model's makers gave them."""
    served_as: str | None = None
    """What the model server is told to fetch; None where no place is known that has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an offer must be like. Where no market is named, the cheaper of the two counts."""

    market: Market | None = None
    most_usd_per_hour: Decimal | None = None
    clouds: frozenset[str] = field(default_factory=frozenset)
    region: str = ""
    """Part of its name."""
    gpu: str = ""
    """Part of its name, however it is written."""

    def rows(self, offers: OfferRows) -> Sequence[int]:
        """Those it takes, the price aside."""
        region, gpu = self.region.lower(), plain(self.gpu)
        taken = offers.where("cloud", lambda word: not self.clouds or word in self.clouds)
        taken = taken.where("region", lambda word: region in word.lower())
        return taken.where("gpu_name", lambda word: gpu in plain(word)).rows

    @property
    def most_nano(self) -> int | None:
        return None if self.most_usd_per_hour is None else int(self.most_usd_per_hour * NANO_PER_USD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    offer: ListedOffer
    market: Market
    usd_per_hour: Decimal
    version: Version
    fit: Fit
    quota_machines: int | None = None
    """How many the quota leaves; None where that is not known."""


Room = Callable[[int, Market], int | None]
"""How many machines of a row's type the quota of that market leaves; None where it is not known."""
_Ranked = tuple[bool, int, bool, int, int, int]
"""Whether it is beyond the quota, price, whether it is tight, cloud, machine type, and the row."""
_Fitting = tuple[Version, Fit]
_Size = tuple[int, int]
"""MiB that a GPU reports, and how many there are."""


class Suggestions(Sequence[Suggestion]):
    """Cheapest first, those beyond the quota last; each is made of its row when it is looked at."""

    def __init__(
        self,
        offers: OfferRows,
        market: Market | None,
        ranked: Sequence[_Ranked],
        fits: Mapping[_Size, _Fitting | None],
        room: Room | None,
    ) -> None:
        self._offers, self._market, self._ranked, self._fits, self._room = offers, market, ranked, fits, room

    def __len__(self) -> int:
        return len(self._ranked)

    @overload
    def __getitem__(self, place: int) -> Suggestion: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Suggestion]: ...

    def __getitem__(self, place: int | slice) -> Suggestion | Sequence[Suggestion]:
        if isinstance(place, slice):
            return Suggestions(self._offers, self._market, self._ranked[place], self._fits, self._room)
        _, nano, *_, row = self._ranked[place]
        market = self._market or self._offers.table.ranking_market(row) or Market.ON_DEMAND
        fitting = self._fits[self._offers.memory[row], self._offers.table.column("gpu_count").codes[row]]
        if fitting is None:
            raise LookupError(row)
        version, found = fitting
        return Suggestion(
            offer=self._offers.offer(row, market),
            market=market,
            usd_per_hour=usd_from_nano(nano),
            version=version,
            fit=found,
            quota_machines=None if self._room is None else self._room(row, market),
        )

    @property
    def easiest(self) -> Suggestion | None:
        """The first that is not tight."""
        return next((self[place] for place, each in enumerate(self._ranked) if not each[2]), None)

    @property
    def has_any_beyond_quota(self) -> bool:
        return bool(self._ranked) and self._ranked[-1][0]


def suggestions(versions: Sequence[Version], offers: OfferRows, wish: Wish, room: Room | None = None) -> Suggestions:
    """One for each machine type of a cloud, where it is cheapest within the quota, in the first version that fits."""
    found: dict[_Size, _Fitting | None] = {}
    cheapest: dict[tuple[int, int], _Ranked] = {}
    table, memory, most = offers.table, offers.memory, wish.most_nano
    clouds, types = table.column("cloud").codes, table.column("machine_type").codes
    counts, nanos = table.column("gpu_count").codes, ranking_nanos(table, wish.market)
    for row in wish.rows(offers) if versions else ():
        nano = nanos[row]
        if nano < 0 or (most is not None and nano > most):
            continue
        key = (clouds[row], types[row])
        is_beyond = room is not None and room(row, wish.market or table.ranking_market(row) or Market.ON_DEMAND) == 0
        known = cheapest.get(key)
        if known is not None and known[:2] <= (is_beyond, nano):
            continue
        size = (memory[row], counts[row])
        if size not in found:
            found[size] = _first_that_fits(versions, Gpus(memory_mib=size[0], count=size[1]))
        fitting = found[size]
        if fitting is not None:
            cheapest[key] = is_beyond, nano, fitting[1].verdict is Verdict.TIGHT, *key, row
    return Suggestions(offers, wish.market, sorted(cheapest.values()), found, room)


def _first_that_fits(versions: Sequence[Version], gpus: Gpus) -> tuple[Version, Fit] | None:
    for version in versions:
        found = fit(version.model, version.use, gpus)
        if found.verdict in _THAT_FIT:
            return version, found
    return None


def plain(name: str) -> str:
    """Clouds write `A100-80GB` and `A100 80GB` for one thing."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
