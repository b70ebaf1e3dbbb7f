"""The offers of all feeds as one table: what was merged last, else what ships with the program."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from aicompute_tui.domain.offer_merging import merged
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.services.context import Context
from aicompute_tui.store.offer_files import merging_turn, offers_file, read_feed, read_offers, write_offers

_held: dict[Path, tuple[tuple[int, int], OfferTable]] = {}


async def current_offers(context: Context) -> OfferTable:
    """Cheapest first; of each figure the newest known. Read from disk only where it was written anew."""
    return await asyncio.to_thread(offers_at, context.places.cache)


def offers_at(cache_folder: Path) -> OfferTable:
    """Blocking; never fails: what cannot be read is as if it were not there."""
    path = offers_file(cache_folder)
    try:
        status = path.stat()
    except OSError:
        return shipped_table()
    stamp = status.st_mtime_ns, status.st_size
    held = _held.get(path)
    if held is None or held[0] != stamp:
        table = read_offers(cache_folder)
        if table is None:
            return shipped_table()
        held = _held[path] = stamp, table
    return held[1]


@cache
def shipped_table() -> OfferTable:
    """Blocking: what ships with the program, merged as all feeds are."""
    from aicompute_tui.clouds.price_lists import listed_offers
    from aicompute_tui.domain.offer_table import table_of

    return merged([table_of(listed_offers())])


def merge_feeds(cache_folder: Path) -> OfferTable:
    """Blocking: puts the last good offers of every feed together and keeps them. Raises Refused, Conflict."""
    from aicompute_tui.clouds.feeds.registry import SNAPSHOT, feed_ids

    with merging_turn(cache_folder):
        kept = [read_feed(cache_folder, feed)[1] for feed in feed_ids() if feed != SNAPSHOT]
        table = merged([shipped_table(), *(each for each in kept if each is not None)])
        write_offers(cache_folder, table)
    return table
