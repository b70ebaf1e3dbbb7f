"""Asking for more of a quota, once, and telling how far what was asked is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from aicompute_tui.domain.errors import (
    BadAnswer,
    Conflict,
    InvalidInput,
    NotConfigured,
    RateLimited,
    Unreachable,
)
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.quota import FAMILIES, OPEN_REQUESTS, FamilyAnswer, FamilyQuota, QuotaAnswer, named_family
from aicompute_tui.services.arguments import integer, required_text, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.launch_spec import market_named, region_without_a_word
from aicompute_tui.services.quota_following import outcome, request_of, subject_of, take_answers
from aicompute_tui.services.quota_places import QuotaPlace, account_of, places_of
from aicompute_tui.services.quota_readings import answers_of
from aicompute_tui.services.quota_views import request_view

MOST_VCPUS = 1_000_000
_MAY_HAVE_ASKED = (Conflict, Unreachable, BadAnswer, RateLimited)


@dataclass(frozen=True, slots=True)
class Wish:
    """More of one quota, as it was asked for here."""

    place: QuotaPlace
    market: Market
    family: str
    vcpus: int


async def request(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `quota.request`. One that is open already is told and not asked for again.

    Raises InvalidInput where that much is there already, NotConfigured where AWS names no such quota.
    """
    job = context.running_job
    wish = await _wish(context, arguments)
    await job.progress(f"reading {wish.family} {wish.market.value} of {wish.place.region}")
    quota = await _quota(wish)
    code = quota.reading.code
    if code is None:
        why = quota.reading.note or "AWS names no such quota"
        raise NotConfigured(f"More of “{quota.reading.name}” cannot be asked for: {why}", "Ask in the AWS console.")
    limit = quota.reading.limit_vcpus
    found = await _asked_already(wish, code, job.job.created_at)
    if found is None and limit is not None and wish.vcpus <= limit:
        raise InvalidInput(
            f"“{quota.reading.name}” in {wish.place.region} is {limit} vCPU already.", f"Ask for more than {limit}."
        )
    is_new = False
    if found is None:
        await prove_held(context, job.hold)
        await job.progress(f"asking AWS for {wish.vcpus} vCPU")
        found = FamilyAnswer(family=quota.family, market=quota.market, answer=await _ask(wish, code))
        is_new = found.answer.desired_vcpus == wish.vcpus
    now = context.clock.now()
    asked = request_of(wish.place, found, None, now, context.actor.name if is_new else "")
    async with context.store.write() as transaction:
        if is_new:
            await transaction.quota_requests.put(asked)
            message = f"Asked for {asked.desired_vcpus} vCPU of “{asked.name}” in {asked.region}."
            event = told(context, "quota.requested", ("quota", asked.id, subject_of(asked)), message)
            await transaction.events.append(event)
        else:
            await take_answers(context, transaction, wish.place, [found])
    return {
        **request_view(asked, limit),
        "is_new": is_new,
        "message": "AWS was asked." if is_new else f"Nothing new was asked: {outcome(asked)}",
    }


async def _wish(context: Context, arguments: Arguments) -> Wish:
    credential = await context.clouds.resolve(text(arguments, "profile"))
    cloud = await context.clouds.cloud(credential.id)
    region = text(arguments, "region") or region_without_a_word(context.preferences, credential)
    market = market_named(text(arguments, "market") or context.preferences.text("market").strip() or "spot")
    vcpus = integer(arguments, "vcpus", least=1, most=MOST_VCPUS)
    if vcpus is None:
        raise InvalidInput("How many vCPUs are wanted is not said.", "Give --vcpus: the new limit, not what is added.")
    account_id = await account_of(context, credential, cloud)
    family = wanted_family(required_text(arguments, "what"), market)
    return Wish(QuotaPlace(cloud, account_id, credential.id, region), market, family, vcpus)


def wanted_family(word: str, market: Market) -> str:
    """Raises InvalidInput where it names no family."""
    family = named_family(word, market.value)
    if family is None:
        names = ", ".join(FAMILIES[market])
        raise InvalidInput(
            f"No {market.value} quota is known that counts “{word}”.", f"Give a machine type, or one of {names}."
        )
    return family


async def _quota(wish: Wish) -> FamilyQuota:
    """The one that counts the family; in some regions one quota counts every generation of P."""
    quotas = [each for each in await wish.place.cloud.region_quotas(wish.place.region) if each.market is wish.market]
    for family in (wish.family, wish.family[:1]):
        found = next((each for each in quotas if each.family == family), None)
        if found is not None:
            return found
    raise NotConfigured(f"{wish.place.region} has no {wish.market.value} quota of {wish.family}.", "Choose another.")


async def _ask(wish: Wish, code: str) -> QuotaAnswer:
    """After a call whose outcome is not known, what AWS has on record tells; that may be another's wish."""
    try:
        return await wish.place.cloud.request_quota(wish.place.region, code, wish.vcpus)
    except _MAY_HAVE_ASKED:
        found = await _open_one(wish.place, code)
        if found is None:
            raise
        return found.answer


async def _open_one(place: QuotaPlace, code: str) -> FamilyAnswer | None:
    for each in await answers_of(place) or ():
        if each.answer.code == code and each.answer.state in OPEN_REQUESTS:
            return each
    return None


async def _asked_already(wish: Wish, code: str, since: datetime) -> FamilyAnswer | None:
    """What is open, else this very wish since the job began: asked before a crash, and answered meanwhile."""
    found = [each for each in await answers_of(wish.place) or () if each.answer.code == code]
    opened = [each for each in found if each.answer.state in OPEN_REQUESTS]
    own = (each for each in found if each.answer.desired_vcpus == wish.vcpus and each.answer.created_at >= since)
    return next(iter([*opened, *own]), None)


async def list_requests(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `quota.requests`: the latest first; AWS is asked now, what it does not tell stays as it was."""
    places = await places_of(context, text(arguments, "profile"), texts(arguments, "region"))
    found = await asyncio.gather(*(answers_of(place) for place in places))
    async with context.store.write() as transaction:
        for place, answers in zip(places, found, strict=True):
            if answers is not None:
                await take_answers(context, transaction, place, answers)
        requests = await transaction.quota_requests.list()
        kept = {each.key: each.limit_vcpus for each in await transaction.quotas.list()}
    keys = {place.key for place in places}
    return [
        request_view(each, kept.get(each.quota_key))
        for each in requests
        if (each.cloud, each.account_id, each.region) in keys
    ]


async def wish_view(context: Context, arguments: Arguments) -> JsonObject:
    """What would be asked for, with the quota as it was read last, for whoever is asked whether it is meant."""
    wish = await _wish(context, arguments)
    async with context.store.read() as transaction:
        kept = await transaction.quotas.list()
    here = (wish.place.account_id, wish.place.region, wish.market, wish.family)
    known = next((each for each in kept if (each.account_id, each.region, each.market, each.family) == here), None)
    return {
        "family": wish.family,
        "market": wish.market.value,
        "region": wish.place.region,
        "vcpus": wish.vcpus,
        "limit_vcpus": None if known is None else known.limit_vcpus,
        "used_vcpus": None if known is None else known.used_vcpus,
    }
