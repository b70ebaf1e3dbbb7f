"""How the keeper connects: what it tries and when, what it says of a link, and how it comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aicompute_tui.agent.node_keeper import CONNECTS_AT_ONCE
from aicompute_tui.domain.errors import AuthFailed, Refused, Unreachable
from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.domain.node import LinkState
from tests.contract import store_world
from tests.unit.fake_nodes import FakeMachine
from tests.unit.keeper_bench import READY, Bench, bench
from tests.waiting import until

__all__ = ["bench"]
pytestmark = pytest.mark.asyncio


async def test_a_machine_that_is_still_booting_is_not_called_broken(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.BOOTING)
    machine.error = Unreachable("It refuses ssh.", "Wait a minute.")
    report = await bench.linked(row, LinkState.CONNECTING)
    assert report.problem == ""
    machine.error = AuthFailed("It does not accept our ssh key.", "Wait.")
    await bench.tried_after(machine, 170)
    assert (await bench.linked(row, LinkState.CONNECTING)).problem == ""
    await bench.tried_after(machine, 60)
    report = await bench.linked(row, LinkState.FAILED)
    assert (report.problem_kind, report.next_step) == ("AuthFailed", "Wait.")


async def test_a_machine_that_answers_at_last_is_found_within_seconds(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.BOOTING)
    machine.error = Unreachable("It refuses ssh.")
    await bench.linked(row, LinkState.CONNECTING)
    for _ in range(8):
        await bench.tried_after(machine, 5)
    machine.error = None
    bench.clock.advance(5)
    await bench.watched(machine)


@pytest.mark.parametrize(
    "error",
    [
        AuthFailed("alpha does not accept our ssh key.", "Another key was given."),
        Refused("The host key of alpha changed.", "Only if it was rebuilt, forget it."),
    ],
)
async def test_a_refusal_is_said_with_its_next_step_and_once_in_the_events(bench: Bench, error: Any) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    machine.error = error
    report = await bench.linked(row, LinkState.FAILED)
    assert (report.problem_kind, report.problem, report.next_step) == (error.kind, error.message, error.next_step)
    for _ in range(3):
        await bench.tried_after(machine, 60)
    [event] = await bench.events("instance.ssh-refused")
    assert error.next_step in event.message


async def test_a_link_that_breaks_comes_back_and_keeps_what_was_said(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    served = await bench.served(row)
    said_at = bench.clock.now()
    machine.error = Unreachable("No answer.", "Look at the network.")
    machine.break_off()
    report = await bench.linked(row, LinkState.CONNECTING)
    assert report.problem == "", "a hiccup is no problem yet"
    assert bench.breaks == 1, "its cloud is asked whether it ended"
    await bench.waits(3)
    bench.clock.advance(1)
    report = await bench.linked(row, LinkState.FAILED)
    assert (report.read_at, len(report.steps)) == (said_at, 2)
    assert (await bench.row(row)).endpoint is None
    [gone] = await bench.events("endpoint.gone")
    assert gone.before["url"] == served.endpoint
    machine.error = None
    await bench.waits()
    bench.clock.advance(2)
    await bench.watched(machine, 2)
    machine.say(bench.clock.now(), *READY)
    await bench.linked(row, LinkState.CONNECTED)

    async def back() -> bool:
        bench.clock.advance(1)
        return (await bench.row(row)).endpoint == served.endpoint

    await until(back, "the endpoint is where it was")
    assert len(await bench.events("endpoint.ready")) == 2


async def test_the_cloud_is_not_asked_for_ever_about_a_machine_that_broke_off_nor_about_one_that_never_answered(
    bench: Bench,
) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.served(row)
    machine.error = Unreachable("No answer.", "Look at the network.")
    machine.break_off()
    await bench.linked(row, LinkState.CONNECTING)

    async def has_tried(tried: FakeMachine, times: int) -> bool:
        bench.clock.advance(10)
        return tried.tries >= times

    await until(lambda: has_tried(machine, 12), "it was tried often")
    assert bench.breaks == 6
    _, silent = await bench.add("beta", state=InstanceState.READY)
    silent.error = machine.error
    await until(lambda: has_tried(silent, 4), "it was tried")
    assert bench.breaks == 6


async def test_pauses_between_tries_grow_to_a_minute(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    machine.error = Unreachable("No answer.")
    await bench.ask_port(row)
    await until(lambda: machine.tries, "the first try")
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        await bench.waits()
        tries = machine.tries
        bench.clock.advance(pause - 0.5)
        for _ in range(50):
            await asyncio.sleep(0)
        assert machine.tries == tries, f"not before {pause} s"
        await bench.tried_after(machine, 0.5)


async def test_a_command_that_stands_still_is_begun_again(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.linked(row, LinkState.CONNECTED)
    await until(machine.output.empty, "it was read")
    await bench.waits()
    bench.clock.advance(81)
    await bench.linked(row, LinkState.CONNECTING)
    await bench.waits()
    bench.clock.advance(1)
    await bench.watched(machine, 2)


async def test_garbage_is_called_what_it_is(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    for _ in range(3):
        machine.output.put_nowait(b"\xff\xfe motd without end " * 10_000)
    await until(machine.output.empty, "it was read")
    bench.clock.advance(81)
    report = await bench.linked(row, LinkState.FAILED)
    assert report.problem_kind == "BadAnswer"


class _Endless(asyncio.Queue[Any]):
    async def get(self) -> bytes:
        await asyncio.sleep(0)
        return b"what a login file prints for ever\n"


async def test_a_machine_that_never_stops_talking_is_left_too(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    machine.output = _Endless()
    await bench.watched(machine)
    bench.clock.advance(81)
    report = await bench.linked(row, LinkState.FAILED)
    assert "not in a way that can be read" in report.problem
    assert machine.followers == 0


async def test_machines_that_hang_delay_no_other(bench: Bench) -> None:
    hanging = []
    for number in range(40):
        row, machine = await bench.add(f"hangs-{number}", state=InstanceState.READY)
        machine.error = Unreachable("No answer.")
        hanging.append((row, machine))
    for row, machine in hanging:
        await bench.linked(row, LinkState.FAILED)
        machine.hangs = True
    bench.clock.advance(1)
    await until(lambda: bench.nodes.connecting == CONNECTS_AT_ONCE // 2, "as many as may hang do so")
    fine = [await bench.add(f"fine-{number}", state=InstanceState.READY) for number in range(20)]
    for row, machine in fine:
        await bench.watched(machine)
        machine.say(bench.clock.now(), *READY)
        await bench.linked(row, LinkState.CONNECTED)
    assert bench.nodes.most_connecting <= CONNECTS_AT_ONCE


async def test_only_the_host_that_launched_a_machine_connects_to_it(bench: Bench) -> None:
    other, machine = await bench.add("theirs", host_id="another-host", state=InstanceState.READY)
    _, ours = await bench.add("ours", state=InstanceState.READY)
    await bench.watched(ours)
    assert machine.opened == []
    assert await bench.report(other) is None


async def test_a_machine_that_moved_is_sought_at_its_new_address(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.linked(row, LinkState.CONNECTED)
    machine.error = Unreachable("No answer.")
    machine.break_off()
    await bench.linked(row, LinkState.CONNECTING)
    machine.error = None
    await bench.change(row, public_address="192.0.2.99")
    await bench.watched(machine, 2)
    assert [address.host for address, _ in machine.opened] == ["192.0.2.7", "192.0.2.99"]


async def test_a_thousand_machines_are_all_watched(bench: Bench) -> None:
    rows = [
        store_world.instance(
            f"m{number}",
            host_id=bench.context.actor.host_id,
            state=InstanceState.READY,
            public_address=f"192.0.2.{number % 250}",
        )
        for number in range(1_000)
    ]
    async with bench.context.store.write() as transaction:
        await transaction.instances.insert_many(rows)
    bench.keeper.nudge()
    machines = [bench.nodes.of(row.id) for row in rows]
    await until(lambda: all(machine.followers for machine in machines), "all are watched", seconds=60)
    assert bench.nodes.most_connecting <= CONNECTS_AT_ONCE
    for machine in machines:
        machine.say(bench.clock.now())
    await until(lambda: all(machine.output.empty() for machine in machines), "all were read", seconds=60)
    await bench.leave()
    assert not any(machine.followers for machine in machines)
