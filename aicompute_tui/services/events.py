"""The audit as people read it: listed, and followed as it grows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.event import LEVELS, Event, EventFilter
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.services.arguments import integer, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.database import Transaction

_POLL_SECONDS = 0.25


async def list_events(context: Context, arguments: Arguments) -> Json:
    """Handler of `event.list`: newest first."""
    limit = integer(arguments, "limit", least=1, most=100_000) or 200
    wanted = filter_of(arguments, context.clock.now())
    async with context.store.read() as transaction:
        found = await transaction.events.list(limit=limit, wanted=wanted)
        if not found and wanted.subject is not None:
            found = await _of_machine(transaction, limit, wanted)
    return [event_view(event) for event in found]


def filter_of(arguments: Arguments, now: datetime) -> EventFilter:
    """Raises InvalidInput for a level or a moment that is none."""
    level = text(arguments, "level")
    if level is not None and level not in LEVELS:
        raise InvalidInput(f"“{level}” is not a level.", f"Give one of {', '.join(LEVELS)}.")
    since = text(arguments, "since")
    return EventFilter(
        actor=text(arguments, "actor"),
        kind=text(arguments, "kind"),
        subject=text(arguments, "subject"),
        since=None if since is None else _moment_meant(since, now),
        level=level,
    )


def _moment_meant(value: str, now: datetime) -> datetime:
    """A moment, or so long ago."""
    moment = parse_moment(value)
    if moment is not None:
        return moment
    try:
        return now - timedelta(seconds=parse_duration(value))
    except InvalidInput:
        raise InvalidInput(
            f"“{value}” is neither a moment nor a duration.", "Write it like 2h, 2026-11-20 or 2026-11-20T14:00Z."
        ) from None


async def _of_machine(transaction: Transaction, limit: int, wanted: EventFilter) -> list[Event]:
    """Those of the machine an id prefix or a cloud's own id names; none where it names none."""
    try:
        row = await transaction.instances.find(wanted.subject or "")
    except (NotFound, InvalidInput):
        return []
    return await transaction.events.list(limit=limit, wanted=replace(wanted, subject=row.id))


async def follow(context: Context, arguments: Arguments) -> AsyncIterator[JsonObject]:
    """Handler of `event.follow`: each event once, in the order of the commits, from now on."""
    wanted = filter_of(arguments, context.clock.now())
    async with context.store.read() as transaction:
        newest = await transaction.events.list(limit=1)
    last_id = newest[0].id if newest else None
    seen = await context.store.latest_change() - 1
    while True:
        number = await context.store.latest_change()
        if number != seen:
            seen = number
            for event in await _after(context, last_id):
                last_id = event.id
                if matches(event, wanted):
                    yield event_view(event)
        else:
            await context.clock.sleep(_POLL_SECONDS)


async def _after(context: Context, last_id: str | None) -> list[Event]:
    async with context.store.read() as transaction:
        if last_id is None:
            return list(reversed(await transaction.events.list(limit=1000)))
        return await transaction.events.list(limit=1000, after_id=last_id)


def matches(event: Event, wanted: EventFilter) -> bool:
    """As the store narrows."""
    return (
        (wanted.actor or "").lower() in event.actor.lower()
        and (wanted.kind or "").lower() in event.kind.lower()
        and wanted.subject in (None, event.subject_id, event.subject_name)
        and (wanted.since is None or event.at >= wanted.since)
        and (wanted.level is None or LEVELS.index(event.level) >= LEVELS.index(wanted.level))
    )


def event_view(event: Event) -> JsonObject:
    return {
        "id": event.id,
        "at": moment_or_none(event.at),
        "level": event.level,
        "actor": event.actor,
        "kind": event.kind,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "subject_name": event.subject_name,
        "message": event.message,
        "before": dict(event.before),
        "after": dict(event.after),
    }


def told(
    context: Context,
    kind: str,
    subject: tuple[str, str, str],
    message: str,
    *,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
) -> Event:
    """An audit line of now by whoever acts; `subject` is its kind, id and name."""
    now = context.clock.now()
    subject_kind, subject_id, subject_name = subject
    return Event(
        id=new_id(now),
        at=now,
        actor=context.actor.name,
        kind=kind,
        subject_kind=subject_kind,
        subject_id=subject_id,
        subject_name=subject_name,
        message=message,
        before=before or {},
        after=after or {},
    )
