"""What tests of the verbs on machines share: a state home whose one machine is a real sshd on loopback."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.runtime import build
from aicompute_tui.services.context import Context
from aicompute_tui.services.own_key import own_public_key
from aicompute_tui.settings.places import Places, places_from
from tests.contract import store_world
from tests.contract.cli_world import Cli, cli_for
from tests.contract.ssh_world import SshWorld

GPU = "0, GPU-1, 560.35.03, 23028, 512, 37, 41, [N/A], 300.00, NVIDIA A10G"


class NodeCli:
    """`cli` calls the program; `machine` is what it reaches under the name `calm-otter`."""

    def __init__(self, cli: Cli, machine: SshWorld) -> None:
        self.cli = cli
        self.machine = machine
        self.instance_id = ""

    @property
    def places(self) -> Places:
        return places_from({"AIC_TUI_HOME": str(self.cli.home)})

    def in_store(self, work: Callable[[Context], Awaitable[Any]]) -> Any:
        """Runs `work` as this home's own program."""

        async def whole() -> Any:
            runtime = build(environment=self.cli.child_environment())
            try:
                return await work(await runtime.context())
            finally:
                await runtime.aclose()

        return asyncio.run(whole())

    def add_machine(self, name: str = "calm-otter", **fields: Any) -> str:
        """Its id."""
        values: dict[str, Any] = {
            "public_address": "127.0.0.1",
            "state": InstanceState.READY,
            "framework": "ollama",
            "login": getpass.getuser(),
            "remote_id": f"i-{name}",
        }

        async def insert(context: Context) -> str:
            row = store_world.instance(name, host_id=context.actor.host_id, owner=context.actor.owner, **values)
            async with context.store.write() as transaction:
                await transaction.instances.insert(row)
            return row.id

        values |= fields
        found: str = self.in_store(insert)
        return found

    def let_in(self) -> None:
        """The machine knows this home's key, as one that was launched from it does."""
        self.places.ensure()
        with (self.machine.folder / "authorized_keys").open("a") as file:
            file.write(own_public_key(self.places) + "\n")


@pytest.fixture
def node_cli(
    tmp_path: Path, ssh_world: SshWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[NodeCli]:
    with cli_for(tmp_path, {"AIC_TUI_SSH_PORT": str(ssh_world.port)}, monkeypatch, capsys) as cli:
        made = NodeCli(cli, ssh_world)
        made.let_in()
        made.instance_id = made.add_machine()
        yield made
