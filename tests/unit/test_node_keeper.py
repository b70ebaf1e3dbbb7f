"""The keeper of machines by a clock that stands: what it connects to, how it comes back, and what it writes down."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.agent.node_keeper import CONNECTS_AT_ONCE, NodeKeeper
from aicompute_tui.domain.errors import AuthFailed, Refused, Unreachable
from aicompute_tui.domain.event import Change, Event
from aicompute_tui.domain.gpu import GpuSample
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import LinkState, NodeReport, Tunnel, TunnelState
from aicompute_tui.services.context import Actor, Context
from tests.contract import store_world
from tests.moved_clock import MovedClock
from tests.unit import fake_cloud
from tests.unit.fake_nodes import FakeMachine, FakeNodes
from tests.waiting import until

pytestmark = pytest.mark.asyncio

PULLING = ("boot done  100 1 2 x", "image running  40 1 - pulls")
READY = ("boot done  100 1763625600 1763625610 x", "ready done  100 1763625610 1763625700 x")
NO_TOKEN = ("model running meta/x  1 - waits for a Hugging Face token",)


class Bench:
    """One keeper, its store and its machines."""

    def __init__(self, context: Context, clock: MovedClock, nodes: FakeNodes) -> None:
        self.context = context
        self.clock = clock
        self.nodes = nodes
        self.tasks: list[asyncio.Task[None]] = []
        self.breaks = 0
        self.keeper = self.start()

    async def make_context(self, actor: Actor | None) -> Context:
        return self.context

    def start(self) -> NodeKeeper:
        self.keeper = NodeKeeper(self.make_context, self.clock, self.context.actor.host_id, self._broken)
        self.tasks.append(asyncio.create_task(self.keeper.run()))
        return self.keeper

    def _broken(self) -> None:
        self.breaks += 1

    async def leave(self) -> None:
        self.keeper.leave()
        await asyncio.wait_for(self.tasks[-1], 10)

    async def add(self, name: str = "alpha", **fields: Any) -> tuple[Instance, FakeMachine]:
        values = {
            "host_id": self.context.actor.host_id,
            "framework": "ollama",
            "state": InstanceState.PREPARING,
            "remote_id": f"i-{name}",
            "public_address": "192.0.2.7",
            "state_since": self.clock.now(),
        }
        row = store_world.instance(name, **{**values, **fields})
        async with self.context.store.write() as transaction:
            await transaction.instances.insert(row)
        self.keeper.nudge()
        return row, self.nodes.of(row.id)

    async def change(self, row: Instance, **fields: Any) -> Instance:
        async with self.context.store.write() as transaction:
            present = await transaction.instances.get(row.id)
            changed = await transaction.instances.update(present, **fields)
        self.keeper.nudge()
        return changed

    async def row(self, row: Instance) -> Instance:
        async with self.context.store.read() as transaction:
            return await transaction.instances.get(row.id)

    async def report(self, row: Instance) -> NodeReport | None:
        async with self.context.store.read() as transaction:
            return await transaction.node_reports.get(row.id)

    async def tunnels(self, row: Instance) -> list[Tunnel]:
        async with self.context.store.read() as transaction:
            return await transaction.tunnels.of(row.id)

    async def events(self, kind: str) -> list[Event]:
        async with self.context.store.read() as transaction:
            return [event for event in await transaction.events.list() if event.kind == kind]

    async def ask_port(self, row: Instance, remote_port: int = 3000, local_port: int = 18_300) -> None:
        tunnel = Tunnel(instance_id=row.id, host_id=row.host_id, remote_port=remote_port, local_port=local_port)
        async with self.context.store.write() as transaction:
            await transaction.tunnels.put(tunnel)
        self.keeper.nudge()

    async def changes(self, since: int) -> list[Change]:
        async with self.context.store.read() as transaction:
            return await transaction.changes.since(since)

    async def samples(self, row: Instance) -> list[GpuSample]:
        async with self.context.store.read() as transaction:
            return await transaction.gpu_samples.list(row.id, store_world.START - timedelta(days=1))

    async def watched(self, machine: FakeMachine, times: int = 1) -> None:
        await until(lambda: len(machine.opened) >= times and machine.followers, f"it is watched for the {times}. time")

    async def waits(self) -> None:
        """Until keeper and watch both sleep."""
        await until(lambda: self.clock.sleepers >= 2, "it waits for the next try")

    async def tried_after(self, machine: FakeMachine, seconds: float) -> None:
        """Once it was tried again, `seconds` later, and waits for the next time."""
        await self.waits()
        tries = machine.tries
        self.clock.advance(seconds)
        await until(lambda: machine.tries > tries and self.clock.sleepers >= 2, "it was tried again")

    async def linked(self, row: Instance, link: LinkState) -> NodeReport:
        async def look() -> NodeReport | None:
            report = await self.report(row)
            return report if report is not None and report.link is link else None

        found = await until(look, f"its link is {link.value}")
        assert isinstance(found, NodeReport)
        return found

    async def read_now(self, row: Instance) -> NodeReport:
        async def look() -> NodeReport | None:
            report = await self.report(row)
            return report if report is not None and report.read_at == self.clock.now() else None

        found = await until(look, "its answer is stored")
        assert isinstance(found, NodeReport)
        return found

    async def became(self, row: Instance, state: InstanceState) -> Instance:
        async def look() -> Instance | None:
            present = await self.row(row)
            return present if present.state is state else None

        found = await until(look, f"it is {state.value}")
        assert isinstance(found, Instance)
        return found

    async def served(self, row: Instance) -> Instance:
        """Once a program can call it; time goes on until then."""

        async def look() -> Instance | None:
            self.keeper.nudge()
            present = await self.row(row)
            return present if present.endpoint is not None else None

        found = await until(look, "it has an endpoint")
        assert isinstance(found, Instance)
        return found


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = MovedClock()
    nodes = FakeNodes(tmp_path)
    async with fake_cloud.bench(tmp_path) as opened:
        opened.preferences.values["ssh_port"] = "22"
        bench = Bench(replace(opened.context, clock=clock, open_nodes=lambda: nodes), clock, nodes)
        yield bench
        for task in bench.tasks:
            task.cancel()
        await asyncio.gather(*bench.tasks, return_exceptions=True)


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
    await bench.waits()
    bench.clock.advance(1)
    report = await bench.linked(row, LinkState.FAILED)
    assert (report.read_at, len(report.steps)) == (said_at, 2)
    assert (await bench.row(row)).endpoint is None
    [gone] = await bench.events("endpoint.gone")
    assert gone.before["url"] == served.endpoint
    machine.error = None
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


async def test_a_stopped_machine_is_left_alone_and_keeps_its_ports(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    served = await bench.served(row)
    await bench.change(row, state=InstanceState.STOPPED, public_address=None)
    report = await bench.linked(row, LinkState.NEVER)
    assert report.steps == ()
    assert machine.followers == 0
    assert bench.nodes.ports == {}
    [gone] = await bench.events("endpoint.gone")
    assert "stopped" in gone.message
    started = await bench.change(row, state=InstanceState.BOOTING, public_address="192.0.2.8")
    await bench.watched(machine, 2)
    machine.say(bench.clock.now(), *PULLING)
    await bench.became(started, InstanceState.PREPARING)
    assert (await bench.row(row)).endpoint is None
    machine.say(bench.clock.now(), *READY)
    await bench.watched(machine, 3)
    machine.say(bench.clock.now(), *READY)
    assert (await bench.served(row)).endpoint == served.endpoint


async def test_nothing_is_kept_of_a_machine_that_is_gone(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.served(row)
    await bench.change(row, state=InstanceState.TERMINATED, ended_at=bench.clock.now(), endpoint=None)
    await until(lambda: bench.nodes.forgotten == [row.id], "its host key is forgotten")
    assert await bench.report(row) is None
    assert await bench.tunnels(row) == []
    assert bench.nodes.ports == {}
    assert len(await bench.events("endpoint.gone")) == 1


async def test_what_an_earlier_agent_left_of_machines_that_ended_is_cleared(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.served(row)
    bench.tasks[-1].cancel()  # killed: it could not tidy up
    await asyncio.gather(*bench.tasks, return_exceptions=True)
    await bench.change(row, state=InstanceState.TERMINATED, ended_at=bench.clock.now())
    bench.start()
    await until(lambda: bench.nodes.forgotten, "it is cleared")
    assert await bench.tunnels(row) == []
    assert (await bench.row(row)).endpoint is None


async def test_a_reboot_is_prepared_for_again_and_the_port_stays(bench: Bench) -> None:
    row, machine = await bench.add()
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.became(row, InstanceState.READY)
    await bench.watched(machine, 2)
    machine.say(bench.clock.now(), *READY)
    url = (await bench.served(row)).endpoint
    machine.break_off()
    await bench.linked(row, LinkState.CONNECTING)
    await bench.waits()
    bench.clock.advance(1)
    await bench.watched(machine, 3)
    machine.say(bench.clock.now())
    await bench.became(row, InstanceState.PREPARING)
    await bench.watched(machine, 4)
    machine.say(bench.clock.now(), *READY)
    await bench.became(row, InstanceState.READY)
    await bench.watched(machine, 5)
    machine.say(bench.clock.now(), *READY)

    async def back() -> bool:
        bench.clock.advance(1)
        return (await bench.row(row)).endpoint == url

    await until(back, "the endpoint is where it was")


async def test_a_server_that_is_set_up_anew_is_not_led_to_meanwhile(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    url = (await bench.served(row)).endpoint
    machine.say(bench.clock.now(), *PULLING)
    await bench.became(row, InstanceState.PREPARING)

    async def is_gone() -> bool:
        bench.keeper.nudge()
        return (await bench.row(row)).endpoint is None

    await until(is_gone, "nobody is sent there")
    [event] = await bench.events("endpoint.gone")
    assert event.before["url"] == url
    [tunnel] = await bench.tunnels(row)
    assert tunnel.state is TunnelState.OPENING, "its port stays"


async def test_a_port_asked_for_at_a_machine_that_ended_unseen_is_given_back(bench: Bench) -> None:
    row, _ = await bench.add(state=InstanceState.TERMINATED, ended_at=bench.clock.now())
    await bench.leave()
    await bench.ask_port(row)
    bench.start()

    async def is_gone() -> bool:
        return await bench.tunnels(row) == []

    await until(is_gone, "its row is gone")


async def test_a_restarted_agent_finds_the_same_port_again(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    url = (await bench.served(row)).endpoint
    await bench.leave()
    assert (await bench.row(row)).endpoint is None
    assert bench.nodes.ports == {}
    assert machine.followers == 0
    bench.start()
    await bench.watched(machine, 2)
    machine.say(bench.clock.now(), *READY)
    assert (await bench.served(row)).endpoint == url


async def test_what_an_agent_that_was_killed_left_open_is_closed_before_its_machine_answers(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.ask_port(row)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    url = (await bench.served(row)).endpoint

    async def all_open() -> bool:
        return {tunnel.state for tunnel in await bench.tunnels(row)} == {TunnelState.OPEN}

    await until(all_open, "both ports are open")
    async with bench.context.store.read() as transaction:
        left = [*(await transaction.tunnels.of(row.id))]
    await bench.leave()
    async with bench.context.store.write() as transaction:
        for tunnel in left:
            await transaction.tunnels.put(tunnel)
        await transaction.instances.update(await transaction.instances.get(row.id), endpoint=url)
    machine.error = Unreachable("It does not answer.", "Wait.")
    bench.start()

    async def none_open() -> bool:
        return TunnelState.OPEN not in {tunnel.state for tunnel in await bench.tunnels(row)}

    await until(none_open, "nothing looks open that leads nowhere")
    assert (await bench.row(row)).endpoint is None


async def test_a_port_that_another_program_took_is_left_to_it(bench: Bench) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    async with bench.context.store.write() as transaction:
        tunnel = Tunnel(instance_id=row.id, host_id=row.host_id, remote_port=11434, local_port=18_555, is_endpoint=True)
        await transaction.tunnels.put(tunnel)
    bench.nodes.taken.add(18_555)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    served = await bench.served(row)
    [tunnel] = await bench.tunnels(row)
    assert tunnel.local_port != 18_555
    assert served.endpoint == f"http://127.0.0.1:{tunnel.local_port}/v1"
    [event] = await bench.events("tunnel.moved")
    assert (event.before["local_port"], event.after["local_port"]) == ("18555", str(tunnel.local_port))


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
    machine.say(bench.clock.now(), step)
    await until(machine.output.empty, "it was read")
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


async def test_a_port_that_a_person_asked_for_is_opened_and_closed_at_once(bench: Bench) -> None:
    row, machine = await bench.add(framework="none")
    await bench.watched(machine)
    machine.say(bench.clock.now())
    await bench.linked(row, LinkState.CONNECTED)
    await bench.ask_port(row)

    async def is_open() -> bool:
        return [each.state for each in await bench.tunnels(row)] == [TunnelState.OPEN]

    await until(is_open, "it is open")
    assert set(bench.nodes.ports) == {18_300}
    assert (await bench.row(row)).endpoint is None
    async with bench.context.store.write() as transaction:
        await transaction.tunnels.remove(row.id, row.host_id, 3000)
    bench.keeper.nudge()
    await until(lambda: not bench.nodes.ports, "it is closed")
    assert await bench.tunnels(row) == []


async def test_a_chosen_port_that_is_taken_is_said_and_tried_again(bench: Bench) -> None:
    row, machine = await bench.add(framework="none")
    bench.nodes.taken.add(18_300)
    await bench.ask_port(row)
    await bench.watched(machine)
    machine.say(bench.clock.now())

    async def problem() -> str:
        [each] = await bench.tunnels(row)
        return each.problem if each.state is TunnelState.FAILED else ""

    assert "taken" in await until(problem, "it failed")
    bench.nodes.taken.clear()

    async def is_open() -> bool:
        bench.clock.advance(1)
        [each] = await bench.tunnels(row)
        return each.state is TunnelState.OPEN and each.local_port == 18_300

    await until(is_open, "it is open where it was asked for")


async def test_a_store_that_is_busy_costs_a_reading_and_no_watch(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    row, machine = await bench.add(state=InstanceState.READY)
    await bench.watched(machine)
    machine.say(bench.clock.now(), *READY)
    await bench.served(row)
    write = bench.context.store.write

    def refuse() -> Any:
        raise Unreachable("The database is busy.")

    monkeypatch.setattr(bench.context.store, "write", refuse)
    bench.clock.advance(30)
    machine.say(bench.clock.now(), *READY)
    await until(machine.output.empty, "it was read")
    monkeypatch.setattr(bench.context.store, "write", write)
    bench.clock.advance(30)
    machine.say(bench.clock.now(), *READY)
    report = await bench.read_now(row)
    assert (report.link, machine.tries) == (LinkState.CONNECTED, 2), "the watch and the tunnel, once each"
