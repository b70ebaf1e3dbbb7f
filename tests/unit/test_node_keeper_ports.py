"""The ports the keeper leads to machines: they open, stay through reboots and agents, and are given back."""

from __future__ import annotations

import asyncio

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.domain.node import LinkState, Tunnel, TunnelState
from tests.unit.keeper_bench import PULLING, READY, Bench, bench
from tests.waiting import until

__all__ = ["bench"]
pytestmark = pytest.mark.asyncio


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
    await bench.waits(3)
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
