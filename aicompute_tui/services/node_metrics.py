"""`instance.metrics`: what a machine's GPUs do now, again and again, or what was stored of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime, timedelta

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import BadAnswer, Unreachable
from aicompute_tui.domain.gpu import GpuReading, GpuSample
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.node import NodeReading
from aicompute_tui.metrics.node_watch import watch_command
from aicompute_tui.services.arguments import integer, required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.nodes import node_address
from aicompute_tui.services.setup_progress import activity_view, step_view
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.services.watch_reader import WatchReader

SPANS = ((30, timedelta(hours=24)), (300, timedelta(days=30)), (3600, timedelta(days=365)))
"""Seconds that one stored sample covers, and how long such samples are kept."""

_WAITS_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)


async def metrics(context: Context, arguments: Arguments) -> AsyncGenerator[JsonObject]:
    """Handler of `instance.metrics`: live over the shared connection, with `since` the stored samples instead."""
    async with context.store.read() as transaction:
        row = await transaction.instances.find(required_text(arguments, "name"))
    since = text(arguments, "since")
    interval = integer(arguments, "interval", least=1, most=3600) or 2
    count = integer(arguments, "count", least=0, most=1_000_000) or 0
    items = _live(context, row, interval, count) if since is None else _stored(context, row, parse_duration(since))
    async with aclosing(items):
        async for item in items:
            yield item


async def _live(context: Context, row: Instance, interval: int, count: int) -> AsyncGenerator[JsonObject]:
    """Goes on over breaks of the connection, each told by one mark; raises what the first opening raises."""
    left = count or None
    failures = 0
    was_read = False
    while left is None or left > 0:
        problem = "The machine stopped answering."
        try:
            readings = _readings(context, row, interval, once=left == 1)
            async with aclosing(readings):
                async for reading in readings:
                    was_read, failures = True, 0
                    yield reading_view(reading, context.clock.now())
                    left = None if left is None else left - 1
                    if left == 0:
                        return
        except Unreachable as error:
            if not was_read:
                raise
            problem = error.message
        if not was_read:
            raise BadAnswer(f"{row.name} answered nothing that can be read.", "Look at it: `aic-tui instance ssh`.")
        if failures == 0:
            yield _gap(problem, context.clock.now())
        await context.clock.sleep(_WAITS_SECONDS[min(failures, len(_WAITS_SECONDS) - 1)])
        failures += 1


async def _readings(context: Context, row: Instance, interval: int, *, once: bool) -> AsyncGenerator[NodeReading]:
    reader = WatchReader(context.clock)
    async with context.nodes.open(node_address(context, row), watch_command(interval, once=once)) as running:
        async for chunk in running.chunks():
            for reading in reader.feed(chunk):
                yield reading


def _gap(problem: str, now: datetime) -> JsonObject:
    text = f"{problem} Trying again."
    empty: JsonObject = {"at": moment_or_none(now), "gpus": [], "gpu_problem": "", "activity": None, "steps": []}
    return {**empty, "mark": "gap", "text": text}


async def _stored(context: Context, row: Instance, seconds: int) -> AsyncGenerator[JsonObject]:
    """Oldest first; older stretches are there in coarser samples only."""
    now = context.clock.now()
    since = now - timedelta(seconds=seconds)
    samples: dict[tuple[datetime, int], list[GpuSample]] = {}
    async with context.store.read() as transaction:
        for span, _kept in reversed(SPANS):
            for sample in await transaction.gpu_samples.list(row.id, since, span):
                samples.setdefault((sample.at, span), []).append(sample)
    for at, span in sorted(samples):
        gpus: list[Json] = [_sample_view(sample) for sample in samples[at, span]]
        yield {"at": moment_or_none(at), "span_seconds": span, "gpus": gpus}


def reading_view(reading: NodeReading, now: datetime) -> JsonObject:
    steps: list[Json] = []
    for step in reading.steps:
        view = step_view(step)
        del view["typical_seconds"]
        steps.append(view)
    return {
        "at": moment_or_none(now),
        "gpus": gpu_views(reading.gpus),
        "gpu_problem": reading.gpu_problem,
        "activity": None if reading.activity is None else activity_view(reading.activity),
        "steps": steps,
    }


def gpu_views(gpus: Iterable[GpuReading]) -> list[Json]:
    hidden = {"uuid", "driver_version"}
    return [{key: value for key, value in asdict(gpu).items() if key not in hidden} for gpu in gpus]


def _sample_view(sample: GpuSample) -> JsonObject:
    return {
        "index": sample.gpu_index,
        "utilisation_percent": sample.utilisation_percent,
        "memory_used_mib": sample.memory_used_mib,
        "memory_total_mib": sample.memory_total_mib,
        "temperature_celsius": sample.temperature_celsius,
        "power_watts": sample.power_watts,
    }
