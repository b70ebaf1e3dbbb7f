"""What machines said about themselves, as the store keeps it and as the console reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.gpu import GpuReading, GpuSample
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.node import (
    LinkState,
    NodeActivity,
    NodeReport,
    SetupStage,
    SetupStep,
    StepState,
    Tunnel,
    TunnelState,
)
from aicompute_tui.store.database import Store
from aicompute_tui.store.fast import read_snapshot
from tests.contract.store_world import START, instance, opened

pytestmark = pytest.mark.asyncio
PULL = SetupStep(stage=SetupStage.MODEL, state=StepState.RUNNING, name="llama3.1:8b", percent=61, elapsed_seconds=40)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as opened_store:
        yield opened_store


async def machine(store: Store, name: str = "alpha", **fields: object) -> Instance:
    row = instance(name, **fields)
    async with store.write() as transaction:
        await transaction.instances.insert(row)
    return row


def report(row: Instance) -> NodeReport:
    return NodeReport(
        instance_id=row.id,
        host_id="box",
        read_at=START,
        link=LinkState.CONNECTED,
        steps=(PULL,),
        activity=NodeActivity(
            checked_at=START,
            idle_since=START - timedelta(minutes=24),
            idle_ends_at=START + timedelta(minutes=6),
            requests_running=0.0,
            loaded_models=("llama3.1:8b",),
        ),
        gpus=(GpuReading(index=0, name="NVIDIA A10G", utilisation_percent=3.0, power_watts=None),),
        clock_off_seconds=3600.5,
    )


def sample(row: Instance, seconds: int, utilisation: float | None, used: float = 1.0, gpu: int = 0) -> GpuSample:
    return GpuSample(
        instance_id=row.id,
        gpu_index=gpu,
        at=START + timedelta(seconds=seconds),
        span_seconds=30,
        utilisation_percent=utilisation,
        memory_used_mib=used,
    )


async def test_a_report_comes_back_as_it_was_given(store: Store, tmp_path: Path) -> None:
    row = await machine(store)
    given = report(row)
    async with store.write() as transaction:
        await transaction.node_reports.put(given)
    async with store.read() as transaction:
        assert await transaction.node_reports.get(row.id) == given
        assert await transaction.node_reports.list() == [given]
    snapshot = read_snapshot(tmp_path / "aic-tui.db")
    assert snapshot is not None
    assert snapshot.nodes[row.id].idle_ends_at == (START + timedelta(minutes=6)).timestamp()
    assert snapshot.nodes[row.id].link == "connected"


async def test_only_what_a_person_would_notice_is_news(store: Store) -> None:
    row = await machine(store)
    given = report(row)
    async with store.write() as transaction:
        await transaction.node_reports.put(given)
    before = await store.latest_change()
    later = replace(
        given,
        read_at=START + timedelta(seconds=30),
        gpus=(GpuReading(index=0, utilisation_percent=99.0),),
        steps=(replace(PULL, elapsed_seconds=70),),
    )
    async with store.write() as transaction:
        await transaction.node_reports.put(later)
    assert await store.latest_change() == before
    async with store.read() as transaction:
        assert await transaction.node_reports.get(row.id) == later
    async with store.write() as transaction:
        await transaction.node_reports.put(replace(later, steps=(replace(PULL, percent=62),)))
    assert await store.latest_change() == before + 1


async def test_samples_are_thinned_out_and_not_lost(store: Store) -> None:
    row = await machine(store)
    minutes = [sample(row, seconds, 50.0 + seconds / 30, used=float(seconds)) for seconds in range(0, 600, 30)]
    async with store.write() as transaction:
        await transaction.gpu_samples.append([*minutes, sample(row, 0, None, gpu=1)])
        await transaction.gpu_samples.append(minutes[:2])
    async with store.read() as transaction:
        assert len(await transaction.gpu_samples.list(row.id, START)) == 21
    async with store.write() as transaction:
        assert await transaction.gpu_samples.thin_out(START + timedelta(hours=25)) == 21
    async with store.read() as transaction:
        assert await transaction.gpu_samples.list(row.id, START) == []
        merged = await transaction.gpu_samples.list(row.id, START - timedelta(hours=1), 300)
    first, second = (each for each in merged if each.gpu_index == 0)
    assert (first.utilisation_percent, first.memory_used_mib) == (54.5, 270.0)
    assert (second.utilisation_percent, second.memory_used_mib) == (64.5, 570.0)
    assert [each.utilisation_percent for each in merged if each.gpu_index == 1] == [None]
    async with store.write() as transaction:
        await transaction.gpu_samples.thin_out(START + timedelta(days=31))
        await transaction.gpu_samples.thin_out(START + timedelta(days=800))
    async with store.read() as transaction:
        assert await transaction.gpu_samples.list(row.id, START - timedelta(days=1), 3600) == []


async def test_no_sample_is_lost_where_a_stretch_is_old_only_in_part(store: Store) -> None:
    row = await machine(store)
    old = START.replace(minute=0, second=0, microsecond=0) - timedelta(days=32)
    shift = int((old - START).total_seconds())
    given = [replace(sample(row, shift + 300 * step, float(step)), span_seconds=300) for step in range(12)]
    async with store.write() as transaction:
        await transaction.gpu_samples.append(given)
        for minutes in (32, 65, 92, 130):
            await transaction.gpu_samples.thin_out(old + timedelta(days=30, minutes=minutes))
    async with store.read() as transaction:
        (merged,) = await transaction.gpu_samples.list(row.id, old - timedelta(hours=1), 3600)
        assert await transaction.gpu_samples.list(row.id, old - timedelta(hours=1), 300) == []
    assert merged.utilisation_percent == 5.5


async def test_typical_times_are_those_measured_here(store: Store) -> None:
    done = SetupStep(stage=SetupStage.IMAGE, state=StepState.DONE, elapsed_seconds=100)
    for number, seconds in enumerate((90, 100, 500)):
        row = await machine(store, f"m{number}", framework="vllm")
        async with store.write() as transaction:
            await transaction.setup_times.record(row, [replace(done, elapsed_seconds=seconds), PULL], START)
            await transaction.setup_times.record(row, [replace(done, elapsed_seconds=1)], START)
    async with store.read() as transaction:
        assert await transaction.setup_times.typical("vllm") == {(SetupStage.IMAGE, ""): 100}
        assert await transaction.setup_times.typical("ollama") == {}


async def test_tunnels_belong_to_a_host_and_a_port(store: Store, tmp_path: Path) -> None:
    row = await machine(store)
    endpoint = Tunnel(
        instance_id=row.id, host_id="box", remote_port=8000, local_port=18_412, is_endpoint=True, state=TunnelState.OPEN
    )
    other = Tunnel(instance_id=row.id, host_id="other", remote_port=8000, local_port=18_412)
    async with store.write() as transaction:
        for tunnel in (endpoint, other):
            await transaction.tunnels.put(tunnel)
    before = await store.latest_change()
    async with store.write() as transaction:
        await transaction.tunnels.put(endpoint)
    assert await store.latest_change() == before, "the same again is no news"
    async with store.write() as transaction:
        await transaction.tunnels.put(replace(endpoint, state=TunnelState.FAILED, problem="refused"))
    async with store.read() as transaction:
        assert [tunnel.state for tunnel in await transaction.tunnels.list("box")] == [TunnelState.FAILED]
        assert len(await transaction.tunnels.of(row.id)) == 2
    snapshot = read_snapshot(tmp_path / "aic-tui.db")
    assert snapshot is not None
    assert {(tunnel.host_id, tunnel.state) for tunnel in snapshot.tunnels} == {("box", "failed"), ("other", "opening")}
    async with store.write() as transaction:
        assert await transaction.tunnels.remove(row.id, "box", 8000)
        assert not await transaction.tunnels.remove(row.id, "box", 8000)
