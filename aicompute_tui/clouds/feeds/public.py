"""A feed at a public address: one conditional request, one reading, the checks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aicompute_tui.clouds.feeds.base import FeedAnswer
from aicompute_tui.clouds.feeds.checks import Sieve, believed, check, check_age
from aicompute_tui.clouds.feeds.fetch import fetch, moment_of
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import OfferTable, table_of
from aicompute_tui.domain.price_feed import FeedState


@dataclass(frozen=True, slots=True)
class Dated:
    """Where figures come from and of when they are."""

    source: str
    at: datetime
    is_dated: bool


Read = Callable[[bytes, Dated, Sieve], Iterable[ListedOffer]]
"""Raises BadAnswer for bytes that are none of the feed's."""

_CLOCKS_DIFFER_BY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PublicFeed:
    id: str
    title: str
    url: str
    frozen_after: timedelta | None
    read_bytes: Read
    most_bytes: int = 32 << 20

    async def read(self, known: FeedState, now: datetime) -> FeedAnswer:
        fetched = await fetch(self.url, known, most_bytes=self.most_bytes)
        as_of = _until(now, moment_of(fetched.last_modified))
        is_same = fetched.body is None
        check_age(self.title, as_of or (known.read_at if is_same else None), self.frozen_after, now)
        if fetched.body is None:
            return FeedAnswer(
                table=None, as_of=as_of, url=self.url, etag=fetched.etag, last_modified=fetched.last_modified
            )
        proven = known.proven_offers(now)
        table, left_out = await asyncio.to_thread(self.table, fetched.body, as_of, now, known.offers, proven)
        return FeedAnswer(
            table=table,
            as_of=as_of,
            url=self.url,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            left_out=left_out,
        )

    def table(
        self, body: bytes, as_of: datetime | None, now: datetime, known_offers: int, proven_offers: int = 0
    ) -> tuple[OfferTable, str]:
        """The offers in `body`, and what of it was left out. Raises BadAnswer where it is not to be believed."""
        sieve = Sieve(self.title)
        dated = Dated(self.title, as_of or now, as_of is not None)
        offers = believed(self.read_bytes(body, dated, sieve), sieve)
        check(sieve, known_offers, proven_offers)
        return table_of(offers), sieve.words()


def _until(now: datetime, told: datetime | None) -> datetime | None:
    """What lies ahead is now by a fast clock; further ahead it is no date, or it would be the newest for ever."""
    if told is None or told <= now:
        return told
    return now if told - now <= _CLOCKS_DIFFER_BY else None
