"""Handing a machine its token: whole or not at all, to the machines that need it, and never in words anyone reads."""

from __future__ import annotations

import logging
import secrets
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import BadAnswer, InvalidInput, NotAllowed
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import NodeReport, SetupStage, SetupStep, StepState
from aicompute_tui.services import node_secrets
from aicompute_tui.services.node_secrets import SecretsDelivery, delivery_command, secrets_content
from aicompute_tui.ssh.base import Finished
from tests.contract import store_world
from tests.unit import fake_cloud
from tests.unit.fake_cloud import Bench
from tests.unit.fake_nodes import FakeNodes

TOKEN = "hf_" + "a" * 34
KEY = "sk-of-this-machine"
ONLY_KEY = f"API_KEY={KEY}\n".encode()
CONTENT = f"API_KEY={KEY}\nHF_TOKEN={TOKEN}\n".encode()
WAITING = SetupStep(
    stage=SetupStage.MODEL, name="meta/x", state=StepState.RUNNING, detail="waits for a Hugging Face token"
)
BOOTING = SetupStep(stage=SetupStage.BOOT, state=StepState.RUNNING)
READY = SetupStep(stage=SetupStage.READY, state=StepState.DONE)


class Desk:
    """One machine and what it is handed."""

    def __init__(self, bench: Bench, nodes: FakeNodes) -> None:
        self.bench = replace(bench, context=replace(bench.context, open_nodes=lambda: nodes))
        self.nodes = nodes
        self.row = store_world.instance(
            "alpha",
            owner="ada",
            host_id="host-1",
            framework="vllm",
            state=InstanceState.PREPARING,
            public_address="192.0.2.7",
        )
        self.delivery = SecretsDelivery()
        self.token: str | None = TOKEN

    async def see(self, *steps: SetupStep, row: Instance | None = None, after: float = 0) -> None:
        self.bench.clock.advance(seconds=after)
        row = row or self.row
        report = NodeReport(instance_id=row.id, host_id=row.host_id, steps=steps)
        await self.delivery.see_to(self.bench.context, row, report)

    @property
    def handed(self) -> list[bytes]:
        return [content for _, content in self.nodes.of(self.row.id).commands]


@pytest_asyncio.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async with fake_cloud.bench(tmp_path) as bench:
        bench.preferences.values["ssh_port"] = "22"
        made = Desk(bench, FakeNodes(tmp_path))
        monkeypatch.setattr(bench.directory, "session_hub_token", lambda: made.token)
        monkeypatch.setattr(secrets, "token_urlsafe", lambda _: KEY.removeprefix("sk-"))
        yield made


@pytest.mark.asyncio
async def test_a_machine_gets_its_token_at_its_first_word_and_only_once(desk: Desk) -> None:
    await desk.see(BOOTING)
    for _ in range(3):
        await desk.see(WAITING, after=16)
    assert desk.handed == [CONTENT]
    assert await desk.bench.event_kinds() == ["instance.secrets-delivered"]


@pytest.mark.asyncio
async def test_a_token_that_comes_later_reaches_the_machine_that_waits(desk: Desk) -> None:
    desk.token = None
    await desk.see(BOOTING)
    desk.token = TOKEN
    await desk.see(WAITING, after=5)
    assert desk.handed == [ONLY_KEY], "not looked for at every answer"
    await desk.see(WAITING, after=15)
    assert desk.handed == [ONLY_KEY, CONTENT]
    desk.token = TOKEN + "b"
    refused = replace(WAITING, state=StepState.FAILED, detail="The token may not read meta/x.")
    await desk.see(refused, after=16)
    assert len(desk.handed) == 3, "another one replaces the one that was refused"


@pytest.mark.asyncio
async def test_a_machine_that_lost_its_token_gets_it_again(desk: Desk) -> None:
    await desk.see(BOOTING)
    await desk.see(WAITING, after=node_secrets.RETRY_SECONDS)
    assert len(desk.handed) == 2


@pytest.mark.asyncio
async def test_who_does_not_need_it_does_not_get_it(desk: Desk) -> None:
    await desk.see(READY)
    for row in (
        replace(desk.row, framework="ollama"),
        replace(desk.row, framework="none"),
        replace(desk.row, owner="eve"),
    ):
        await desk.see(WAITING, row=row)
    assert desk.handed == []


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("said", "error"), [(b"sudo: a password is required\n", NotAllowed), (b"No space left on device\n", BadAnswer)]
)
async def test_a_machine_that_takes_nothing_is_told_of_once_and_tried_again(
    desk: Desk, said: bytes, error: type[Exception]
) -> None:
    desk.nodes.of(desk.row.id).answer = Finished(1, b"", said)
    for after in (0, node_secrets.RETRY_SECONDS):
        with pytest.raises(error):
            await desk.see(WAITING, after=after)
    await desk.see(WAITING, after=20)
    assert len(desk.handed) == 2, "not at every answer"
    assert await desk.bench.event_kinds() == ["instance.secrets-failed"]
    desk.nodes.of(desk.row.id).answer = Finished(0, b"", b"")
    await desk.see(WAITING, after=node_secrets.RETRY_SECONDS)
    assert len(desk.handed) == 3


@pytest.mark.asyncio
async def test_the_token_stands_in_no_command_event_or_log(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await desk.see(WAITING)
    commands = [command for command, _ in desk.nodes.of(desk.row.id).commands]
    async with desk.bench.context.store.read() as transaction:
        events = await transaction.events.list()
    for secret in (TOKEN, KEY):
        assert secret not in f"{commands} {events} {caplog.text} {vars(desk.delivery)}"


@pytest.mark.parametrize("value", ["", "two words", "line\nPATH=/tmp", "caf\u00e9", "x" * 5_000])
def test_what_is_no_single_word_is_never_written(value: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        secrets_content({"HF_TOKEN": value})
    assert not value or value not in raised.value.message


def test_a_file_is_replaced_whole_or_left_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "secrets.env"
    command = delivery_command(len(CONTENT)).replace("/etc/aic-tui", str(tmp_path)).replace("sudo -n ", "")

    def write(content: bytes) -> int:
        return subprocess.run(["/bin/sh", "-c", command], input=content, check=False, capture_output=True).returncode

    assert write(CONTENT) == 0
    assert file.read_bytes() == CONTENT
    assert file.stat().st_mode & 0o777 == 0o600
    assert write(CONTENT[:10]) != 0, "the connection broke"
    assert file.read_bytes() == CONTENT
    assert [each.name for each in tmp_path.iterdir()] == ["secrets.env"]
