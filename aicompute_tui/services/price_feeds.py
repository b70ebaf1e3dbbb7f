"""Price feeds: asked where something may have changed, believed where it can be, and the last good kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.clouds.feeds.base import PriceFeed
from aicompute_tui.clouds.feeds.checks import TooFew
from aicompute_tui.clouds.feeds.registry import LIVE, SNAPSHOT, Snapshot, feed_ids, public_feeds
from aicompute_tui.domain.durations import parse_duration, span
from aicompute_tui.domain.errors import AicError, BadAnswer, InvalidInput, NotConfigured, RateLimited
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.offer_merging import merged
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.price_feed import FeedState
from aicompute_tui.services.arguments import flag, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.live_prices import LivePrices
from aicompute_tui.services.offers import merge_feeds, shipped_table
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.offer_files import feed_turn, read_feed, write_feed

_FIRST_WAIT = timedelta(minutes=5)
_LONGEST_WAIT = timedelta(hours=6)
_CAME, _DID_NOT = frozenset({"new", "unchanged"}), frozenset({"failed", "refused"})
"""States of a feed that was asked; one that was skipped was not."""
_NOT_HERE = "Nothing outside this machine is asked in the demo."


async def refresh_prices(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `price.refresh`: asks the feeds at once and tells of each what came, or why nothing did."""
    named = _named(texts(arguments, "feed"))
    feeds: list[PriceFeed] = [feed for feed in _feeds(context) if not named or feed.id in named]
    if not named or LIVE in named:
        feeds.append(LivePrices(context, text(arguments, "profile"), texts(arguments, "region")))
    return await refresh(context, feeds, accept=flag(arguments, "accept"))


def check_any_came(rows: Json) -> None:
    """Raises AicError where feeds were asked and none gave prices; the lists that ship need no asking."""
    told = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    asked = [row for row in told if row["feed"] != SNAPSHOT and row["state"] in _CAME | _DID_NOT]
    if not asked or any(row["state"] in _CAME for row in asked):
        return
    whole = f"None of the {len(asked)} price feeds that were asked gave prices that can be used."
    one = f"The price feed {asked[0]['feed']} gave no prices that can be used."
    raise AicError(
        one if len(asked) == 1 else whole,
        "The answer tells of each why and what helps; the last good prices stay. Try again: aic-tui price refresh",
    )


async def list_feeds(context: Context, arguments: Arguments) -> list[Json]:  # noqa: ARG001 - every handler has both
    """Handler of `price.feeds`: what is known of each, without asking any."""
    return [*await feed_rows(context)]


async def feed_rows(context: Context) -> list[JsonObject]:
    """A row for each feed there is, as it was last asked."""
    now = context.clock.now()
    titles: dict[str, tuple[str, str]] = {feed.id: (feed.title, feed.url) for feed in _feeds(context)}
    titles[LIVE] = (LivePrices.title, "")
    states = await asyncio.to_thread(lambda: [read_feed(context.places.cache, feed)[0] for feed in titles])
    return [_view(_with_snapshot(state), *titles[state.feed], now) for state in states]


async def refresh_due(context: Context) -> list[Json]:
    """Asks the feeds whose time has come, as the settings have it; none where that is switched off."""
    every = refresh_interval(context)
    if every is None:
        return []
    now = context.clock.now()
    feeds: list[PriceFeed] = [*_feeds(context)]
    with suppress(AicError):  # without an account there is none to ask
        await context.clouds.resolve(None)
        feeds.append(LivePrices(context, None, ()))
    states = await asyncio.to_thread(lambda: [read_feed(context.places.cache, feed.id)[0] for feed in feeds])
    due = [feed for feed, state in zip(feeds, states, strict=True) if _is_due(state, every, now)]
    return await refresh(context, due) if due else []


def refresh_interval(context: Context) -> timedelta | None:
    """None where nothing is to be asked by itself."""
    written = context.preferences.text("price_refresh").strip().lower()
    if written in {"", "none"}:
        return None
    try:
        return timedelta(seconds=parse_duration(written))
    except InvalidInput:
        return None


def _is_due(state: FeedState, every: timedelta, now: datetime) -> bool:
    if state.feed == SNAPSHOT:
        return False
    if state.wait_until is not None and now < state.wait_until:
        return False
    if state.failures:
        return True
    return state.checked_at is None or abs(now - state.checked_at) >= every


async def refresh(context: Context, feeds: Sequence[PriceFeed], *, accept: bool = False) -> list[Json]:
    """Asks all of them at the same time; whatever came is merged and kept, and nothing is left running."""
    now = context.clock.now()
    asked = await asyncio.gather(*(_told(context, feed, now, accept=accept) for feed in feeds), return_exceptions=True)
    states = [each for each in asked if isinstance(each, FeedState)]
    try:
        await asyncio.to_thread(merge_feeds, context.places.cache)
    except AicError as error:
        states = [_not_kept(state, error) if state.state == "new" else state for state in states]
    for each in asked:
        if isinstance(each, BaseException):
            raise each
    return [_view(state, feed.title, feed.url, now) for state, feed in zip(states, feeds, strict=True)]


