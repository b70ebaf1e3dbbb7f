"""What is written of a machine's word: set-up times once, no trembling moments, and one look where no agent is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.cli.waiting import _has_failed
from aicompute_tui.domain.errors import AuthFailed, Unreachable
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import (
    LinkState,
    NodeActivity,
    NodeReading,
    NodeReport,
    SetupStage,
    SetupStep,
    StepState,
)
from aicompute_tui.services.context import Context
from aicompute_tui.services.node_reports import look_at_all, take_link, take_reading
from tests.contract import store_world
from tests.unit import fake_cloud
from tests.unit.fake_nodes import FakeNodes

pytestmark = pytest.mark.asyncio
IMAGE = SetupStep(stage=SetupStage.IMAGE, state=StepState.DONE, elapsed_seconds=95)
READY = SetupStep(stage=SetupStage.READY, state=StepState.DONE, elapsed_seconds=12)


class Bench:
    def __init__(self, opened: fake_cloud.Bench, nodes: FakeNodes) -> None:
        self.clock = opened.clock
        self.nodes = nodes
        self.context: Context = replace(opened.context, open_nodes=lambda: nodes)

    async def add(self, name: str = "alpha", **fields: Any) -> Instance:
        values = {
            "host_id": "host-1",
            "framework": "ollama",
            "state": InstanceState.PREPARING,
            "public_address": "192.0.2.7",
            "state_since": self.clock.now(),
        }
        row = store_world.instance(name, **{**values, **fields})
        async with self.context.store.write() as transaction:
            await transaction.instances.insert(row)
        return row

    async def row(self, row: Instance) -> Instance:
        async with self.context.store.read() as transaction:
            return await transaction.instances.get(row.id)

    async def report(self, row: Instance) -> NodeReport | None:
        async with self.context.store.read() as transaction:
            return await transaction.node_reports.get(row.id)

    def reading(self, *steps: SetupStep, **activity: Any) -> NodeReading:
        now = self.clock.now()
        told = NodeActivity(checked_at=now, **activity) if activity else None
        return NodeReading(node_now=now, steps=steps, activity=told)


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with fake_cloud.bench(tmp_path) as opened:
        opened.preferences.values["ssh_port"] = "22"
        yield Bench(opened, FakeNodes(tmp_path))


async def test_how_long_a_set_up_took_is_kept_when_it_is_ready(bench: Bench) -> None:
    row = await bench.add()
    await take_reading(bench.context, row.id, bench.reading(IMAGE))
    async with bench.context.store.read() as transaction:
        assert await transaction.setup_times.typical("ollama") == {}
    await take_reading(bench.context, row.id, bench.reading(IMAGE, READY))
    async with bench.context.store.read() as transaction:
        typical = await transaction.setup_times.typical("ollama")
    assert typical == {(SetupStage.IMAGE, ""): 95, (SetupStage.READY, ""): 12}


async def test_moments_that_only_tremble_are_no_news(bench: Bench) -> None:
    row = await bench.add()
    since = bench.clock.now()
    for tremble in (0, 1, -2, 3):
        moved = since + timedelta(seconds=tremble)
        reading = bench.reading(READY, idle_since=moved, idle_ends_at=moved + timedelta(hours=1))
        await take_reading(bench.context, row.id, reading)
        if tremble == 0:
            before = await bench.context.store.latest_change()
    assert await bench.context.store.latest_change() == before
    extended = bench.reading(READY, idle_since=since, idle_ends_at=since + timedelta(hours=2))
    await take_reading(bench.context, row.id, extended)
    assert await bench.context.store.latest_change() > before
    report = await bench.report(row)
    assert report is not None
    assert report.activity is not None
    assert report.activity.idle_ends_at == since + timedelta(hours=2)


async def test_a_machine_that_is_not_ours_or_runs_no_longer_is_not_written_about(bench: Bench) -> None:
    theirs = await bench.add("theirs", host_id="another")
    stopped = await bench.add("stopped", state=InstanceState.STOPPED)
    ended = await bench.add("ended", state=InstanceState.TERMINATED)
    for row in (theirs, stopped, ended):
        assert await take_reading(bench.context, row.id, bench.reading(READY)) is None
        assert await bench.row(row) == row
    for row in (theirs, ended):
        assert await take_link(bench.context, row.id, LinkState.FAILED, Unreachable("No answer.")) is None
        assert await bench.report(row) is None


async def test_where_no_agent_is_one_look_makes_a_machine_ready(bench: Bench) -> None:
    rows = [await bench.add(name) for name in ("fine", "refuses", "plain")]
    rows[2] = replace(rows[2], framework="none")
    fine = bench.nodes.of(rows[0].id)
    fine.say(bench.clock.now(), "ready done  100 1 2 x")
    bench.nodes.of(rows[1].id).error = AuthFailed("It does not accept our ssh key.", "Give the right one.")
    await look_at_all(bench.context, rows)
    assert (await bench.row(rows[0])).state is InstanceState.READY
    assert fine.followers == 0
    report = await bench.report(rows[1])
    assert report is not None
    assert (report.link, report.problem_kind) == (LinkState.FAILED, "AuthFailed")
    assert bench.nodes.of(rows[2].id).tries == 0, "it is ready by the cloud's word"


async def test_waiting_ends_at_a_set_up_that_failed(bench: Bench) -> None:
    row = await bench.add()
    failed = SetupStep(stage=SetupStage.IMAGE, state=StepState.FAILED, detail="the disk is full.")
    noted = await take_reading(bench.context, row.id, bench.reading(failed))
    assert noted is not None
    assert _has_failed(noted.row)
    noted = await take_reading(bench.context, row.id, bench.reading(READY))
    assert noted is not None
    assert not _has_failed(noted.row)
