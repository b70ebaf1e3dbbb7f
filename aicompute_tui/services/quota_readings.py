"""Quotas read from their clouds and kept: what was read stays until it is read again, with its moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.domain.errors import AicError, Unreachable
from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.quota import FAMILIES, FamilyAnswer, FamilyQuota, KeptQuota
from aicompute_tui.services.context import Context
from aicompute_tui.services.fence import Hold
from aicompute_tui.services.quota_following import take_answers
from aicompute_tui.services.quota_places import QuotaPlace

FRESH = timedelta(minutes=10)
_AT_ONCE = 4
_READ_SECONDS = 45.0

log = logging.getLogger(__name__)


async def refresh(context: Context, places: Iterable[QuotaPlace], hold: Hold | None = None) -> list[KeptQuota]:
    """Asks for those places, a few at the same time. Raises LeaseLost where `hold` says so."""
    door = asyncio.Semaphore(_AT_ONCE)

    async def one(place: QuotaPlace) -> list[KeptQuota]:
        async with door:
            return await _read(context, place, hold)

    return [kept for found in await asyncio.gather(*(one(place) for place in places)) for kept in found]


async def stale(context: Context, places: Sequence[QuotaPlace]) -> list[QuotaPlace]:
    """Those that were not asked for ten minutes."""
    oldest = context.clock.now() - FRESH
    asked: dict[tuple[str, str, str], datetime] = {}
    async with context.store.read() as transaction:
        for kept in await transaction.quotas.list():
            asked[kept.cloud, kept.account_id, kept.region] = kept.asked_at
    return [place for place in places if place.key not in asked or asked[place.key] < oldest]


async def _read(context: Context, place: QuotaPlace, hold: Hold | None) -> list[KeptQuota]:
    found, answers = await asyncio.gather(_quotas(place), answers_of(place))
    async with context.store.read() as transaction:
        before = {each.key: each for each in await transaction.quotas.list()}
    now = context.clock.now()
    kept = _with_known(place, [_kept(place, each, before, now) for each in found], before, now)
    try:
        async with context.store.write() as transaction:
            if hold is not None:
                await hold(transaction)
            await transaction.quotas.replace(place.cloud.name, place.account_id, place.region, kept)
            if answers is not None:
                await take_answers(context, transaction, place, answers)
    except Unreachable as error:
        # A busy database: what was read is told all the same, and read again next time.
        log.info("quotas of %s could not be kept: %s", place.region, error.message)
    return kept


async def _quotas(place: QuotaPlace) -> Sequence[FamilyQuota]:
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await place.cloud.region_quotas(place.region)
    except AicError as error:
        return _unread(error.message)
    except TimeoutError:
        return _unread(f"{place.region} did not answer within {_READ_SECONDS:.0f} s.")


async def answers_of(place: QuotaPlace) -> Sequence[FamilyAnswer] | None:
    """What was asked for more there, None where that cannot be read."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await place.cloud.quota_requests(place.region)
    except (AicError, TimeoutError):
        return None


def _unread(why: str) -> list[FamilyQuota]:
    return [
        FamilyQuota(
            family=family,
            market=market,
            reading=QuotaReading(
                name=f"{market.value} {family}", code=None, limit_vcpus=None, used_vcpus=None, note=why
            ),
        )
        for market, families in FAMILIES.items()
        for family in families
    ]


def _kept(place: QuotaPlace, found: FamilyQuota, before: dict[str, KeptQuota], now: datetime) -> KeptQuota:
    """Figures that were known stay with their moment where they cannot be read any more."""
    reading = found.reading
    kept = KeptQuota(
        cloud=place.cloud.name,
        account_id=place.account_id,
        region=place.region,
        market=found.market,
        family=found.family,
        credential_id=place.credential_id,
        name=reading.name,
        code=reading.code,
        limit_vcpus=reading.limit_vcpus,
        used_vcpus=reading.used_vcpus,
        own_vcpus=reading.own_vcpus,
        note=reading.note,
        read_at=None if reading.limit_vcpus is None and reading.used_vcpus is None else now,
        asked_at=now,
    )
    old = before.get(kept.key)
    was_known = old is not None and old.reading.free_vcpus is not None
    if old is not None and was_known and reading.free_vcpus is None:
        return replace(old, credential_id=place.credential_id, note=reading.note, asked_at=now)
    return kept


def _with_known(
    place: QuotaPlace, kept: Sequence[KeptQuota], before: dict[str, KeptQuota], now: datetime
) -> list[KeptQuota]:
    """Where no limit could be read, a known quota of several families stays in the place of each of theirs."""
    if any(each.asked_at == each.read_at and each.limit_vcpus is not None for each in kept):
        return [*kept]
    told = {each.key for each in kept}
    here = [old for old in before.values() if (old.cloud, old.account_id, old.region) == place.key]
    wider = [old for old in here if old.key not in told and old.reading.free_vcpus is not None]
    parts = {(old.market, family) for old in wider for family in FAMILIES[old.market] if family.startswith(old.family)}
    note = next((each.note for each in kept), "")
    stay = [replace(old, credential_id=place.credential_id, note=note, asked_at=now) for old in wider]
    return [*(each for each in kept if (each.market, each.family) not in parts), *stay]
