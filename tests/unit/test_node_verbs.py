"""The verbs on machines without one: what a launch says of a model server, figures over a break, the ssh command."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.cli.metrics import gpu_rows, table_line
from aicompute_tui.domain.errors import Refused, Unreachable
from aicompute_tui.domain.instance import InstanceState
from aicompute_tui.domain.launch import LaunchSpec, Verdict
from aicompute_tui.domain.node import NodeActivity, NodeReport, SetupStage, SetupStep, StepState
from aicompute_tui.services.framework_check import framework_check
from aicompute_tui.services.node_log_stream import chosen_source
from aicompute_tui.services.node_metrics import metrics
from aicompute_tui.services.preflight import what_ends_it
from aicompute_tui.services.shell import shell_environment, ssh_argv
from aicompute_tui.services.views import instance_view
from aicompute_tui.ssh.base import NodeAddress
from tests.contract import store_world
from tests.contract.store_world import START
from tests.unit.fake_cloud import Bench, bench
from tests.unit.fake_nodes import FakeNodes

SPEC = LaunchSpec(credential_id="aws:env")
ADDRESS = NodeAddress(instance_id="0193", host="203.0.113.7", port=2222, login="ubuntu", name="calm-otter")


@pytest.mark.parametrize(
    ("framework", "models", "verdict", "word"),
    [
        ("vllm", ("org/a",), Verdict.OK, "vLLM"),
        ("ollama", (), Verdict.OK, "no model yet"),
        ("tei", ("org/a",), Verdict.WARNING, "Only the machine"),
        ("none", ("org/a",), Verdict.WARNING, "Nothing serves"),
        ("vllm", (), Verdict.REFUSED, "without a model"),
        ("vllm", ("org/a", "org/b"), Verdict.REFUSED, "2 were given"),
    ],
)
def test_a_launch_says_what_will_serve_which_model(
    framework: str, models: tuple[str, ...], verdict: Verdict, word: str
) -> None:
    check = framework_check(replace(SPEC, framework=framework, models=models))
    assert check is not None
    assert check.verdict is verdict
    assert word in check.reason
    assert verdict is Verdict.OK or check.next_step


def test_without_a_server_and_a_model_there_is_nothing_to_say() -> None:
    assert framework_check(SPEC) is None


def test_what_ends_a_machine_names_idleness_or_its_absence() -> None:
    assert "30m without GPU work" in what_ends_it(SPEC, START)[1]
    assert "does not end it" in what_ends_it(replace(SPEC, idle_seconds=None), START)[1]
    endless = what_ends_it(replace(SPEC, ttl_seconds=None), START)
    assert "costs until you terminate it" in endless[0]
    assert "without GPU work" in endless[1]


def step(stage: SetupStage, state: StepState) -> SetupStep:
    return SetupStep(stage=stage, state=state)


DONE = step(SetupStage.READY, StepState.DONE)


@pytest.mark.parametrize(
    ("steps", "state", "framework", "source"),
    [
        ((DONE,), "ready", "vllm", "framework"),
        ((step(SetupStage.IMAGE, StepState.RUNNING),), "preparing", "vllm", "setup"),
        ((step(SetupStage.MODEL, StepState.FAILED), DONE), "degraded", "vllm", "setup"),
        ((), "ready", "vllm", "framework"),
        ((), "booting", "vllm", "setup"),
        ((), "ready", "none", "cloud-init"),
        ((), "ready", "tei", "cloud-init"),
    ],
)
def test_auto_chooses_by_what_the_machine_has_told(
    steps: tuple[SetupStep, ...], state: str, framework: str, source: str
) -> None:
    row = store_world.instance("a", state=InstanceState(state), framework=framework)
    assert chosen_source("auto", row, NodeReport(instance_id=row.id, host_id="box", steps=steps)) == source
    assert chosen_source("node", row, None) == "node"


def test_an_extension_moves_the_end_of_idleness_at_once() -> None:
    ends = START + timedelta(minutes=6)
    activity = NodeActivity(checked_at=START, idle_since=START, idle_ends_at=ends)
    row = store_world.instance("a", state=InstanceState.READY)
    report = NodeReport(instance_id=row.id, host_id="box", activity=activity)

    def shown(**changes: Any) -> object:
        return instance_view(replace(row, **changes), START, "box", report)["idle_ends_at"]

    assert shown() == "2026-11-20T09:01:00Z"
    assert shown(awake_until=START + timedelta(hours=1)) == "2026-11-20T09:55:00Z"
    assert shown(state=InstanceState.STOPPED) is None


def test_the_command_trusts_the_pinned_key_alone_and_keeps_words_whole(tmp_path: Path) -> None:
    known = tmp_path / "with space 100%" / "known_hosts"
    argv = ssh_argv(ADDRESS, tmp_path / "id", known, [])
    assert {"StrictHostKeyChecking=yes", "HostKeyAlias=aic-tui-0193"} <= set(argv)
    assert f'UserKnownHostsFile="{str(known).replace("%", "%%")}"' in argv
    assert argv[-4:] == ["-l", "ubuntu", "--", "203.0.113.7"]
    assert ssh_argv(ADDRESS, tmp_path / "id", known, ["echo", "a b"])[-1] == "echo 'a b'"


def test_a_shell_gets_language_and_terminal_and_no_secret() -> None:
    kept = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "PATH": "/bin"}
    assert shell_environment({**kept, "HF_TOKEN": "x", "SSH_AUTH_SOCK": "y", "AIC_TUI_VAULT_KEY": "z"}) == kept


def test_unknown_figures_are_a_dash_and_an_empty_cell() -> None:
    item: dict[str, Any] = {"at": "2026-11-20T08:55:00Z", "gpus": [], "gpu_problem": "No driver."}
    assert table_line(item, {"index": 0}).split() == ["2026-11-20T08:55:00Z", "0", "–", "–", "–", "–", "–"]
    [row] = gpu_rows(item)
    assert (row["index"], row["gpu_problem"]) == (None, "No driver.")


# -- live figures


async def machine(made: Bench, **fields: Any) -> str:
    made.preferences.values["ssh_port"] = "22"
    values: dict[str, Any] = {"state": InstanceState.READY, "public_address": "203.0.113.7", "host_id": "host-1"}
    row = store_world.instance("calm-otter", **(values | fields))
    async with made.context.store.write() as transaction:
        await transaction.instances.insert(row)
    return row.id


def used(item: Any) -> object:
    """Of the first GPU."""
    return item["gpus"][0]["utilisation_percent"]


@pytest.mark.asyncio
async def test_a_break_is_one_mark_and_figures_go_on(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        row_id = await machine(made)
        nodes = FakeNodes(tmp_path)
        context = replace(made.context, open_nodes=lambda: nodes)
        fake = nodes.of(row_id)
        now: datetime = made.clock.now()
        fake.say(now, busy=10)
        async with aclosing(metrics(context, {"name": "calm-otter", "count": "2"})) as items:
            assert used(await anext(items)) == 10.0
            fake.output.put_nowait(Unreachable("The ssh connection broke.", ""))
            assert (await anext(items))["mark"] == "gap"
            fake.output.put_nowait(Unreachable("The ssh connection broke.", ""))
            fake.say(now, busy=20)
            assert used(await anext(items)) == 20.0
            assert [item async for item in items] == []


@pytest.mark.asyncio
async def test_a_machine_of_another_host_is_refused_in_words(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await machine(made, host_id="host-2")
        with pytest.raises(Refused, match="another host"):
            await made.query("instance.ssh", name="calm-otter")