async def _told(context: Context, feed: PriceFeed, now: datetime, *, accept: bool) -> FeedState:
    """One at a time asks a feed; who waited for another's answer has it too, unless it is of other regions."""
    cache = context.places.cache
    if feed.id == SNAPSHOT:
        return _with_snapshot(FeedState(feed=SNAPSHOT))
    try:
        async with feed_turn(cache, feed.id) as has_waited:
            known, kept = await asyncio.to_thread(read_feed, cache, feed.id)
            is_answered = has_waited and known.checked_at is not None and known.checked_at >= now
            if is_answered and feed.id != LIVE and not accept:
                return known
            state, table = await _asked(context, feed, known, kept, now, accept=accept)
            await asyncio.to_thread(write_feed, cache, state, table)
            return state
    except AicError as error:  # the cache: what came is lost, and what lay there stays
        return _not_kept((await asyncio.to_thread(read_feed, cache, feed.id))[0], error)


def _not_kept(state: FeedState, error: AicError) -> FeedState:
    return replace(state, state="failed", problem_kind=error.kind, problem=error.message, next_step=error.next_step)


async def _asked(
    context: Context, feed: PriceFeed, known: FeedState, kept: OfferTable | None, now: datetime, *, accept: bool
) -> tuple[FeedState, OfferTable | None]:
    """What is known then, and the offers where they are new."""
    if kept is None:
        known = replace(known, etag="", last_modified="", offers=0)  # there is nothing that could be unchanged
    try:
        if feed.url and not context.clouds.may_reach(feed.url):
            raise NotConfigured(_NOT_HERE, "Leave the demo first.")
        if known.wait_until is not None and known.problem_kind == RateLimited.__name__ and now < known.wait_until:
            raise RateLimited(known.problem, known.next_step, retry_after=(known.wait_until - now).total_seconds())
        answer = await feed.read(replace(known, offers=0) if accept else known, now)  # none that could be too many gone
    except AicError as error:
        return _failed(known, error, now), None
    table = answer.table
    if table is not None and kept is not None and feed.id == LIVE:
        table = await asyncio.to_thread(merged, [kept, table])  # of other regions than these
    state = replace(
        known,
        url=answer.url,
        etag=answer.etag,
        last_modified=answer.last_modified,
        as_of=answer.as_of or (None if table is not None else known.as_of),
        read_at=now if table is not None else known.read_at,
        checked_at=now,
        offers=known.offers if table is None else len(table),
        left_out=known.left_out if table is None else answer.left_out,
        failures=0,
        refused_offers=0,
        refused_times=0,
        refused_since=None,
        wait_until=None,
        state="unchanged" if table is None else "new",
        problem_kind="",
        problem="",
        next_step="",
    )
    return state, table


def _failed(known: FeedState, error: AicError, now: datetime) -> FeedState:
    """What was good stays; the pause doubles with every failure, or is what the other side asks for."""
    failures = known.failures + 1
    asked = error.retry_after if isinstance(error, RateLimited) else None
    pause = timedelta(seconds=asked) if asked else min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(failures - 1, 10))
    is_absent = isinstance(error, NotConfigured)
    step = error.next_step
    if isinstance(error, TooFew):
        known = known.with_too_few(error.offers, now)
        step = (
            "The last good prices stay. It is believed when it says the same a day later, "
            f"or now with: aic-tui price refresh {known.feed} --accept"
        )
    return replace(
        known,
        checked_at=now,
        failures=0 if is_absent else failures,
        wait_until=None if is_absent else now + min(pause, timedelta(days=1)),
        state="skipped" if is_absent else "refused" if isinstance(error, BadAnswer) else "failed",
        problem_kind=error.kind,
        problem=error.message,
        next_step=step,
    )


def _feeds(context: Context) -> list[PriceFeed]:
    return [Snapshot(), *public_feeds(context.preferences.text("price_feeds_url"))]


def _with_snapshot(state: FeedState) -> FeedState:
    """The lists that ship need no asking and are always there."""
    if state.feed != SNAPSHOT:
        return state
    table: OfferTable = shipped_table()
    read_at = table.offer(0).read_at if len(table) else None
    return replace(state, state="unchanged", offers=len(table), read_at=read_at)


def _named(named: Sequence[str]) -> frozenset[str]:
    """Raises InvalidInput for a feed that is not there."""
    known = feed_ids()
    for each in named:
        if each not in known:
            raise InvalidInput(f"There is no price feed “{each}”.", f"Known are: {', '.join(known)}.")
    return frozenset(named)


def _view(state: FeedState, title: str, url: str, now: datetime) -> JsonObject:
    """The age is that of the figures that are kept."""
    moment = state.as_of or state.read_at
    return {
        "feed": state.feed,
        "title": title,
        "state": state.state or None,
        "offers": state.offers if moment is not None else None,
        "as_of": moment_or_none(state.as_of),
        "read_at": moment_or_none(state.read_at),
        "age_seconds": None if moment is None else max(0, int((now - moment).total_seconds())),
        "checked_at": moment_or_none(state.checked_at),
        "left_out": state.left_out or None,
        "refused_since": moment_or_none(state.refused_since),
        "refused_times": state.refused_times or None,
        "problem": _problem(state, now),
        "next_step": state.next_step or None,
        "url": url or None,
    }


def _problem(state: FeedState, now: datetime) -> str | None:
    """With how long a feed has had too few, and how often it said so."""
    if state.refused_since is None or state.problem_kind != TooFew.__name__:
        return state.problem or None
    times = "once" if state.refused_times == 1 else f"{state.refused_times} times"
    ago = max(0.0, (now - state.refused_since).total_seconds())
    return f"{state.problem} It first said so {span(ago)} ago, {times} so far."
