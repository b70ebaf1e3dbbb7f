"""What machines say and the keeper writes down: their state, their figures and their news, by a clock that stands."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from aicompute_tui.agent import node_keeper
from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.domain.node import LinkState, TunnelState
from aicompute_tui.services.context import Context
from tests.unit.keeper_bench import PULLING, READY, Bench, bench
from tests.waiting import until

__all__ = ["bench"]
pytestmark = pytest.mark.asyncio


async def test_a_machine_is_followed_from_its_first_word_to_its_endpoint(bench: Bench) -> None:
    row, machine = await bench.add()
    await bench.watched(machine)
    assert "sleep 2" in machine.opened[0][1]
    machine.say(bench.clock.now(), *PULLING)
    report = await bench.linked(row, LinkState.CONNECTED)
    assert [(step.stage, step.percent) for step in report.steps][1] == ("image", 40)
    assert report.gpus[0].utilisation_percent == 37
    machine.say(bench.clock.now(), *READY)
    ready = await bench.became(row, InstanceState.READY)
    assert ready.node_endpoint == "http://127.0.0.1:11434/v1"
    await bench.watched(machine, 2)
    assert "sleep 30" in machine.opened[1][1], "a ready machine is asked less often"
    machine.say(bench.clock.now(), *READY)
    served = await bench.served(row)
    [tunnel] = await bench.tunnels(row)
    assert (tunnel.is_endpoint, tunnel.state, tunnel.remote_port) == (True, TunnelState.OPEN, 11434)
    assert served.endpoint == f"http://127.0.0.1:{tunnel.local_port}/v1"
    [event] = await bench.events("endpoint.ready")
    assert event.after["url"] == served.endpoint
    assert len(await bench.events("instance.ready")) == 1


async def test_what_idleness_and_other_clocks_say_is_on_our_clock(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY, idle_seconds=1800)
    await bench.watched(machine)
    wrong = bench.clock.now() + timedelta(hours=1)
    epoch = int(wrong.timestamp())
    idle = (f"checked\t{epoch}", f"idle_since\t{epoch - 1200}", f"ends\t{epoch + 600}", "limit\t1800")
    machine.say(wrong, *READY, activity=idle)
    report = await bench.linked(row, LinkState.CONNECTED)
    assert report.activity is not None
    assert report.activity.idle_ends_at == bench.clock.now() + timedelta(seconds=600)
    assert report.clock_off_seconds == 3600
    assert await bench.events("instance.idle-soon") == []


async def test_a_near_end_by_idleness_is_told_once(bench: Bench) -> None:
    _, machine = await bench.add(state=InstanceState.READY, idle_seconds=1800)
    await bench.watched(machine)
    ends = int(bench.clock.now().timestamp()) + 290
    for _ in range(3):
        now = int(bench.clock.now().timestamp())
        idle = (f"checked\t{now}", f"idle_since\t{ends - 1800}", f"ends\t{ends}")
        machine.say(bench.clock.now(), *READY, activity=idle)
        await until(machine.output.empty, "it was read")
        bench.clock.advance(30)
    await bench.leave()
    [event] = await bench.events("instance.idle-soon")
    assert event.level == "warning"
    assert "4m" in event.message


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("boot failed  - 1 2 cloud-init failed.", "at the boot: cloud-init failed."),
        ("driver failed  - 1 2 no driver.", "at the NVIDIA driver: no driver."),
        ("docker failed  - 1 2 no docker.", "at Docker: no docker."),
        ("image failed  - 1 2 no such image.", "at the image: no such image."),
        ("model failed meta/x - 1 2 no access.", "at the model meta/x: no access."),
        ("ready failed  - 1 2 the server ended.", "at the start of the server: the server ended."),
    ],
)
async def test_a_set_up_that_fails_names_stage_and_reason(bench: Bench, step: str, words: str) -> None:
    row, machine = await bench.add()
    await bench.watched(machine)
    machine.say(bench.clock.now(), step)
    failed = await bench.became(row, InstanceState.DEGRADED)
    assert failed.error_message == f"Set-up failed {words}"
    bench.clock.advance(10)
    machine.say(bench.clock.now(), step)
    await bench.read_now(row)
    [event] = await bench.events("instance.setup-failed")
    assert event.level == "error"
    assert await bench.events("instance.degraded") == [], "told once, by its reason"


async def test_a_spot_notice_drains_the_machine(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    now = int(bench.clock.now().timestamp())
    machine.say(bench.clock.now(), *READY, activity=(f"checked\t{now}", "notice\tThe cloud takes it back at 10:02."))
    await bench.became(row, InstanceState.DRAINING)
    [event] = await bench.events("instance.draining")
    assert "takes it back at 10:02" in event.message
    assert (await bench.served(row)).state is InstanceState.DRAINING, "its endpoint serves to the end"


async def test_a_steady_machine_costs_one_commit_a_reading_and_no_news(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.served(row)
    before = await bench.context.store.latest_change()
    write, commits = bench.context.store.write, itertools.count(1)

    def counted() -> Any:
        next(commits)
        return write()

    monkeypatch.setattr(bench.context.store, "write", counted)
    for busy in range(10):
        bench.clock.advance(30)
        machine.say(bench.clock.now(), *READY, busy=busy, used=busy)
        await bench.read_now(row)
    assert next(commits) == 11, "one each"
    assert await bench.changes(before) == [], "figures that move by themselves are no news"
    assert [sample.utilisation_percent for sample in await bench.samples(row)] == [37, *range(10)]


async def test_quick_readings_are_stored_when_they_tell_something(bench: Bench) -> None:
    row, machine = await bench.add()
    await bench.watched(machine)
    machine.say(bench.clock.now(), *PULLING)
    first = await bench.linked(row, LinkState.CONNECTED)
    bench.clock.advance(2)
    machine.say(bench.clock.now(), *PULLING)
    await until(machine.output.empty, "it was read")
    bench.clock.advance(2)
    machine.say(bench.clock.now(), PULLING[0], "image running  60 1 - pulls")

    async def moved() -> bool:
        report = await bench.report(row)
        assert report is not None
        assert report.read_at in {first.read_at, bench.clock.now()}, "the one without news is not written"
        return report.steps[1].percent == 60

    await until(moved, "the news is stored")


async def test_a_store_that_is_busy_costs_a_reading_and_no_watch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.served(row)
    write = bench.context.store.write

    refused: list[None] = []

    def refuse() -> Any:
        refused.append(None)
        raise Unreachable("The database is busy.")

    monkeypatch.setattr(bench.context.store, "write", refuse)
    bench.clock.advance(30)
    machine.say(bench.clock.now(), *READY)
    await until(lambda: refused, "it could not be stored")
    monkeypatch.setattr(bench.context.store, "write", write)
    bench.clock.advance(30)
    machine.say(bench.clock.now(), *READY)
    report = await bench.read_now(row)
    assert (report.link, machine.tries) == (LinkState.CONNECTED, 2), "the watch and the tunnel, once each"


async def test_old_calls_are_forgotten_also_after_a_clock_far_ahead_was_put_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinned: list[object] = []

    async def thin_out(context: Context) -> int:
        thinned.append(context.clock.now())
        return 0

    monkeypatch.setattr(node_keeper, "thin_out", thin_out)
    bench.clock.moment += timedelta(days=400)
    bench.keeper.nudge()
    await until(lambda: bench.clock.now() in thinned, "it was thinned out in the time to come")
    bench.clock.moment -= timedelta(days=400)
    bench.keeper.nudge()
    await until(lambda: bench.clock.now() in thinned, "it was thinned out now")
