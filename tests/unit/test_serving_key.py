"""The key of a machine's server: one each, kept sealed, told to its owner alone, and gone with the machine."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import AicError, NotAllowed, NotConfigured, NotFound, Refused
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import NodeReport, SetupStage, SetupStep, StepState
from aicompute_tui.services.node_reports import forget
from aicompute_tui.services.node_secrets import RETRY_SECONDS, SecretsDelivery
from aicompute_tui.services.serving_key import sealed_name, serving_key
from aicompute_tui.ssh.base import Finished
from tests.contract import store_world
from tests.unit import fake_cloud
from tests.unit.fake_cloud import Bench
from tests.unit.fake_nodes import FakeMachine, FakeNodes

pytestmark = pytest.mark.asyncio
BOOTING = SetupStep(stage=SetupStage.BOOT, state=StepState.RUNNING)


class Desk:
    """A machine of ada's, and what it is handed."""

    def __init__(self, made: Bench, nodes: FakeNodes) -> None:
        made.preferences.values["ssh_port"] = "22"
        self.made = replace(made, context=replace(made.context, open_nodes=lambda: nodes))
        self.context = self.made.context
        self.nodes = nodes
        self.deliveries: defaultdict[str, SecretsDelivery] = defaultdict(SecretsDelivery)

    async def add(self, name: str = "alpha", **fields: Any) -> Instance:
        values = {"owner": "ada", "host_id": "host-1", "framework": "vllm", "state": InstanceState.PREPARING}
        row = store_world.instance(name, public_address="192.0.2.7", **{**values, **fields})
        async with self.context.store.write() as transaction:
            await transaction.instances.insert(row)
        return row

    async def see(self, row: Instance) -> FakeMachine:
        report = NodeReport(instance_id=row.id, host_id=row.host_id, steps=(BOOTING,))
        await self.deliveries[row.id].see_to(self.context, row, report)
        return self.nodes.of(row.id)

    async def told(self, row: Instance) -> Any:
        return await self.made.query("instance.key", name=row.name)


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with fake_cloud.bench(tmp_path) as made:
        yield Desk(made, FakeNodes(tmp_path))


async def test_the_key_a_machine_is_handed_is_the_one_its_owner_is_told(desk: Desk) -> None:
    row = await desk.add()
    with pytest.raises(NotFound, match="no key"):
        await desk.told(row)
    machine = await desk.see(row)
    [(_, content)] = machine.commands
    key = await desk.told(row)
    assert content == f"API_KEY={key}\n".encode()
    assert len(key) > 40
    other = await desk.add("beta")
    await desk.see(other)
    assert await desk.told(other) != key


async def test_two_processes_make_one_key(desk: Desk) -> None:
    row = await desk.add()
    found = await asyncio.gather(*(serving_key(desk.context, row) for _ in range(8)))
    assert len(set(found)) == 1


async def test_it_is_stored_sealed_and_shown_nowhere_else(desk: Desk) -> None:
    row = await desk.add()
    await desk.see(row)
    key = await desk.told(row)
    async with desk.context.store.read() as transaction:
        sealed = await transaction.secrets.get(sealed_name(row.id))
        events = await transaction.events.list()
    assert sealed is not None
    assert key.encode() not in sealed
    assert key not in f"{events} {await desk.made.query('instance.show', name='alpha')} {await desk.made.views()}"


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"owner": "eve"}, NotAllowed, "eve's"),
        ({"framework": "ollama"}, Refused, "takes no key"),
        ({"framework": "none"}, Refused, "no server of ours"),
        ({"state": InstanceState.TERMINATED}, Refused, "has ended"),
    ],
)
async def test_who_has_none_or_may_not_know_it_is_told_why(
    desk: Desk, fields: dict[str, Any], error: type[AicError], said: str
) -> None:
    row = await desk.add(**fields)
    with pytest.raises(error, match=said):
        await desk.made.query("instance.key", name=row.id)
    machine = await desk.see(row) if fields.get("state") is None else desk.nodes.of(row.id)
    assert machine.commands == []


async def test_a_vault_that_cannot_be_opened_costs_the_key_and_no_set_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(_: str) -> bytes:
        raise NotConfigured("The vault needs its passphrase.", "Set it.")

    monkeypatch.setattr(desk.made.directory, "seal", locked)
    monkeypatch.setattr(desk.made.directory, "session_hub_token", lambda: "hf_token")
    row = await desk.add()
    machine = await desk.see(row)
    assert [content for _, content in machine.commands] == [b"HF_TOKEN=hf_token\n"]
    assert await desk.made.event_kinds() == ["instance.secrets-delivered", "instance.key-failed"]


async def test_a_key_that_could_not_be_handed_over_is_tried_again(desk: Desk) -> None:
    row = await desk.add()
    desk.nodes.of(row.id).answer = Finished(1, b"", b"No space left on device\n")
    with pytest.raises(AicError):
        await desk.see(row)
    desk.nodes.of(row.id).answer = Finished(0, b"", b"")
    await desk.see(row)
    assert len(desk.nodes.of(row.id).commands) == 1, "not at every answer"
    desk.made.clock.advance(seconds=RETRY_SECONDS)
    await desk.see(row)
    first, second = [content for _, content in desk.nodes.of(row.id).commands]
    assert first == second


async def test_a_machine_that_served_without_goes_on_without_and_one_with_a_key_keeps_it(desk: Desk) -> None:
    """Started again it sets itself up anew."""
    old = await desk.add(ready_at=store_world.START)
    assert (await desk.see(old)).commands == []
    row = await desk.add("beta")
    key = await serving_key(desk.context, row)
    assert await serving_key(desk.context, replace(row, ready_at=store_world.START)) == key


async def test_it_goes_with_its_machine(desk: Desk) -> None:
    row = await desk.add()
    await desk.see(row)
    await forget(desk.context, [row.id])
    async with desk.context.store.read() as transaction:
        assert await transaction.secrets.names() == []
