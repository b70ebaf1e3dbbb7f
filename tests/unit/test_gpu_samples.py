"""From readings to samples: a steady reading is one, quick ones are averaged, and old ones are dropped once an hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aicompute_tui.domain.gpu import GpuReading, GpuSample
from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.services.gpu_samples import SampleGatherer, thin_out
from tests.contract import store_world
from tests.contract.store_world import START
from tests.unit import fake_cloud

ONE = GpuReading(index=0, utilisation_percent=10, memory_used_mib=500, temperature_celsius=40, power_watts=50)
TWO = replace(ONE, index=1, utilisation_percent=None, power_watts=None)


def test_each_reading_of_a_steady_machine_is_a_sample_of_each_gpu() -> None:
    gatherer = SampleGatherer("0199")
    samples = gatherer.take([ONE, TWO], START, 30)
    assert [(sample.gpu_index, sample.span_seconds, sample.at) for sample in samples] == [
        (0, 30, START),
        (1, 30, START),
    ]
    assert [sample.utilisation_percent for sample in samples] == [10, None]
    assert gatherer.take([ONE], START + timedelta(seconds=30.4), 30)[0].at == START + timedelta(seconds=30)


def test_quick_readings_are_means_and_maxima_of_half_a_minute() -> None:
    gatherer = SampleGatherer("0199")
    found: list[tuple[int, list[GpuSample]]] = []
    for second in range(0, 60, 2):
        reading = replace(ONE, utilisation_percent=second, memory_used_mib=second, power_watts=None)
        samples = gatherer.take([reading], START + timedelta(seconds=second), 2)
        if samples:
            found.append((second, samples))
    assert [second for second, _ in found] == [28, 58]
    first = found[0][1][0]
    assert (first.utilisation_percent, first.memory_used_mib, first.power_watts) == (14, 28, None)


def test_what_was_half_gathered_before_a_break_is_no_sample() -> None:
    gatherer = SampleGatherer("0199")
    gatherer.take([replace(ONE, utilisation_percent=100)], START, 2)
    gatherer.forget()
    [sample] = gatherer.take([ONE], START + timedelta(hours=1), 30)
    assert (sample.at, sample.utilisation_percent) == (START + timedelta(hours=1), 10)


def _samples(instance_id: str, at: datetime) -> list[GpuSample]:
    return [GpuSample(instance_id=instance_id, gpu_index=0, at=at, span_seconds=span) for span in (30, 300, 3600)]


@pytest.mark.asyncio
async def test_samples_of_machines_that_ended_long_ago_are_dropped_once_an_hour(tmp_path: Path) -> None:
    async with fake_cloud.bench(tmp_path) as bench:
        now = bench.clock.now()
        store = bench.context.store
        ended = {"state": InstanceState.TERMINATED, "ended_at": now - timedelta(days=31)}
        old = store_world.instance("old", **ended)
        late = store_world.instance("late", **{**ended, "ended_at": now - timedelta(days=29)})
        recent = now - timedelta(minutes=5)
        async with store.write() as transaction:
            for row in (old, late):
                await transaction.instances.insert(row)
                await transaction.gpu_samples.append(_samples(row.id, recent))
        assert await thin_out(bench.context) == 3
        async with store.read() as transaction:
            assert await transaction.gpu_samples.list(old.id, now - timedelta(days=1)) == []
            assert len(await transaction.gpu_samples.list(late.id, now - timedelta(days=1))) == 1
        async with store.write() as transaction:
            await transaction.gpu_samples.append(_samples(old.id, recent))
        bench.clock.advance(minutes=59)
        assert await thin_out(bench.context) == 0, "some agent did it within the hour"
        bench.clock.advance(minutes=2)
        assert await thin_out(bench.context) == 3
