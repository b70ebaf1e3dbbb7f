"""What machines said about themselves: the newest report, GPU samples, times of set-ups, and tunnels to them."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import BigInteger, Row, delete, func, insert, literal, select, type_coerce, update

from aicompute_tui.domain.gpu import GpuReading, GpuSample
from aicompute_tui.domain.instance import FINAL_STATES, Instance
from aicompute_tui.domain.moments import format_moment, parse_moment
from aicompute_tui.domain.node import (
    NodeActivity,
    NodeReport,
    SetupStage,
    SetupStep,
    StepState,
    Tunnel,
    news,
)
from aicompute_tui.store.columns import EPOCH
from aicompute_tui.store.tables import gpu_samples, instances, node_reports, setup_times, to_model, to_row, tunnels
from aicompute_tui.store.work import Work

RAW_SPAN_SECONDS = 30
_KEPT = ((RAW_SPAN_SECONDS, timedelta(hours=24)), (300, timedelta(days=30)), (3600, timedelta(days=365)))
"""Each span of samples and how long it is kept; what grows too old for one is merged into the next."""
_TYPICAL_OF = 20


class NodeReports:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, instance_id: str) -> NodeReport | None:
        row = await self._work.first(select(node_reports).where(node_reports.c.instance_id == instance_id))
        return None if row is None else _report(row)

    async def list(self) -> builtins.list[NodeReport]:
        return [_report(row) for row in await self._work.rows(select(node_reports))]

    async def put(self, report: NodeReport) -> None:
        """Figures that move by themselves, and the moment of reading, are no news for the change feed."""
        known = await self.get(report.instance_id)
        values = _report_row(report)
        if known is None:
            await self._work.write(insert(node_reports).values(values))
        else:
            here = node_reports.c.instance_id == report.instance_id
            await self._work.write(update(node_reports).where(here).values(values))
        if known is None or news(known) != news(report):
            self._work.changed("node_reports", report.instance_id)

    async def remove(self, instance_id: str) -> None:
        if await self._work.write(delete(node_reports).where(node_reports.c.instance_id == instance_id)):
            self._work.changed("node_reports", instance_id)


class GpuSamples:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def append(self, samples: Iterable[GpuSample]) -> None:
        """A second sample of the same moment replaces nothing and is dropped."""
        values = [to_row(sample) for sample in samples]
        if values:
            await self._work.write(self._work.insert_new(gpu_samples), values)

    async def list(
        self, instance_id: str, since: datetime, span_seconds: int = RAW_SPAN_SECONDS
    ) -> builtins.list[GpuSample]:
        """Oldest first, GPU by GPU within a moment."""
        statement = (
            select(gpu_samples)
            .where(
                gpu_samples.c.instance_id == instance_id,
                gpu_samples.c.span_seconds == span_seconds,
                gpu_samples.c.at >= since,
            )
            .order_by(gpu_samples.c.at, gpu_samples.c.gpu_index)
        )
        return [to_model(GpuSample, row) for row in await self._work.rows(statement)]

    async def thin_out(self, now: datetime) -> int:
        """Merges samples too old for their span into the next one, forgets the oldest; says how many rows it took."""
        taken = 0
        for place, (span, kept) in enumerate(_KEPT):
            wider = timedelta(seconds=_KEPT[min(place + 1, len(_KEPT) - 1)][0])
            before = now - kept - (now - kept - EPOCH) % wider  # a stretch that began is merged once it is whole
            old = (gpu_samples.c.span_seconds == span) & (gpu_samples.c.at < before)
            if place + 1 < len(_KEPT):
                await self._merge(old, _KEPT[place + 1][0])
            taken += await self._work.write(delete(gpu_samples).where(old))
        return taken

    async def drop_of_ended(self, before: datetime) -> int:
        """Forgets the samples of machines that ended before that; says how many rows it took."""
        ended = select(instances.c.id).where(instances.c.state.in_(sorted(FINAL_STATES)), instances.c.ended_at < before)
        return await self._work.write(delete(gpu_samples).where(gpu_samples.c.instance_id.in_(ended)))

    async def _merge(self, old: Any, span: int) -> None:
        width = span * 1_000_000
        bucket = type_coerce(gpu_samples.c.at, BigInteger) // width * width
        merged = (
            select(
                gpu_samples.c.instance_id,
                literal(span),
                gpu_samples.c.gpu_index,
                bucket,
                func.avg(gpu_samples.c.utilisation_percent),
                func.max(gpu_samples.c.memory_used_mib),
                func.max(gpu_samples.c.memory_total_mib),
                func.max(gpu_samples.c.temperature_celsius),
                func.avg(gpu_samples.c.power_watts),
            )
            .where(old)
            .group_by(gpu_samples.c.instance_id, gpu_samples.c.gpu_index, bucket)
        )
        names = [column.name for column in gpu_samples.c]
        await self._work.write(self._work.insert_new(gpu_samples).from_select(names, merged))


class SetupTimes:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def record(self, instance: Instance, steps: Iterable[SetupStep], at: datetime) -> None:
        """How long each finished step took; of one machine the first time only, since a later boot finds all there."""
        known = {
            (row.stage, row.name)
            for row in await self._work.rows(select(setup_times).where(setup_times.c.instance_id == instance.id))
        }
        for step in steps:
            if (
                step.state is StepState.DONE
                and step.elapsed_seconds is not None
                and (step.stage, step.name) not in known
            ):
                await self._work.write(
                    insert(setup_times).values(
                        instance_id=instance.id,
                        stage=step.stage,
                        name=step.name,
                        instance_type=instance.instance_type,
                        framework=instance.framework,
                        seconds=step.elapsed_seconds,
                        at=at,
                    )
                )

    async def typical(self, framework: str) -> dict[tuple[SetupStage, str], int]:
        """The median seconds of each step over the last set-ups with `framework`; only what was measured is there."""
        statement = (
            select(setup_times)
            .where(setup_times.c.framework == framework)
            .order_by(setup_times.c.at.desc())
            .limit(1000)
        )
        seconds: dict[tuple[SetupStage, str], builtins.list[int]] = {}
        for row in await self._work.rows(statement):
            found = seconds.setdefault((SetupStage(row.stage), row.name), [])
            if len(found) < _TYPICAL_OF:
                found.append(row.seconds)
        return {key: round(median(values)) for key, values in seconds.items()}


class Tunnels:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self, host_id: str) -> builtins.list[Tunnel]:
        statement = select(tunnels).where(tunnels.c.host_id == host_id).order_by(tunnels.c.local_port)
        return [to_model(Tunnel, row) for row in await self._work.rows(statement)]

    async def of(self, instance_id: str) -> builtins.list[Tunnel]:
        statement = select(tunnels).where(tunnels.c.instance_id == instance_id).order_by(tunnels.c.remote_port)
        return [to_model(Tunnel, row) for row in await self._work.rows(statement)]

    async def put(self, tunnel: Tunnel) -> None:
        here = _tunnel_key(tunnel.instance_id, tunnel.host_id, tunnel.remote_port)
        row = await self._work.first(select(tunnels).where(*here))
        if row is not None and to_model(Tunnel, row) == tunnel:
            return
        if row is None:
            await self._work.write(insert(tunnels).values(to_row(tunnel)))
        else:
            await self._work.write(update(tunnels).where(*here).values(to_row(tunnel)))
        self._work.changed("tunnels", tunnel.instance_id)

    async def remove(self, instance_id: str, host_id: str, remote_port: int) -> bool:
        removed = await self._work.write(delete(tunnels).where(*_tunnel_key(instance_id, host_id, remote_port))) > 0
        if removed:
            self._work.changed("tunnels", instance_id)
        return removed


def _tunnel_key(instance_id: str, host_id: str, remote_port: int) -> tuple[Any, ...]:
    return (
        tunnels.c.instance_id == instance_id,
        tunnels.c.host_id == host_id,
        tunnels.c.remote_port == remote_port,
    )


def _report_row(report: NodeReport) -> dict[str, Any]:
    values = to_row(report)
    activity = report.activity
    values["steps"] = json.dumps([asdict(step) for step in report.steps], ensure_ascii=False)
    values["gpus"] = json.dumps([asdict(gpu) for gpu in report.gpus], ensure_ascii=False)
    values["activity"] = "" if activity is None else json.dumps(_activity_json(activity), ensure_ascii=False)
    values["idle_since"] = None if activity is None else activity.idle_since
    values["idle_ends_at"] = None if activity is None else activity.idle_ends_at
    return values


def _activity_json(activity: NodeActivity) -> dict[str, Any]:
    return {
        key: format_moment(value) if isinstance(value, datetime) else value for key, value in asdict(activity).items()
    }


def _report(row: Row[Any]) -> NodeReport:
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - public by its documentation
    values["steps"] = tuple(
        SetupStep(**{**step, "stage": SetupStage(step["stage"]), "state": StepState(step["state"])})
        for step in json.loads(row.steps)
    )
    values["gpus"] = tuple(GpuReading(**gpu) for gpu in json.loads(row.gpus))
    values["activity"] = _activity(json.loads(row.activity)) if row.activity else None
    return to_model(NodeReport, values)


def _activity(values: Mapping[str, Any]) -> NodeActivity | None:
    checked_at = parse_moment(values["checked_at"])
    if checked_at is None:
        return None
    moments = {key: parse_moment(values[key]) for key in ("idle_since", "idle_ends_at")}
    rest = {**values, **moments, "checked_at": checked_at, "loaded_models": tuple(values["loaded_models"])}
    return NodeActivity(**rest)
