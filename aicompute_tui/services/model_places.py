"""Where a model fits: on the GPUs of one's own hosts, and on the machines of every price list, cheapest first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from aicompute_tui.domain.fit import Fit, Gpus, Use, Verdict, fit
from aicompute_tui.domain.gpu_share import WHOLE
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.money import usd_from_nano
from aicompute_tui.domain.offer_table import OfferTable, offer_view
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.services.arguments import integer, required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.host_gpus import HostGpus, host_gpus
from aicompute_tui.services.launch_spec import market_named
from aicompute_tui.services.model_choice import served_shape
from aicompute_tui.services.model_facts import model_shape
from aicompute_tui.services.model_use import use_of
from aicompute_tui.services.offers import current_offers
from aicompute_tui.services.price_list import wanted_rows

_MOST = 1_000
_RANKS = {Verdict.FITS: 0, Verdict.TIGHT: 0, Verdict.UNKNOWN: 1, Verdict.NO: 2}
_OF_AN_OFFER = (
    "cloud",
    "region",
    "zone",
    "gpu_name",
    "gpu_count",
    "gpu_memory_mib",
    "source",
    "as_of",
    "read_days_ago",
)


@dataclass(frozen=True, slots=True)
class _Tried:
    """The model on so many GPUs of so much memory, each worked out once."""

    model: ModelShape
    use: Use
    known: dict[Gpus, Fit]

    def on(self, gpus: Gpus) -> Fit:
        if gpus not in self.known:
            self.known[gpus] = fit(self.model, self.use, gpus)
        return self.known[gpus]


async def model_places(context: Context, arguments: Arguments) -> Json:
    """Handler of `model.places`: own hosts, then machines; what fits first, the rest with what is missing."""
    named = text(arguments, "market")
    market = None if named is None else market_named(named)
    limit = integer(arguments, "limit", least=1, most=_MOST)
    model = await _model(context, arguments)
    tried = _Tried(model, use_of(model, arguments), {})
    hosts, table = await asyncio.gather(host_gpus(context), current_offers(context))
    now = context.clock.now()

    def rows() -> list[Json]:
        own = sorted((_host_row(tried, each) for each in hosts), key=_order)
        cheapest = _cheapest(table, wanted_rows(table, {"region": text(arguments, "region")}, market), market)
        offers = sorted((_offer_row(tried, table, row, market, now) for row in cheapest), key=_order)
        return [*own, *offers[:limit]]

    return await asyncio.to_thread(rows)


async def _model(context: Context, arguments: Arguments) -> ModelShape:
    """A variant as it lies on the hub, else what the engine holds that is told this name."""
    named, variant = required_text(arguments, "model"), text(arguments, "variant")
    if variant is None:
        return await served_shape(context, named, text(arguments, "engine") or "")
    return await model_shape(context, named, variant)


def _cheapest(table: OfferTable, rows: Iterable[int], market: Market | None) -> Sequence[int]:
    """Of each machine type the region that asks least; without those that no image with a driver is known for."""
    from aicompute_tui.clouds.aws.shipped import shipped_types

    kept_out = {each.name for each in shipped_types().values() if each.disabled_reason is not None}
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for row in rows:
        nano, name = table.nano(row, market), (table.word("cloud", row), table.word("machine_type", row))
        is_out = name[0] == "aws" and (name[1] in kept_out or table.figure("gpu_parts", row) != WHOLE)
        if nano is None or not table.figure("gpu_memory_mib", row) or is_out:
            continue
        if name not in found or nano < found[name][0]:
            found[name] = (nano, row)
    return [row for _, row in found.values()]


def _offer_row(tried: _Tried, table: OfferTable, row: int, market: Market | None, now: datetime) -> JsonObject:
    seen = offer_view(table, row, market, now)
    nano, ranking = table.nano(row, market), table.ranking_market(row, market)
    memory, count = table.figure("gpu_memory_mib", row) or 0, table.figure("gpu_count", row) or 1
    return {
        "where": "offer",
        "name": seen["type"],
        **{name: seen[name] for name in _OF_AN_OFFER},
        "usd_per_hour": None if nano is None else float(usd_from_nano(nano)),
        "market": None if ranking is None else ranking.value,
        **_told(tried, tried.on(Gpus(memory_mib=memory, count=count))),
    }


def _host_row(tried: _Tried, host: HostGpus) -> JsonObject:
    row: JsonObject = {
        "where": "host",
        "name": host.host,
        **dict.fromkeys(_OF_AN_OFFER),
        "gpu_name": host.called,
        "gpu_count": host.count,
        "gpu_memory_mib": host.memory_mib,
        "usd_per_hour": None,
        "market": None,
    }
    if host.memory_mib is None or not host.count:
        unseen, unsized = "What GPUs it has cannot be seen from here.", "How much memory its GPUs have is not known."
        return {**row, **_untold(tried, unseen if host.count is None else unsized)}
    return {**row, **_told(tried, tried.on(Gpus(memory_mib=host.memory_mib, count=host.count)))}


def _order(row: JsonObject) -> tuple[int, float, str]:
    usd = row["usd_per_hour"]
    price = usd if isinstance(usd, float) else float("inf")
    return _RANKS[Verdict(str(row["verdict"]))], price, str(row["name"])


def _told(tried: _Tried, found: Fit) -> JsonObject:
    return {
        "verdict": found.verdict.value,
        "max_context": found.max_context,
        "max_parallel": found.max_parallel,
        "gpus_used": found.parallelism,
        "needed_bytes_per_gpu": None if found.need is None else found.need.total,
        "budget_bytes_per_gpu": found.budget_bytes_per_gpu,
        "engine": tried.use.engine.name,
        "context": tried.use.context,
        "parallel": tried.use.parallel,
        "why": _why(found),
        "reason": found.reason,
    }


def _untold(tried: _Tried, why: str) -> JsonObject:
    blank = Fit(verdict=Verdict.UNKNOWN, reason=why, budget_bytes_per_gpu=0)
    return {**_told(tried, blank), "budget_bytes_per_gpu": None}


def _why(found: Fit) -> str:
    if found.need is None:
        return found.reason
    over = found.need.total - found.budget_bytes_per_gpu
    if over > 0:
        return f"{format_bytes(over)} too much"
    percent = -(-100 * found.need.total // max(1, found.budget_bytes_per_gpu))
    return f"takes {percent} %"
