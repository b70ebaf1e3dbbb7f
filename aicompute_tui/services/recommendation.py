"""What to rent for a model: the offers it fits on within a budget, why, what is tight, and what would fit instead."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.fit import Fit, Gpus, Use, Verdict, fit
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.money import HOURS_PER_MONTH
from aicompute_tui.domain.offer_rows import OfferRows
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.recommendation import Suggestion, Suggestions, Version, Wish, suggestions
from aicompute_tui.domain.sizes import format_bytes, format_tokens
from aicompute_tui.services.arguments import integer, price, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import market_named
from aicompute_tui.services.model_choice import chosen_model, smaller_versions
from aicompute_tui.services.model_use import use_of
from aicompute_tui.services.offers import current_offers
from aicompute_tui.services.quota_room import QuotaRoom, quota_room
from aicompute_tui.services.rentable import rentable
from aicompute_tui.services.views import moment_or_none, usd_or_none

_MOST_ROWS = 10_000
_LARGEST_GPU = Gpus(memory_mib=1 << 24)


async def recommend(context: Context, arguments: Arguments) -> Json:
    """Handler of `model.recommend`: `instead` holds offers only where none takes the weights as they are."""
    chosen = await chosen_model(context, _named_model(arguments))
    use = use_of(chosen.shape, {"engine": chosen.engine, **{name: each for name, each in arguments.items() if each}})
    own = Version(model=chosen.shape, use=use, served_as=chosen.served.get(use.engine.name))
    smaller = smaller_versions(chosen, use, may_change_engine=text(arguments, "engine") is None)
    limit = integer(arguments, "limit", least=1, most=_MOST_ROWS)
    wish = _wish(arguments)
    table, quota, now = await current_offers(context), await quota_room(context), context.clock.now()

    def answer() -> JsonObject:
        offers = rentable(table, wish.market)
        _check_clouds(wish, table)
        room = quota.by_row(table)
        found = suggestions([own], offers, wish, room)
        instead = suggestions([] if found else smaller, offers, wish, room)
        return {
            **_verdict(own, found),
            "title": chosen.title,
            "also": [*chosen.also],
            "reason": _reason(own, found, instead, offers, wish),
            **_asked(own, wish),
            "offers": [_row(each, quota, now) for each in found[:limit]],
            "instead": [_row(each, quota, now) for each in instead[:limit]],
        }

    return await asyncio.to_thread(answer)


def _named_model(arguments: Arguments) -> str:
    named = " ".join(texts(arguments, "model"))
    if not named:
        raise InvalidInput("No model is named.", "Give words of its name, as llama 70b, or a file.")
    return named


def _wish(arguments: Arguments) -> Wish:
    market, clouds = text(arguments, "market"), frozenset(each.lower() for each in texts(arguments, "cloud"))
    hourly, monthly = price(arguments, "max_usd_per_hour"), price(arguments, "max_usd_per_month")
    if hourly is not None and monthly is not None:
        raise InvalidInput("Two budgets are given, one per hour and one per month.", "Give one of them.")
    return Wish(
        market=None if market is None else market_named(market),
        most_usd_per_hour=hourly if monthly is None else monthly / HOURS_PER_MONTH,
        clouds=clouds,
        region=text(arguments, "region") or "",
        gpu=text(arguments, "gpu") or "",
    )


def _check_clouds(wish: Wish, table: OfferTable) -> None:
    known = sorted(table.column("cloud").words)
    for cloud in sorted(wish.clouds - {*known}):
        raise NotFound(f"There is no price list of “{cloud}”.", f"Known are: {', '.join(known)}.")


def _verdict(own: Version, found: Suggestions) -> JsonObject:
    if found:
        verdict = Verdict.TIGHT if found.easiest is None else Verdict.FITS
    else:
        verdict = Verdict.UNKNOWN if _unknown(own) else Verdict.NO
    return {"verdict": verdict.value, "ok": bool(found)}


def _unknown(own: Version) -> str:
    """Why no verdict can be had on any GPU; empty where one can."""
    found = fit(own.model, own.use, _LARGEST_GPU)
    return found.reason if found.verdict is Verdict.UNKNOWN else ""


def _asked(own: Version, wish: Wish) -> JsonObject:
    model, use = own.model, own.use
    return {
        "model": model.name,
        "engine": use.engine.name,
        "context": use.context,
        "parallel": use.parallel,
        "kv_dtype": use.kv_dtype,
        "weights_bytes": model.weights_bytes,
        "weights_source": model.weights_source,
        "model_context": model.context_length,
        "market": None if wish.market is None else wish.market.value,
        "max_usd_per_hour": usd_or_none(wish.most_usd_per_hour),
    }


# -- in words


def _reason(own: Version, found: Suggestions, instead: Sequence[Suggestion], offers: OfferRows, wish: Wish) -> str:
    if found:
        return _of_those_that_fit(found)
    unknown = _unknown(own)
    if unknown:
        return unknown
    served = f"{own.model.name} as it is ({format_bytes(own.model.weights_bytes)})"
    words = [f"{served} fits on nothing {_within(wish)}."]
    dearer = suggestions([own], offers, replace(wish, most_usd_per_hour=None))
    if dearer and wish.most_usd_per_hour is not None:
        words.append(f"The cheapest that it fits on is {_called(dearer[0])}.")
    if instead:
        first = instead[0]
        weights = format_bytes(first.version.model.weights_bytes)
        words.append(f"In {first.version.quantisation} ({weights}) it fits on {_called(first)}.")
    elif not dearer or wish.most_usd_per_hour is not None:
        words.append("No smaller version that is known fits either.")
    return " ".join(words)


def _of_those_that_fit(found: Suggestions) -> str:
    first = found[0]
    kinds = "1 machine type" if len(found) == 1 else f"{len(found)} machine types"
    within = " within your quota" if found.has_any_beyond_quota and first.quota_machines != 0 else ""
    words = f"Fits on {kinds}; the cheapest{within} is {_called(first)}: {why(first.fit)}."
    if first.quota_machines == 0:
        words += " All of them are beyond your quota."
    easy = found.easiest
    if easy is not None and first.fit.verdict is Verdict.TIGHT:
        words += f" The cheapest that is not tight is {_called(easy)}."
    return words


def _called(each: Suggestion) -> str:
    offer = each.offer
    where = f"{offer.cloud} {offer.region}".strip()
    return f"{offer.machine_type} at {where} for ${each.usd_per_hour:.2f}/h ({each.market.value})"


def _within(wish: Wish) -> str:
    budget = wish.most_usd_per_hour
    parts = [
        "that is offered" if budget is None else f"for ${budget:.2f}/h or less",
        f"in {wish.region}" if wish.region else "",
        f"with {wish.gpu}" if wish.gpu else "",
        f"at {' or '.join(sorted(wish.clouds))}" if wish.clouds else "",
        "" if wish.market is None else f"({wish.market.value})",
    ]
    return " ".join(part for part in parts if part)


def why(found: Fit) -> str:
    """`61 % of what the engine may take, up to 20k context`"""
    need = found.need.total if found.need else 0
    percent = -(-100 * need // max(1, found.budget_bytes_per_gpu))
    longest = "any context" if found.max_context is None else f"up to {format_tokens(found.max_context)} context"
    return f"{percent} % of what the engine may take, {longest}"


def what_is_tight(model_context: int | None, use: Use, found: Fit) -> str | None:
    """What gives out first where a little more is asked for; None where there is room."""
    memory = ["memory"] if found.verdict is Verdict.TIGHT else []
    return ", ".join([*memory, *what_gives_out(model_context, use, found)]) or None


def what_gives_out(model_context: int | None, use: Use, found: Fit) -> list[str]:
    """`context > 20k` and `parallel > 2`, where twice of what is asked for is too much."""
    parts = []
    if found.max_context is not None and found.max_context < min(2 * use.context, model_context or 2 * use.context):
        parts.append(f"context > {format_tokens(found.max_context)}")
    if found.max_parallel is not None and found.max_parallel < 2 * use.parallel:
        parts.append(f"parallel > {found.max_parallel}")
    return parts


def _row(each: Suggestion, quota: QuotaRoom, now: datetime) -> JsonObject:
    offer, found, version = each.offer, each.fit, each.version
    return {
        "id": f"{offer.cloud}/{offer.region}/{offer.machine_type}",
        "cloud": offer.cloud,
        "region": offer.region,
        "type": offer.machine_type,
        "gpu_name": offer.gpu_name,
        "gpu_count": offer.gpus,
        "gpu_memory_mib": offer.gpu_memory_mib,
        "vcpu_count": offer.vcpu_count,
        "interruption_band": offer.interruption_band or None,
        "interruption_index": offer.interruption_index,
        "market": each.market.value,
        "usd_per_hour": usd_or_none(each.usd_per_hour),
        "usd_per_month": usd_or_none(round(each.usd_per_hour * HOURS_PER_MONTH, 2)),
        "verdict": found.verdict.value,
        "why": why(found),
        "quota_machines": each.quota_machines,
        "quota": quota.words(offer, each.market, each.quota_machines),
        "tight": what_is_tight(version.model.context_length, version.use, found),
        "context": version.use.context,
        "max_context": found.max_context,
        "max_parallel": found.max_parallel,
        "engine": version.use.engine.name,
        "quantisation": version.quantisation,
        "served_as": version.served_as,
        "weights_bytes": version.model.weights_bytes,
        "gpus_used": found.parallelism,
        "needed_bytes_per_gpu": found.need.total if found.need else None,
        "budget_bytes_per_gpu": found.budget_bytes_per_gpu,
        "source": offer.source,
        "read_at": moment_or_none(offer.read_at),
        "read_days_ago": max(0, (now - offer.read_at).days),
    }
