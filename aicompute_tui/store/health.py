"""How connections and model servers answer: the newest report of each, and its checks over time."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    type_coerce,
)
from sqlalchemy import update as update_of

from aicompute_tui.domain.health import HealthReport, HealthSample, news
from aicompute_tui.store.columns import EPOCH
from aicompute_tui.store.health_tables import health_reports, health_samples
from aicompute_tui.store.id_parts import id_parts
from aicompute_tui.store.tables import to_model, to_row
from aicompute_tui.store.work import Work

RAW_SPAN_SECONDS = 30
_KEPT = ((RAW_SPAN_SECONDS, timedelta(hours=24)), (300, timedelta(days=30)), (3600, timedelta(days=365)))
"""Each span of samples and how long it is kept; what grows too old for one is merged into the next."""
_MICROSECONDS = 1_000_000


class Uptime(NamedTuple):
    checks: int
    failed_checks: int
    first_at: datetime
    """The first of these checks, or the beginning of the stretch that it was merged into."""

    @property
    def percent(self) -> float | None:
        """None where nothing was checked."""
        return None if not self.checks else 100.0 * (self.checks - self.failed_checks) / self.checks


class Latencies(NamedTuple):
    """In microseconds: half of the answers took no longer, and 95 of a hundred."""

    p50: int
    p95: int


class HealthReports:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, target_id: str) -> HealthReport | None:
        row = await self._work.first(select(health_reports).where(health_reports.c.target_id == target_id))
        return None if row is None else to_model(HealthReport, row)

    async def list(self, target_ids: Iterable[str] | None = None) -> dict[str, HealthReport]:
        """By target, of all or of those named; those without a report are missing."""
        if target_ids is None:
            rows = await self._work.rows(select(health_reports))
            return {row.target_id: to_model(HealthReport, row) for row in rows}
        found: dict[str, HealthReport] = {}
        for part in id_parts(target_ids):
            statement = select(health_reports).where(health_reports.c.target_id.in_(part))
            found |= {row.target_id: to_model(HealthReport, row) for row in await self._work.rows(statement)}
        return found

    async def put(self, reports: Iterable[HealthReport]) -> None:
        """Figures that move by themselves, and the moment of checking, are no news for the change feed."""
        given = {report.target_id: report for report in reports}
        known = await self.list(given)
        new = [to_row(report) for key, report in given.items() if key not in known]
        changed = [{**to_row(given[key]), "key": key} for key, before in known.items() if before != given[key]]
        if new:
            await self._work.write(insert(health_reports), new)
        if changed:
            names = [column.name for column in health_reports.c if not column.primary_key]
            columns: dict[str, Any] = {name: bindparam(name) for name in names}
            here = health_reports.c.target_id == bindparam("key")
            for values in changed:
                del values["target_id"]
            await self._work.write(update_of(health_reports).where(here).values(columns), changed)
        for key, report in given.items():
            if key not in known or news(known[key]) != news(report):
                self._work.changed("health_reports", key)

    async def keep(self, target_ids: Collection[str]) -> int:
        """Forgets the reports of all other targets; says how many."""
        ids = {row.target_id for row in await self._work.rows(select(health_reports.c.target_id))}
        gone = sorted(ids - set(target_ids))
        for part in id_parts(gone):
            await self._work.write(delete(health_reports).where(health_reports.c.target_id.in_(part)))
        for key in gone:
            self._work.changed("health_reports", key)
        return len(gone)


class HealthSamples:
    """Nothing of what lies after `until` counts: a clock that stood wrong may have left it there."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def append(self, samples: Iterable[HealthSample]) -> None:
        """A second sample of the same moment replaces nothing and is dropped."""
        values = [to_row(sample) for sample in samples]
        if values:
            await self._work.write(self._work.insert_new(health_samples), values)

    async def list(
        self, target_id: str, since: datetime, span_seconds: int = RAW_SPAN_SECONDS
    ) -> builtins.list[HealthSample]:
        """Oldest first."""
        statement = (
            select(health_samples)
            .where(
                health_samples.c.target_id == target_id,
                health_samples.c.span_seconds == span_seconds,
                health_samples.c.at >= since,
            )
            .order_by(health_samples.c.at)
        )
        return [to_model(HealthSample, row) for row in await self._work.rows(statement)]

    async def stretches(
        self, target_id: str, since: datetime, until: datetime, width_seconds: int
    ) -> builtins.list[HealthSample]:
        """All that is known of that time in even stretches, oldest first; those without a check are missing."""
        bucket = _bucket(width_seconds)
        statement = (
            select(*_merged(bucket, width_seconds))
            .where(*_within([target_id], since, until))
            .group_by(health_samples.c.target_id, bucket)
            .order_by(bucket)
        )
        return [to_model(HealthSample, row) for row in await self._work.rows(statement)]

    async def uptimes(self, target_ids: Iterable[str], since: datetime, until: datetime) -> dict[str, Uptime]:
        found: dict[str, Uptime] = {}
        for part in id_parts(target_ids):
            statement = (
                select(
                    health_samples.c.target_id,
                    func.sum(health_samples.c.checks).label("checks"),
                    func.sum(health_samples.c.failed_checks).label("failed"),
                    func.min(health_samples.c.at).label("first_at"),
                )
                .where(*_within(part, since, until))
                .group_by(health_samples.c.target_id)
            )
            rows = await self._work.rows(statement)
            found |= {row.target_id: Uptime(int(row.checks), int(row.failed), row.first_at) for row in rows}
        return found

    async def latencies(self, target_ids: Iterable[str], since: datetime, until: datetime) -> dict[str, Latencies]:
        """By target, of the checks that succeeded; one without any is missing."""
        found: dict[str, Latencies] = {}
        for part in id_parts(target_ids):
            rows = await self._work.rows(_percentiles(part, since, until))
            found |= {row.target_id: Latencies(row.p50, row.p95) for row in rows}
        return found

    async def thin_out(self, now: datetime) -> int:
        """Merges samples too old for their span into the next one, forgets the oldest; says how many rows it took."""
        taken = 0
        for place, (span, kept) in enumerate(_KEPT):
            wider = timedelta(seconds=_KEPT[min(place + 1, len(_KEPT) - 1)][0])
            before = now - kept - (now - kept - EPOCH) % wider  # a stretch that began is merged once it is whole
            old = (health_samples.c.span_seconds == span) & (health_samples.c.at < before)
            if place + 1 < len(_KEPT):
                await self._merge(old, _KEPT[place + 1][0])
            taken += await self._work.write(delete(health_samples).where(old))
        return taken

    async def keep(self, target_ids: Collection[str]) -> int:
        """Forgets the samples of all other targets; says how many rows it took."""
        rows = await self._work.rows(select(health_samples.c.target_id).distinct())
        gone = sorted({row.target_id for row in rows} - set(target_ids))
        taken = 0
        for part in id_parts(gone):
            taken += await self._work.write(delete(health_samples).where(health_samples.c.target_id.in_(part)))
        return taken

    async def _merge(self, old: ColumnElement[bool], span: int) -> None:
        bucket = _bucket(span)
        merged = select(*_merged(bucket, span)).where(old).group_by(health_samples.c.target_id, bucket)
        names = [column.name for column in health_samples.c]
        await self._work.write(self._work.insert_new(health_samples).from_select(names, merged))


