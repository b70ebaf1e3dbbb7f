"""What was asked of connections and what it used: sums by time and by who asked, and the log of requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from aicompute_tui.domain.call import Call, CallFilter, CallHour
from aicompute_tui.domain.caller import Caller
from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.services.arguments import integer, text
from aicompute_tui.services.connection_views import rounded, usd
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.calls import Timing
from aicompute_tui.store.database import Transaction

SPANS = ("hour", "day", "month")
_CALLER = "caller"
_USUAL = timedelta(days=7)
_MICRO = 1_000_000


@dataclass(slots=True)
class _Sums:
    """The calls of one connection, in one span of time where they are told apart."""

    name: str
    calls: int = 0
    failed_calls: int = 0
    unpriced_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano_usd: int = 0
    first: list[int] = field(default_factory=list)
    """Microseconds, as `totals` are."""
    totals: list[int] = field(default_factory=list)

    def add(self, hour: CallHour) -> None:
        self.calls += hour.calls
        self.failed_calls += hour.failed_calls
        self.unpriced_calls += hour.unpriced_calls
        self.input_tokens += hour.input_tokens
        self.output_tokens += hour.output_tokens
        self.cached_tokens += hour.cached_tokens
        self.reasoning_tokens += hour.reasoning_tokens
        self.cost_nano_usd += hour.cost_nano_usd

    def time(self, timing: Timing) -> None:
        if timing.first_token_microseconds is not None:
            self.first.append(timing.first_token_microseconds)
        if timing.total_microseconds is not None:
            self.totals.append(timing.total_microseconds)


async def usage(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.usage`: a row for each connection, and for each span of time or caller `by` asks for."""
    by = text(arguments, "by")
    if by not in (None, *SPANS, _CALLER):
        raise InvalidInput(f"“{by}” tells no usage apart.", f"Give one of {', '.join((*SPANS, _CALLER))}.")
    async with context.store.read() as transaction:
        wanted = await _wanted(context, transaction, arguments)
        last_used = await transaction.calls.last_used()
        names = {each.id: each.name for each in await transaction.connections.list()}
        if by != _CALLER:
            return [*await _rows(transaction, wanted, by, names, last_used)]
        callers = [each for each in Caller if wanted.caller in (None, each)]
        found = [await _rows(transaction, replace(wanted, caller=each), None, names, last_used) for each in callers]
    return [*sorted((row for rows in found for row in rows), key=lambda row: str(row["connection"]))]


async def _rows(
    transaction: Transaction,
    wanted: CallFilter,
    by: str | None,
    names: Mapping[str, str],
    last_used: Mapping[str, datetime],
) -> list[JsonObject]:
    sums = _summed(await transaction.calls.hours(wanted), await transaction.calls.timings(wanted), by, names)
    rows = sorted(sums.items(), key=lambda each: (each[0][1] or wanted.since, each[1].name))
    caller = None if wanted.caller is None else wanted.caller.value
    return [_usage_view(key, each, last_used) | {"caller": caller} for key, each in rows]


def _summed(
    hours: Iterable[CallHour], timings: Iterable[Timing], by: str | None, names: Mapping[str, str]
) -> dict[tuple[str, datetime | None], _Sums]:
    """By connection and the beginning of the span. A connection that is gone keeps the name it had."""
    found: dict[tuple[str, datetime | None], _Sums] = {}
    for hour in hours:
        key = (hour.connection_id, _begun(hour.at, by))
        name = names.get(hour.connection_id, hour.connection_name)
        found.setdefault(key, _Sums(name)).add(hour)
    for timing in timings:
        sums = found.get((timing.connection_id, _begun(timing.at, by)))
        if sums is not None:
            sums.time(timing)
    return found


