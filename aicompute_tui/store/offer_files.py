"""Offers on disk, column by column, and what is known of each feed: a cache, read in milliseconds and never trusted."""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.offer_table import FIGURES, WORDS, Column, OfferTable
from aicompute_tui.domain.price_feed import FeedState, feed_state
from aicompute_tui.store.kept_answers import write_whole
from aicompute_tui.store.turns import turn, turn_in_thread

_MAGIC = b"aic-tui offers 1\n"
_MOST_BYTES = 256 << 20
_LONGEST_ASK_SECONDS = 300.0
_LONGEST_MERGE_SECONDS = 60.0
_SIZES = {"B": 1, "H": 2, "I": 4, "q": 8}


def folder(cache: Path) -> Path:
    return cache / "prices"


def offers_file(cache: Path) -> Path:
    """The offers of all feeds as one table."""
    return folder(cache) / "offers.columns"


def feed_turn(cache: Path, feed: str) -> AbstractAsyncContextManager[bool]:
    """Held by whoever asks a feed, from reading what is known of it to keeping what came; see `turn`."""
    return turn(folder(cache) / f"{feed}.lock", _LONGEST_ASK_SECONDS)


def merging_turn(cache: Path) -> AbstractContextManager[None]:
    """Held by whoever puts the feeds together, so that the last one to do so has seen them all. Blocking."""
    return turn_in_thread(folder(cache) / "offers.lock", _LONGEST_MERGE_SECONDS)


def read_offers(cache: Path) -> OfferTable | None:
    """None where nothing was kept yet, or nothing that can be read."""
    return read_table(offers_file(cache))


def write_offers(cache: Path, table: OfferTable) -> None:
    """Raises Refused where the cache cannot be written."""
    write_table(offers_file(cache), table)


def read_feed(cache: Path, feed: str) -> tuple[FeedState, OfferTable | None]:
    """What is known of a feed and its last good offers."""
    table = read_table(folder(cache) / f"{feed}.columns")
    try:
        found = json.loads((folder(cache) / f"{feed}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    return feed_state(feed, found), table


def write_feed(cache: Path, state: FeedState, table: OfferTable | None = None) -> None:
    """The offers before what is known of them, so that no `unchanged` can follow offers that were not kept.

    Raises Refused where the cache cannot be written.
    """
    if table is not None:
        write_table(folder(cache) / f"{state.feed}.columns", table)
    write_whole(folder(cache) / f"{state.feed}.json", [json.dumps(state.as_json(), ensure_ascii=False).encode()])


def write_table(path: Path, table: OfferTable) -> None:
    """Whole or not at all. Raises Refused where it cannot be written."""
    listed: list[JsonObject] = []
    pieces: list[bytes] = []
    for name, column in table.columns.items():
        listed.append({"name": name, "typecode": column.codes.typecode, "words": list(column.words)})
        pieces.append(_little_endian(column.codes).tobytes())
    head = json.dumps({"count": table.count, "columns": listed}, ensure_ascii=False).encode()
    write_whole(path, [_MAGIC, head, b"\n", *pieces])


def read_table(path: Path) -> OfferTable | None:
    """None where there is no such file, or none that this program can read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    end = content.find(b"\n", len(_MAGIC))
    if not content.startswith(_MAGIC) or end < 0:
        return None
    try:
        head = json.loads(content[len(_MAGIC) : end])
        return _table(head, memoryview(content)[end + 1 :])
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None


def _table(head: Mapping[str, Any], codes: memoryview) -> OfferTable:
    """Raises ValueError, KeyError, TypeError for anything but what `write_table` wrote."""
    count, start = int(head["count"]), 0
    columns: dict[str, Column] = {}
    for each in head["columns"]:
        figures: array[int] = array(each["typecode"])
        size = count * _SIZES[each["typecode"]]
        figures.frombytes(codes[start : start + size])
        start += size
        words = tuple(map(str, each["words"]))
        is_of_words = bool(words) or each["name"] in WORDS
        if len(figures) != count or (is_of_words and count and not 0 <= min(figures) <= max(figures) < len(words)):
            raise ValueError(each["name"])
        columns[str(each["name"])] = Column(words, _little_endian(figures))
    if not {*WORDS, *FIGURES} <= set(columns) or start != len(codes):
        raise ValueError("columns")
    return OfferTable(count, columns)


def _little_endian(figures: array[int]) -> array[int]:
    """A copy with swapped bytes on a machine of the other order, so that a file can move between machines."""
    if sys.byteorder == "little":
        return figures
    swapped = array(figures.typecode, figures)
    swapped.byteswap()
    return swapped
