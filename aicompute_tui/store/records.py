"""What happened: the audit, and the feed that tells followers which rows to read again."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

from sqlalchemy import ColumnElement, delete, insert, or_, select

from aicompute_tui.domain.event import LEVELS, Change, Event, EventFilter
from aicompute_tui.store.tables import changes, counters, events, to_model, to_row
from aicompute_tui.store.work import CHANGE_COUNTER, Work


class Events:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def append(self, event: Event) -> None:
        """Its place in the audit is its number in the change feed, so the order is that of the commits."""
        position = await self._work.number("events", event.id)
        await self._work.write(insert(events).values({**to_row(event), "position": position}))

    async def list(
        self, limit: int = 200, after_id: str | None = None, wanted: EventFilter | None = None
    ) -> builtins.list[Event]:
        """Newest first; with `after_id` what came after that event, oldest first."""
        statement = select(events).where(*_conditions(wanted or EventFilter())).limit(limit)
        if after_id is None:
            statement = statement.order_by(events.c.position.desc())
        else:
            known = select(events.c.position).where(events.c.id == after_id).scalar_subquery()
            statement = statement.where(events.c.position > known).order_by(events.c.position)
        return [to_model(Event, row) for row in await self._work.rows(statement)]


def _conditions(wanted: EventFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.actor is not None:
        yield events.c.actor.icontains(wanted.actor, autoescape=True)
    if wanted.kind is not None:
        yield events.c.kind.icontains(wanted.kind, autoescape=True)
    if wanted.subject is not None:
        yield or_(events.c.subject_id == wanted.subject, events.c.subject_name == wanted.subject)
    if wanted.since is not None:
        yield events.c.at >= wanted.since
    if wanted.level is not None:
        yield events.c.level.in_(LEVELS[LEVELS.index(wanted.level) :])


class Changes:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def latest(self) -> int:
        """The number of the last change, 0 where there is none yet."""
        await self._work.settle()
        return int(await self._work.value(select(counters.c.value).where(counters.c.name == CHANGE_COUNTER)) or 0)

    async def oldest(self) -> int:
        """The lowest number still kept; a follower that stands before it reads everything anew. 0 where none is."""
        return int(await self._work.value(select(changes.c.number).order_by(changes.c.number).limit(1)) or 0)

    async def since(self, number: int, limit: int = 1000) -> builtins.list[Change]:
        """Those after `number`, in order."""
        await self._work.settle()
        statement = select(changes).where(changes.c.number > number).order_by(changes.c.number).limit(limit)
        return [Change(row.number, row.table_name, row.row_id) for row in await self._work.rows(statement)]

    async def prune(self, keep: int) -> int:
        """Forgets all but the last `keep`; says how many were forgotten."""
        latest = await self.latest()
        return await self._work.write(delete(changes).where(changes.c.number <= latest - keep))
