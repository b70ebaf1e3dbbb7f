"""Model servers: what was added, what each last said of itself, and its figures over time."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Row, bindparam, case, delete, func, insert, literal, select, type_coerce, update

from aicompute_tui.domain.moments import format_moment, parse_moment
from aicompute_tui.domain.server import (
    FIGURES,
    ModelServer,
    ModelState,
    ServerCounters,
    ServerFacts,
    ServerFigures,
    ServerModel,
    ServerOptions,
    ServerReport,
    ServerSample,
)
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.store.columns import EPOCH
from aicompute_tui.store.id_parts import id_parts
from aicompute_tui.store.named_rows import VersionedRows
from aicompute_tui.store.server_tables import server_reports, server_samples, servers
from aicompute_tui.store.tables import to_model, to_row
from aicompute_tui.store.work import Work

RAW_SPAN_SECONDS = 30
SPANS = ((RAW_SPAN_SECONDS, timedelta(hours=24)), (300, timedelta(days=30)), (3600, timedelta(days=365)))
"""Each span of samples and how long it is kept; what grows too old for one is merged into the next."""
Part = TypeVar("Part")


class Servers(VersionedRows[ModelServer]):
    def __init__(self, work: Work) -> None:
        super().__init__(work, servers, "server", _row, _server)

    async def remove(self, server_id: str) -> None:
        """With what it said, now and over time."""
        await self._work.write(delete(server_samples).where(server_samples.c.server_id == server_id))
        await self._work.write(delete(server_reports).where(server_reports.c.server_id == server_id))
        await super().remove(server_id)


class ServerReports:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self, server_ids: Sequence[str] | None = None) -> dict[str, ServerReport]:
        """By server; all of them where none is named."""
        statement = select(server_reports)
        if server_ids is None:
            return {row.server_id: _report(row) for row in await self._work.rows(statement)}
        found: dict[str, ServerReport] = {}
        for part in id_parts(server_ids):
            rows = await self._work.rows(statement.where(server_reports.c.server_id.in_(part)))
            found |= {row.server_id: _report(row) for row in rows}
        return found

    async def put(self, reports: Iterable[ServerReport]) -> None:
        """Of servers that are still there. Figures, which move by themselves, are no news for the change feed."""
        given = {report.server_id: report for report in reports}
        told = server_reports.c
        there: builtins.list[str] = []
        known: dict[str, tuple[str | None, str]] = {}
        for part in id_parts(given):
            there += [row.id for row in await self._work.rows(select(servers.c.id).where(servers.c.id.in_(part)))]
            stored = select(told.server_id, told.server_version, told.models).where(told.server_id.in_(part))
            known |= {row.server_id: (row.server_version, row.models) for row in await self._work.rows(stored)}
        values = {server_id: _report_row(given[server_id]) for server_id in there}
        fresh = [values[server_id] for server_id in there if server_id not in known]
        if fresh:
            await self._work.write(insert(server_reports), fresh)
        old = [{**values[server_id], "of": server_id} for server_id in there if server_id in known]
        if old:
            here = server_reports.c.server_id == bindparam("of")
            await self._work.write(update(server_reports).where(here), old)
        for server_id in there:
            fact = values[server_id]["server_version"], values[server_id]["models"]
            if known.get(server_id) != fact:
                self._work.changed("server_reports", server_id)


class ServerSamples:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def append(self, samples: Iterable[ServerSample]) -> None:
        """A second sample of the same moment replaces nothing and is dropped."""
        values = [to_row(sample) for sample in samples]
        if values:
            await self._work.write(self._work.insert_new(server_samples), values)

    async def list(
        self, server_id: str, since: datetime, span_seconds: int = RAW_SPAN_SECONDS, until: datetime | None = None
    ) -> builtins.list[ServerSample]:
        """Oldest first; what is younger than the span comes merged to it.

        Nothing of what lies after `until` counts: a clock that stood wrong may have left it there.
        """
        finer = [span for span, _ in SPANS if span < span_seconds]
        known = _condition(server_id, since, until, [span_seconds])
        found = [to_model(ServerSample, row) for row in await self._work.rows(_stored(known))]
        newest = max((sample.at for sample in found), default=None)
        if not finer:
            return found
        rows = await self._work.rows(_merged(_condition(server_id, since, until, finer), span_seconds * 1_000_000))
        samples = [_bucket(row, span_seconds) for row in rows]
        found += [each for each in samples if newest is None or each.at > newest]
        return sorted(found, key=lambda sample: sample.at)

    async def thin_out(self, now: datetime) -> int:
        """Merges samples too old for their span into the next one, forgets the oldest; says how many rows it took."""
        taken = 0
        for place, (span, kept) in enumerate(SPANS):
            wider = timedelta(seconds=SPANS[min(place + 1, len(SPANS) - 1)][0])
            before = now - kept - (now - EPOCH) % wider  # no half of what is merged stays behind
            old = (server_samples.c.span_seconds == span) & (server_samples.c.at < before)
            if place + 1 < len(SPANS):
                await self._merge(old, SPANS[place + 1][0])
            taken += await self._work.write(delete(server_samples).where(old))
        return taken

    async def _merge(self, old: Any, span: int) -> None:
        merged = _merged(old, span * 1_000_000).add_columns(literal(span))
        names = ["server_id", "at", *FIGURES, "span_seconds"]
        await self._work.write(self._work.insert_new(server_samples).from_select(names, merged))


def _condition(server_id: str, since: datetime, until: datetime | None, spans: Sequence[int]) -> Any:
    of = server_samples.c
    found = (of.server_id == server_id) & of.span_seconds.in_(spans) & (of.at >= since)
    return found if until is None else found & (of.at <= until)


def _stored(condition: Any) -> Any:
    return select(server_samples).where(condition).order_by(server_samples.c.at)


def _merged(condition: Any, width: int) -> Any:
    bucket = type_coerce(server_samples.c.at, BigInteger) // width * width
    means = (_mean(server_samples.c[name]).label(name) for name in FIGURES)
    columns = (server_samples.c.server_id, type_coerce(bucket, server_samples.c.at.type).label("at"), *means)
    return select(*columns).where(condition).group_by(server_samples.c.server_id, bucket)


def _mean(figure: Any) -> Any:
    """Of samples of several spans each counts for as long as it stands for."""
    seconds = func.sum(case((figure.is_not(None), server_samples.c.span_seconds)))
    return func.sum(figure * server_samples.c.span_seconds) / seconds


def _bucket(row: Row[Any], span: int) -> ServerSample:
    return to_model(ServerSample, {**row._mapping, "span_seconds": span})  # noqa: SLF001 - public


def _row(server: ModelServer) -> dict[str, Any]:
    return {**to_row(server), "kind": server.kind.value, "options": json.dumps(asdict(server.options))}


def _server(row: Row[Any]) -> ModelServer:
    """Of a kind that a later program may have written and this one does not know, no more is known than that it is."""
    kind = ServerKind(row.kind) if row.kind in _KINDS else ServerKind.HTTP
    options = _known(ServerOptions, json.loads(row.options))
    return to_model(ModelServer, {**row._mapping, "kind": kind, "options": options})  # noqa: SLF001 - public


_KINDS = frozenset(kind.value for kind in ServerKind)


def _known(part: type[Part], stored: Mapping[str, Any]) -> Part:
    """Without what a later program may have written and this one does not know."""
    names: Iterable[str] = part.__dataclass_fields__  # type: ignore[attr-defined]
    return part(**{name: stored[name] for name in names if name in stored})


def _report_row(report: ServerReport) -> dict[str, Any]:
    figures = {
        "facts_at": None if report.facts_at is None else format_moment(report.facts_at),
        **to_row(report.figures),
        "counters": to_row(report.counters),
    }
    return {
        "server_id": report.server_id,
        "read_at": report.read_at,
        "server_version": report.facts.version,
        "models": json.dumps([asdict(model) for model in report.facts.models], ensure_ascii=False),
        "figures": json.dumps(figures),
    }


def _report(row: Row[Any]) -> ServerReport:
    figures: dict[str, Any] = json.loads(row.figures)
    return ServerReport(
        server_id=row.server_id,
        read_at=row.read_at,
        facts=ServerFacts(version=row.server_version, models=models_from(row.models)),
        facts_at=parse_moment(figures.get("facts_at")),
        figures=_known(ServerFigures, figures),
        counters=_known(ServerCounters, figures.get("counters", {})),
    )


def models_from(text: str) -> tuple[ServerModel, ...]:
    """The models as their column holds them."""
    stored: Sequence[Mapping[str, Any]] = json.loads(text)
    return tuple(_known(ServerModel, {**each, "state": ModelState(each["state"])}) for each in stored)
