"""Ports of this host that lead to machines: how they are chosen, asked for, refused and given back."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound, Refused
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import NodeReport, SetupStage, SetupStep, StepState, Tunnel, TunnelState
from aicompute_tui.services.tunnels import (
    FIRST_PORT,
    LAST_PORT,
    choose_port,
    ensure_endpoint,
    serves,
    set_state,
    take_back,
)
from tests.contract import store_world
from tests.unit import fake_cloud
from tests.unit.fake_cloud import Bench

OPEN, FAILED = TunnelState.OPEN, TunnelState.FAILED


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with fake_cloud.bench(tmp_path) as opened:
        opened.preferences.values["ssh_port"] = "22"
        yield opened


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of this host where some other program listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def added(bench: Bench, name: str = "alpha", **fields: Any) -> Instance:
    values = {
        "host_id": "host-1",
        "framework": "vllm",
        "models": ("meta/x",),
        "state": InstanceState.READY,
        "public_address": "192.0.2.7",
        "requested_at": fake_cloud.START,
    }
    row = store_world.instance(name, **{**values, **fields})
    async with bench.context.store.write() as transaction:
        await transaction.instances.insert(row)
    return row


async def stored(bench: Bench, row: Instance) -> tuple[Instance, list[Tunnel]]:
    async with bench.context.store.read() as transaction:
        return await transaction.instances.get(row.id), await transaction.tunnels.of(row.id)


def test_a_machines_port_is_the_same_whenever_it_is_free() -> None:
    first = choose_port("0199-a", 8000, ())
    assert FIRST_PORT <= first <= LAST_PORT
    assert choose_port("0199-a", 8000, ()) == first
    assert choose_port("0199-a", 8000, {first}) != first


def test_a_range_that_is_full_is_said() -> None:
    with pytest.raises(Conflict, match="are taken"):
        choose_port("0199-a", 8000, range(FIRST_PORT, LAST_PORT + 1))


@pytest.mark.parametrize(
    ("state", "framework", "ready", "expected"),
    [
        (InstanceState.READY, "vllm", True, True),
        (InstanceState.DRAINING, "vllm", True, True),
        (InstanceState.PREPARING, "vllm", False, False),
        (InstanceState.READY, "none", True, False),
        (InstanceState.DEGRADED, "vllm", False, False),
    ],
)
def test_only_a_server_that_stands_is_led_to(state: InstanceState, framework: str, ready: bool, expected: bool) -> None:
    row = store_world.instance("alpha", state=state, framework=framework)
    step = SetupStep(stage=SetupStage.READY, state=StepState.DONE if ready else StepState.RUNNING)
    assert serves(row, NodeReport(instance_id=row.id, host_id="box", steps=(step,))) is expected


@pytest.mark.asyncio
async def test_an_endpoint_is_told_of_once_with_what_a_caller_needs(bench: Bench) -> None:
    row = await added(bench)
    tunnel = await ensure_endpoint(bench.context, row)
    assert await ensure_endpoint(bench.context, row) == tunnel
    for state in (OPEN, OPEN, FAILED, FAILED):
        await set_state(bench.context, tunnel, state, "" if state is OPEN else "it broke")
    async with bench.context.store.read() as transaction:
        events = [event for event in await transaction.events.list() if event.kind.startswith("endpoint.")]
    gone, ready = events
    url = f"http://127.0.0.1:{tunnel.local_port}/v1"
    assert (ready.after["url"], ready.after["kind"], ready.after["models"]) == (url, "vllm", "meta/x")
    assert (gone.before["url"], gone.after["reason"]) == (url, "it broke")
    present, [failed] = await stored(bench, row)
    assert (present.endpoint, failed.problem) == (None, "it broke")


@pytest.mark.asyncio
async def test_a_port_is_asked_for_moved_and_closed(bench: Bench) -> None:
    row = await added(bench)
    answer = await bench.job("instance.forward", name="alpha", port=3000)
    assert (answer["name"], answer["remote_port"], answer["state"]) == ("alpha", 3000, "opening")
    assert answer["url"] == f"http://127.0.0.1:{answer['local_port']}"
    again = await bench.job("instance.forward", name="alpha", port="3000")
    assert again["local_port"] == answer["local_port"]
    moved = await bench.job("instance.forward", name="alpha", port=3000, local_port=FIRST_PORT - 500)
    assert moved["local_port"] == FIRST_PORT - 500
    _, [tunnel] = await stored(bench, row)
    assert (tunnel.local_port, tunnel.is_endpoint) == (FIRST_PORT - 500, False)
    closed = await bench.job("instance.forward", name="alpha", port=3000, off=True)
    assert closed["state"] == "closed"
    assert (await stored(bench, row))[1] == []
    with pytest.raises(NotFound):
        await bench.job("instance.forward", name="alpha", port=3000, off=True)
    assert (await bench.event_kinds()).count("tunnel.asked") == 2


@pytest.mark.asyncio
async def test_a_port_that_is_anothers_is_refused(bench: Bench, taken_port: int) -> None:
    await added(bench)
    await added(bench, "beta")
    first = await bench.job("instance.forward", name="alpha", port=3000)
    with pytest.raises(Conflict, match="leads to port 3000 of alpha"):
        await bench.job("instance.forward", name="beta", port=3000, local_port=first["local_port"])
    with pytest.raises(Conflict, match="another program"):
        await bench.job("instance.forward", name="beta", port=3000, local_port=taken_port)


@pytest.mark.asyncio
async def test_what_cannot_be_is_refused_in_words(bench: Bench) -> None:
    row = await added(bench)
    await added(bench, "away", state=InstanceState.STOPPED, public_address=None)
    await added(bench, "theirs", host_id="another")
    for port in (0, 65_536, "web"):
        with pytest.raises(InvalidInput):
            await bench.job("instance.forward", name="alpha", port=port)
    with pytest.raises(Refused, match="stopped"):
        await bench.job("instance.forward", name="away", port=3000)
    with pytest.raises(Refused, match="another host"):
        await bench.job("instance.forward", name="theirs", port=3000)
    await ensure_endpoint(bench.context, row)
    with pytest.raises(Refused, match="kept open by the agent"):
        await bench.job("instance.forward", name="alpha", port=8000, off=True)


@pytest.mark.asyncio
async def test_the_endpoints_own_port_can_be_chosen(bench: Bench) -> None:
    row = await added(bench)
    await ensure_endpoint(bench.context, row)
    moved = await bench.job("instance.forward", name="alpha", port=8000, local_port=FIRST_PORT - 501)
    assert moved["url"] == f"http://127.0.0.1:{FIRST_PORT - 501}/v1"
    _, [tunnel] = await stored(bench, row)
    assert tunnel == replace(tunnel, is_endpoint=True, local_port=FIRST_PORT - 501)


@pytest.mark.asyncio
async def test_a_tunnel_taken_back_meanwhile_is_not_written_again(bench: Bench) -> None:
    row = await added(bench)
    tunnel = await ensure_endpoint(bench.context, row)
    async with bench.context.store.write() as transaction:
        await transaction.tunnels.remove(row.id, tunnel.host_id, tunnel.remote_port)
    assert await set_state(bench.context, tunnel, OPEN) is None
    assert (await stored(bench, row))[0].endpoint is None


@pytest.mark.asyncio
@pytest.mark.parametrize(("keep_rows", "level"), [(True, "info"), (False, "warning")])
async def test_an_endpoint_that_comes_back_alarms_nobody(bench: Bench, *, keep_rows: bool, level: str) -> None:
    row = await added(bench)
    tunnel = await ensure_endpoint(bench.context, row)
    await set_state(bench.context, tunnel, OPEN, "")
    await take_back(bench.context, [row.id], "the agent of this host ended", keep_rows=keep_rows)
    async with bench.context.store.read() as transaction:
        gone = [event for event in await transaction.events.list() if event.kind == "endpoint.gone"]
    assert [event.level for event in gone] == [level]
