"""Prices of a feed, kept column by column: 50,000 offers are a few megabytes and read in milliseconds."""

from __future__ import annotations

import asyncio
import json
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.money import nano_from_usd, usd_from_nano
from aicompute_tui.domain.offer import Offer
from aicompute_tui.store.tables import offer_columns, offer_feeds
from aicompute_tui.store.work import Work

PRICE = "nano_usd_per_hour"
_WORDS: dict[str, Callable[[Offer], str]] = {
    "cloud": lambda offer: offer.cloud,
    "region": lambda offer: offer.region,
    "machine_type": lambda offer: offer.machine_type,
    "market": lambda offer: offer.market.value,
    "gpu_name": lambda offer: offer.gpu_name,
}
_FIGURES: dict[str, tuple[str, Callable[[Offer], float]]] = {
    "gpu_count": ("d", lambda offer: offer.gpu_count),
    "gpu_memory_mib": ("q", lambda offer: offer.gpu_memory_mib),
    "vcpu_count": ("q", lambda offer: offer.vcpu_count),
    "memory_mib": ("q", lambda offer: offer.memory_mib),
    PRICE: ("q", lambda offer: nano_from_usd(offer.usd_per_hour)),
}


@dataclass(frozen=True, slots=True)
class OfferColumn:
    """Figures by row; where `words` is not empty the figures are places in it."""

    words: tuple[str, ...]
    figures: array[Any]

    def __getitem__(self, row: int) -> Any:
        figure = self.figures[row]
        return self.words[figure] if self.words else figure


@dataclass(frozen=True, slots=True)
class OfferBook:
    """All offers of one feed; prices are whole nano-dollars per hour under the name `nano_usd_per_hour`."""

    feed: str
    source: str
    as_of: datetime | None
    count: int
    columns: dict[str, OfferColumn]

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Offer]:
        return (self.offer(row) for row in range(self.count))

    def offer(self, row: int) -> Offer:
        values = {name: self.columns[name][row] for name in (*_WORDS, *_FIGURES)}
        price: Decimal = usd_from_nano(values.pop(PRICE))
        values["market"] = Market(values["market"])
        return Offer(usd_per_hour=price, **values)


class Offers:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def replace(self, feed: str, offers: Sequence[Offer], source: str, as_of: datetime | None) -> None:
        """Puts these offers in the place of all the feed had."""
        columns = await asyncio.to_thread(_encode, feed, offers)
        await self._work.write(delete(offer_columns).where(offer_columns.c.feed == feed))
        await self._work.write(delete(offer_feeds).where(offer_feeds.c.feed == feed))
        row = {"feed": feed, "source": source, "as_of": as_of, "size": len(offers)}
        await self._work.write(insert(offer_feeds).values(row))
        await self._work.write(insert(offer_columns), columns)
        self._work.changed("offers", feed)

    async def read(self, feed: str) -> OfferBook | None:
        head = await self._work.first(select(offer_feeds).where(offer_feeds.c.feed == feed))
        if head is None:
            return None
        rows = await self._work.rows(select(offer_columns).where(offer_columns.c.feed == feed))
        columns = {
            row.name: OfferColumn(tuple(json.loads(row.words)), _unpack(row.typecode, row.codes)) for row in rows
        }
        return OfferBook(feed, head.source, head.as_of, head.size, columns)


def _encode(feed: str, offers: Sequence[Offer]) -> list[dict[str, Any]]:
    columns = []
    for name, word in _WORDS.items():
        values = [word(offer) for offer in offers]
        words = sorted(set(values))
        places = {text: place for place, text in enumerate(words)}
        typecode = "B" if len(words) <= 1 << 8 else "H" if len(words) <= 1 << 16 else "I"
        columns.append(_column(feed, name, words, array(typecode, map(places.__getitem__, values))))
    for name, (typecode, figure) in _FIGURES.items():
        columns.append(_column(feed, name, [], array(typecode, map(figure, offers))))
    return columns


def _column(feed: str, name: str, words: list[str], figures: array[Any]) -> dict[str, Any]:
    stored = _little_endian(figures)
    return {
        "feed": feed,
        "name": name,
        "typecode": figures.typecode,
        "words": json.dumps(words, ensure_ascii=False),
        "codes": stored.tobytes(),
    }


def _unpack(typecode: str, codes: bytes) -> array[Any]:
    figures: array[Any] = array(typecode)
    figures.frombytes(codes)
    return _little_endian(figures)


def _little_endian(figures: array[Any]) -> array[Any]:
    """A copy with swapped bytes on a machine of the other order, so that a file can move between machines."""
    if sys.byteorder == "little":
        return figures
    swapped = array(figures.typecode, figures)
    swapped.byteswap()
    return swapped
