"""Calls to connections: each for a month, and their sums by the hour for good."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Table, cast, delete, func, or_, select, update

from aicompute_tui.domain.call import Call, CallFilter, CallHour
from aicompute_tui.store.call_tables import call_hours, calls
from aicompute_tui.store.tables import to_model, to_row
from aicompute_tui.store.work import Work

KEPT = timedelta(days=30)
_SUMS = (
    "calls",
    "failed_calls",
    "unpriced_calls",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cost_nano_usd",
    "total_microseconds",
)
_MOST_TIMED = 5_000
"""Of one connection the last so many calls tell how long its calls take."""


class Timing(NamedTuple):
    """How long a call that was answered took."""

    connection_id: str
    at: datetime
    first_token_microseconds: int | None
    total_microseconds: int | None


class Calls:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def append(self, call: Call, *, has_begun: bool = False) -> None:
        """The call and its part of the hour's sums; `has_begun` where an answer to it did, whatever became of it."""
        await self._work.write(calls.insert().values(to_row(call)))
        key: dict[str, Any] = {
            "connection_id": call.connection_id,
            "caller": call.caller,
            "operation": call.operation,
            "model": call.model,
            "at": call.at.replace(minute=0, second=0, microsecond=0),
        }
        blank = {**key, "connection_name": call.connection_name, **dict.fromkeys(_SUMS, 0)}
        await self._work.write(self._work.insert_new(call_hours).values(blank))
        added = {
            "calls": 1,
            "failed_calls": int(call.has_failed),
            "unpriced_calls": int(call.is_unpriced(has_begun=has_begun)),
            **{name: getattr(call, name) or 0 for name in _SUMS[3:]},
        }
        await self._work.write(
            update(call_hours)
            .where(*(call_hours.c[name] == value for name, value in key.items()))
            .values(
                connection_name=call.connection_name,
                **{name: call_hours.c[name] + value for name, value in added.items()},
            )
        )

    async def list(self, wanted: CallFilter, limit: int = 200) -> builtins.list[Call]:
        """Newest first."""
        statement = (
            select(calls).where(*_conditions(calls, wanted)).order_by(calls.c.at.desc(), calls.c.id.desc()).limit(limit)
        )
        return [to_model(Call, row) for row in await self._work.rows(statement)]

    async def hours(self, wanted: CallFilter) -> builtins.list[CallHour]:
        """One for each connection and hour, oldest first."""
        statement = (
            select(
                call_hours.c.connection_id,
                call_hours.c.at,
                func.max(call_hours.c.connection_name).label("connection_name"),
                *(cast(func.sum(call_hours.c[name]), BigInteger).label(name) for name in _SUMS),
            )
            .where(*_conditions(call_hours, wanted))
            .group_by(call_hours.c.connection_id, call_hours.c.at)
            .order_by(call_hours.c.at, call_hours.c.connection_id)
        )
        return [to_model(CallHour, row) for row in await self._work.rows(statement)]

    async def timings(self, wanted: CallFilter) -> builtins.list[Timing]:
        """Of calls that were answered: of each connection the last."""
        place = func.row_number().over(partition_by=calls.c.connection_id, order_by=calls.c.at.desc())
        numbered = (
            select(
                calls.c.connection_id,
                calls.c.at,
                calls.c.first_token_microseconds,
                calls.c.total_microseconds,
                place.label("place"),
            )
            .where(calls.c.is_ok, *_conditions(calls, wanted))
            .subquery()
        )
        names = [numbered.c[name] for name in Timing._fields]
        rows = await self._work.rows(select(*names).where(numbered.c.place <= _MOST_TIMED))
        return [Timing(row.connection_id, row.at, row.first_token_microseconds, row.total_microseconds) for row in rows]

    async def last_used(self) -> dict[str, datetime]:
        """By connection: its last call, by the hour where that is no longer kept."""
        found: dict[str, datetime] = {}
        for table in (call_hours, calls):
            latest = func.max(table.c.at).label("latest")
            statement = select(table.c.connection_id, latest).group_by(table.c.connection_id)
            found |= {row.connection_id: row.latest for row in await self._work.rows(statement)}
        return found

    async def connection_named(self, name: str) -> str | None:
        """The id of the connection that was last called by this name, or has this id, also of one that is gone."""
        statement = (
            select(call_hours.c.connection_id)
            .where(or_(call_hours.c.connection_name == name, call_hours.c.connection_id == name))
            .order_by(call_hours.c.at.desc())
            .limit(1)
        )
        found = await self._work.value(statement)
        return None if found is None else str(found)

    async def thin_out(self, now: datetime) -> int:
        """Forgets calls that are too old, whose sums stay; says how many."""
        return await self._work.write(delete(calls).where(calls.c.at < now - KEPT))


def _conditions(table: Table, wanted: CallFilter) -> Iterator[ColumnElement[bool]]:
    since = wanted.since
    if table is call_hours:  # an hour counts whole
        since = since.replace(minute=0, second=0, microsecond=0)
    yield table.c.at >= since
    if wanted.until is not None:
        yield table.c.at <= wanted.until
    if wanted.connection_id is not None:
        yield table.c.connection_id == wanted.connection_id
    if wanted.caller is not None:
        yield table.c.caller == wanted.caller