def _begun(moment: datetime, by: str | None) -> datetime | None:
    """The beginning of its hour, day or month in UTC."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if by is None or by == "hour":
        return hour if by else None
    return hour.replace(hour=0) if by == "day" else hour.replace(hour=0, day=1)


def _usage_view(key: tuple[str, datetime | None], sums: _Sums, last_used: Mapping[str, datetime]) -> JsonObject:
    """Tokens and cost that nobody told are unknown, not none."""
    connection_id, at = key
    priced = sums.calls - sums.unpriced_calls
    return {
        "connection": sums.name,
        "connection_id": connection_id,
        "at": moment_or_none(at),
        "requests": sums.calls,
        "failed": sums.failed_calls,
        "error_rate": round(sums.failed_calls / sums.calls, 4) if sums.calls else None,
        "input_tokens": sums.input_tokens or None,
        "output_tokens": sums.output_tokens or None,
        "cached_tokens": sums.cached_tokens or None,
        "reasoning_tokens": sums.reasoning_tokens or None,
        "cost_usd": usd(sums.cost_nano_usd) if priced and (sums.cost_nano_usd or not sums.unpriced_calls) else None,
        "unpriced": sums.unpriced_calls,
        "p50_seconds": _percentile(sums.totals, 50),
        "p95_seconds": _percentile(sums.totals, 95),
        "p50_first_token_seconds": _percentile(sums.first, 50),
        "p95_first_token_seconds": _percentile(sums.first, 95),
        "last_used_at": moment_or_none(last_used.get(connection_id)),
    }


def _percentile(microseconds: Sequence[int], percent: int) -> float | None:
    """The smallest that is not passed by so many of them; None of none."""
    if not microseconds:
        return None
    place = -(-len(microseconds) * percent // 100) - 1
    return rounded(sorted(microseconds)[max(0, place)] / _MICRO)


async def calls(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.calls`: newest first, without a word of what was said."""
    limit = integer(arguments, "limit", least=1, most=100_000) or 200
    async with context.store.read() as transaction:
        found = await transaction.calls.list(await _wanted(context, transaction, arguments), limit)
    return [_call_view(call) for call in found]


def _call_view(call: Call) -> JsonObject:
    return {
        "id": call.id,
        "at": moment_or_none(call.at),
        "connection": call.connection_name,
        "connection_id": call.connection_id,
        "caller": call.caller.value,
        "operation": call.operation.value,
        "model": call.model,
        "state": "ok" if call.is_ok else "failed" if call.has_failed else "cancelled",
        "problem_kind": call.problem_kind or None,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cached_tokens": call.cached_tokens,
        "reasoning_tokens": call.reasoning_tokens,
        "cost_usd": usd(call.cost_nano_usd),
        "first_token_seconds": _seconds(call.first_token_microseconds),
        "total_seconds": _seconds(call.total_microseconds),
    }


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else rounded(microseconds / _MICRO)


async def _wanted(context: Context, transaction: Transaction, arguments: Arguments) -> CallFilter:
    """Raises NotFound for a connection that neither is nor was called, InvalidInput for a caller or moment."""
    caller = text(arguments, "caller")
    if caller is not None and caller not in set(Caller):
        raise InvalidInput(f"“{caller}” calls no connections.", f"Give one of {', '.join(Caller)}.")
    name = text(arguments, "name")
    return CallFilter(
        since=_since(text(arguments, "since"), context.clock.now()),
        until=_until(text(arguments, "until")),
        connection_id=None if name is None else await _connection_id(transaction, name),
        caller=None if caller is None else Caller(caller),
    )


async def _connection_id(transaction: Transaction, name: str) -> str:
    try:
        return (await transaction.connections.find(name)).id
    except NotFound:
        gone = await transaction.calls.connection_named(name)
        if gone is None:
            raise
        return gone


def _since(value: str | None, now: datetime) -> datetime:
    """So long ago, or a moment; a week where nothing was said."""
    if value is None:
        return now - _USUAL
    moment = parse_moment(value)
    if moment is not None:
        return moment
    try:
        return now - timedelta(seconds=parse_duration(value))
    except InvalidInput:
        step = "Write it like 7d, 2026-11-20 or 2026-11-20T14:00Z."
        raise InvalidInput(f"“{value}” is neither a moment nor a duration.", step) from None


def _until(value: str | None) -> datetime | None:
    if value is None:
        return None
    moment = parse_moment(value)
    if moment is None:
        raise InvalidInput(f"“{value}” is no moment.", "Write it like 2026-11-20 or 2026-11-20T14:00Z.")
    return moment
