"""What GPU machines cost at every cloud with a price list, filtered and ranked; each figure with its source and age."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.money import nano_from_usd
from aicompute_tui.domain.offer_rows import ranking_nanos, rows_with_word
from aicompute_tui.domain.offer_table import UNKNOWN, OfferTable, offer_view
from aicompute_tui.services.arguments import integer, price, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import market_named
from aicompute_tui.services.offers import current_offers

_MOST = 1_000_000
_MOST_COMPARED = 20
_OFFER = re.compile(r"(?P<type>[^/@]+)(?:@(?P<region>[^/@]+))?")


async def list_prices(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `price.list`: cheapest first, unpriced last."""
    named = text(arguments, "market")
    market = None if named is None else market_named(named)
    table = await current_offers(context)
    _check_clouds(texts(arguments, "cloud"), table)
    rows = _ranked(table, wanted_rows(table, arguments, market), market, text(arguments, "by") or "machine")
    now = context.clock.now()
    limit = integer(arguments, "limit", least=1, most=_MOST)
    return [offer_view(table, row, market, now) for row in rows[:limit]]


async def compare_prices(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `price.compare`: the offers that were named, in that order."""
    table = await current_offers(context)
    named = texts(arguments, "offer")
    if len(named) > _MOST_COMPARED:
        raise InvalidInput(f"{len(named)} offers do not fit side by side.", f"Name at most {_MOST_COMPARED}.")
    rows = [row for each in named for row in _rows_named(table, each)]
    now = context.clock.now()
    return [offer_view(table, row, None, now) for row in dict.fromkeys(rows)]


def _rows_named(table: OfferTable, named: str) -> list[int]:
    """By id, or type and region; a type alone is its cheapest offer. Raises NotFound."""
    if named.count("/") >= 2:
        found = [row for row in range(len(table)) if table.row_id(row) == named]
    else:
        words = _OFFER.fullmatch(named)
        wanted_type, region = (words["type"], words["region"]) if words else (named, None)
        types = [row for row in range(len(table)) if table.word("machine_type", row) == wanted_type]
        found = [row for row in types if region is None or table.word("region", row) == region][:1]
    if not found:
        step = "Write it like g5.xlarge@ca-central-1 or aws/ca-central-1/g5.xlarge; see `aic-tui price list`."
        raise NotFound(f"There is no offer “{named}” in the price lists.", step)
    return found


def _check_clouds(wanted: Sequence[str], table: OfferTable) -> None:
    known = table.column("cloud").words
    for cloud in wanted:
        if cloud.lower() not in known:
            raise NotFound(f"There is no price list of “{cloud}”.", f"Known are: {', '.join(known)}.")


def wanted_rows(table: OfferTable, arguments: Arguments, market: Market | None) -> list[int]:
    """The offers that every filter lets through; words are compared once each, not once for every offer."""
    clouds = {cloud.lower() for cloud in texts(arguments, "cloud")}
    gpu, region = _plain(text(arguments, "gpu") or ""), (text(arguments, "region") or "").lower()
    name, architecture = (text(arguments, "type") or "").lower(), (text(arguments, "arch") or "").lower()
    rows: Sequence[int] = range(len(table))
    for column, is_wanted in (
        ("cloud", lambda word: not clouds or word in clouds),
        ("gpu_name", lambda word: gpu in _plain(word)),
        ("region", lambda word: region in word.lower()),
        ("machine_type", lambda word: name in word.lower()),
        ("architecture", lambda word: not architecture or word == architecture),
    ):
        rows = rows_with_word(table, rows, column, is_wanted)
    return _with_figures(table, rows, arguments, market)


def _with_figures(table: OfferTable, rows: Sequence[int], arguments: Arguments, market: Market | None) -> list[int]:
    most_usd = price(arguments, "most")
    most = None if most_usd is None else nano_from_usd(most_usd)
    least_mib = (integer(arguments, "vram", least=1, most=_MOST) or 0) * 1024
    count = integer(arguments, "gpu_count", least=1, most=_MOST)
    counts, memory, nanos = (
        table.column("gpu_count").codes,
        table.column("gpu_memory_mib").codes,
        ranking_nanos(table, market),
    )
    return [
        row
        for row in rows
        if counts[row] * memory[row] >= least_mib
        and (count is None or count == table.gpus(row))
        and (market is None or nanos[row] != UNKNOWN)
        and (most is None or 0 <= nanos[row] <= most)
    ]


def _plain(name: str) -> str:
    """Clouds write `A100-80GB` and `A100 80GB` for one thing."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _ranked(table: OfferTable, rows: list[int], market: Market | None, by: str) -> list[int]:
    nanos = ranking_nanos(table, market)
    counts, memory = table.column("gpu_count").codes, table.column("gpu_memory_mib").codes
    ties = [table.column(name).codes for name in ("cloud", "machine_type", "region")]

    def order(row: int) -> tuple[bool, float, int, int, int]:
        parts = 1 if by == "machine" else table.gpus(row) if by == "gpu" else counts[row] * memory[row]
        share = nanos[row] / (parts or 1)
        return nanos[row] == UNKNOWN or not parts, share, ties[0][row], ties[1][row], ties[2][row]

    return sorted(rows, key=order)
