"""What a launch is judged by besides its checks: whether the model fits, how often spot ends, and what is cheaper."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice

from aicompute_tui.domain.fit import Fit
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.launch import LaunchSpec
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.money import usd_from_nano
from aicompute_tui.domain.offer_rows import OfferRows, ranking_nanos
from aicompute_tui.domain.recommendation import Version, Wish, suggestions
from aicompute_tui.services.context import Context
from aicompute_tui.services.fit_check import FitFinding
from aicompute_tui.services.offers import current_offers
from aicompute_tui.services.rentable import AWS, rentable
from aicompute_tui.services.views import usd_or_none

_MOST = 3


async def review_facts(
    context: Context, spec: LaunchSpec, usd_per_hour: Decimal | None, fits: FitFinding | None
) -> JsonObject:
    """`alternatives` are cheaper than the price that was read, by the price lists with their age."""
    table, now = await current_offers(context), context.clock.now()

    def facts() -> JsonObject:
        offers = rentable(table, None).where("cloud", lambda word: word == AWS)
        versions = fits.versions if fits is not None else ()
        cheaper = [] if usd_per_hour is None else _cheaper(versions, offers, spec, usd_per_hour)
        rows: list[Json] = [_view(each, found, market, usd, now) for each, found, market, usd in cheaper]
        return {
            "fit": None if fits is None else fits.view(),
            "interruption": _interruption(offers, spec),
            "alternatives": rows,
        }

    return await asyncio.to_thread(facts)


_Cheaper = tuple[ListedOffer, Fit | None, Market, Decimal]


def _cheaper(versions: Sequence[Version], offers: OfferRows, spec: LaunchSpec, usd_per_hour: Decimal) -> list[_Cheaper]:
    """Cheapest first, among them one of the same region where there is one."""
    market = Market.ON_DEMAND if spec.market is Market.ON_DEMAND else Market.SPOT
    wish = Wish(market=market, most_usd_per_hour=usd_per_hour)
    anywhere = _that_serve(versions, offers, wish, spec)
    here = _that_serve(versions, offers.where("region", lambda word: word == spec.region), wish, spec)
    found = [each for each in anywhere if each not in here[:1]]
    return sorted([*here[:1], *found][:_MOST], key=lambda each: each[3])


def _that_serve(versions: Sequence[Version], offers: OfferRows, wish: Wish, spec: LaunchSpec) -> list[_Cheaper]:
    """The same machine in other regions where no model is known, else the machines that the model fits on; some."""
    is_this, limit = (spec.instance_type, spec.region), wish.most_usd_per_hour
    found: Iterable[_Cheaper]
    if versions:
        fitting = suggestions(versions, offers, wish)
        found = ((each.offer, each.fit, each.market, each.usd_per_hour) for each in fitting)
    else:
        found = _same(offers.where("machine_type", lambda word: word == spec.instance_type), wish.market)
    others = (each for each in found if (each[0].machine_type, each[0].region) != is_this)
    return list(islice((each for each in others if limit is None or each[3] < limit), _MOST))


def _same(offers: OfferRows, market: Market | None) -> Iterator[_Cheaper]:
    nanos = ranking_nanos(offers.table, market)
    for row in sorted((row for row in offers.rows if nanos[row] >= 0), key=lambda row: nanos[row]):
        sold = market or offers.table.ranking_market(row) or Market.ON_DEMAND
        yield offers.offer(row, sold), None, sold, usd_from_nano(nanos[row])


def _view(offer: ListedOffer, found: Fit | None, market: Market, usd: Decimal, now: datetime) -> JsonObject:
    return {
        "type": offer.machine_type,
        "region": offer.region,
        "gpu_name": offer.gpu_name,
        "gpu_count": offer.gpus,
        "market": market.value,
        "usd_per_hour": usd_or_none(usd),
        "verdict": None if found is None else found.verdict.value,
        "max_context": None if found is None else found.max_context,
        "source": offer.source,
        "read_days_ago": max(0, (now - offer.read_at).days),
    }


def _interruption(offers: OfferRows, spec: LaunchSpec) -> JsonObject | None:
    """What share of such machines was taken back within a month; None where nothing is taken back."""
    if spec.market is Market.ON_DEMAND:
        return None
    here = offers.where("region", lambda word: word == spec.region)
    row = next(iter(here.where("machine_type", lambda word: word == spec.instance_type).rows), None)
    if row is None:
        return {"band": None, "index": None}
    table = offers.table
    return {"band": table.word("interruption_band", row) or None, "index": table.figure("interruption_index", row)}