def _bucket(span: int) -> ColumnElement[Any]:
    width = span * _MICROSECONDS
    return type_coerce(health_samples.c.at, BigInteger) // width * width


def _merged(bucket: ColumnElement[Any], span: int) -> builtins.list[ColumnElement[Any]]:
    """The columns of samples made one; a mean is that of all its checks."""
    answered = health_samples.c.checks - health_samples.c.failed_checks
    known = case((health_samples.c.latency_microseconds.is_not(None), answered), else_=0)
    total = cast(func.sum(health_samples.c.latency_microseconds * answered), BigInteger)
    answers = cast(func.nullif(func.sum(known), 0), BigInteger)
    return [
        health_samples.c.target_id,
        literal(span).label("span_seconds"),
        type_coerce(bucket, health_samples.c.at.type).label("at"),
        func.sum(health_samples.c.checks).label("checks"),
        func.sum(health_samples.c.failed_checks).label("failed_checks"),
        (total // answers).label("latency_microseconds"),
        func.max(health_samples.c.slowest_microseconds).label("slowest_microseconds"),
    ]


def _within(target_ids: builtins.list[str], since: datetime, until: datetime) -> builtins.list[ColumnElement[bool]]:
    """Each part of the key is named, so that the index leads there."""
    return [
        health_samples.c.target_id.in_(target_ids),
        health_samples.c.span_seconds.in_([span for span, _ in _KEPT]),
        health_samples.c.at >= since,
        health_samples.c.at <= until,
    ]


def _percentiles(target_ids: builtins.list[str], since: datetime, until: datetime) -> Any:
    """Nearest rank: the smallest latency that so many of a hundred do not exceed.

    Checks that were merged count as many as they were, each with their mean.
    """
    latency = health_samples.c.latency_microseconds
    answered, target = health_samples.c.checks - health_samples.c.failed_checks, health_samples.c.target_id
    ranked = (
        select(
            target,
            latency.label("latency"),
            func.sum(answered).over(partition_by=target, order_by=latency).label("rank"),
            func.sum(answered).over(partition_by=target).label("count"),
        )
        .where(*_within(target_ids, since, until), latency.is_not(None))
        .subquery()
    )

    def at(percent: int) -> ColumnElement[Any]:
        return func.min(case((ranked.c.rank * 100 >= ranked.c.count * percent, ranked.c.latency)))

    return select(ranked.c.target_id, at(50).label("p50"), at(95).label("p95")).group_by(ranked.c.target_id)
