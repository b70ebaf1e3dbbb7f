"""The deploy wizard opened for a test: hosts that answer and one that is down, and plans that the test writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from textual.pilot import Pilot

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import ContainerRow, HostRow, JobRow
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.screens.deploy import DeployScreen
from aicompute_tui.ui.widgets.wizard_summary import WizardSummary
from tests.ui.console_world import host_row, reading
from tests.ui.dialog_world import WrittenSession, check, shown, until

STEPS = {"host": "1 of 4", "server": "2 of 4", "options": "3 of 4", "review": "4 of 4"}
JOB = "0193-job"
LAB = host_row("lab-1")
DOWN = host_row("lab-2", state="down", problem="lab-2 refuses the connection.", next_step="Start its engine.")


def plan(arguments: Mapping[str, Json]) -> JsonObject:
    """What the services answer for a deployment that nothing stands against."""
    name, image = arguments.get("name") or "vllm", arguments.get("image") or "vllm/vllm-openai:v0.20"
    exact: JsonObject = {
        "framework": "vllm", "gpus": "all", "port": "8000", "container_port": "8000", "bind": "127.0.0.1",
        "restart": "unless-stopped", "ipc_host": True, **arguments, "name": name, "image": image,
    }  # fmt: skip
    return {
        "ok": True, "host": arguments["host"], "name": name, "image": image,
        "endpoint": f"http://127.0.0.1:{exact['port']}/v1",
        "command": f"docker run -d --name {name} --gpus all -p 127.0.0.1:8000:8000 {image} --model org/model",
        "checks": [check("host", "ok", f"{arguments['host']} answers"), check("port", "ok", "port 8000"),
                   check("gpus", "ok", "asks for all of 2"),
                   check("disk", "warning", "12.0 GiB free there", "Free some space first.")],
        "arguments": exact,
    }  # fmt: skip


def written(answers: Mapping[str, Any] | None = None, hosts: Sequence[HostRow] = (LAB, DOWN)) -> WrittenSession:
    """A session with these hosts, whose plans all go well."""
    session = WrittenSession({"container.plan": plan, "host.list": [], **(answers or {})})
    session.agent_state = "on"
    session.state.apply(reading()._replace(hosts=list(hosts)))
    return session


def hand_in(
    session: WrittenSession,
    hosts: Sequence[HostRow] = (LAB, DOWN),
    containers: Sequence[ContainerRow] = (),
    jobs: Sequence[JobRow] = (),
) -> None:
    """A new reading arrives, as from the follower."""
    read = reading(jobs=jobs)._replace(hosts=list(hosts), containers=list(containers))
    session.on_change(session.state.apply(read))


async def opened(pilot: Pilot[int], app: ConsoleApp, arguments: Mapping[str, Json] | None = None) -> DeployScreen:
    app.open_view("container.deploy", arguments or {})
    await until(pilot, lambda: isinstance(app.screen, DeployScreen) and app.screen.is_mounted)
    wizard = app.screen
    assert isinstance(wizard, DeployScreen)
    await until(pilot, lambda: any(each in shown(app) for each in STEPS.values()))
    return wizard


async def at(pilot: Pilot[int], app: ConsoleApp, step: str) -> None:
    await until(pilot, lambda: STEPS[step] in shown(app))


async def checked(pilot: Pilot[int], wizard: DeployScreen) -> None:
    await until(pilot, lambda: bool(wizard.query(WizardSummary)) and wizard.query_one(WizardSummary).is_current)
    await pilot.pause()


async def reviewed(pilot: Pilot[int], app: ConsoleApp, **arguments: Json) -> DeployScreen:
    """At the review of a vLLM on lab-1, the checks ended."""
    given: JsonObject = {"host": "lab-1", "framework": "vllm", "model": ["org/model"], **arguments}
    wizard = await opened(pilot, app, given)
    await at(pilot, app, "review")
    await checked(pilot, wizard)
    return wizard


def plans(session: WrittenSession) -> list[Mapping[str, Json]]:
    return [arguments for action_id, arguments in session.asked if action_id == "container.plan"]
