"""The overview as programs read it: the same figures and needs as the console's dashboard."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.services.attention import needs
from aicompute_tui.services.overview import need_view, overview_view
from aicompute_tui.ui.state import ConsoleState
from tests.contract.cli_world import Cli, cli, launched
from tests.ui.console_world import HOUR, MINUTE, NOW, job, machine, node, reading, sighting, tunnel
from tests.world import World

__all__ = ["cli"]

FLEET = reading(
    [
        machine("lab", price_usd_per_hour=1.21, gpu_count=4, expires_at=NOW + 6 * MINUTE),
        machine("lost", state="lost"),
        machine("forever", expires_at=None, price_usd_per_hour=None),
        machine("idle"),
    ],
    [sighting("batch-7", "orphan"), sighting("bens")],
    [job("instance.launch", "failed", error_message="No capacity.", ended_at=NOW - MINUTE)],
    nodes=[node("idle", idle_since=NOW - 24 * MINUTE, idle_ends_at=NOW + 6 * MINUTE)],
    tunnels=[tunnel("lab", state="failed", problem="The port is taken.")],
)


def test_a_machine_that_runs_stands_in_the_figures(cli: Cli, world: World) -> None:
    launched(cli, "--type", "g5.xlarge", "--ttl", "10m", "--name", "lab")
    answer = cli("overview", "-o", "json")
    assert answer.code == 0
    found = answer.data
    assert found["machines_total"] == 1
    assert found["burn_usd_per_hour"] > 0
    assert len(found["spend_by_day"]) == 14
    assert found["spend_by_day"][-1]["day"] == datetime.now(UTC).date().isoformat()
    assert [(need["kind"], need["subject"]) for need in found["needs"]] == [("ends-soon", "lab")]
    assert found["needs"][0]["next_step"] == "aic-tui instance extend lab"
    table = cli("overview").out
    assert "aic-tui instance extend lab" in table
    assert "SPEND_BY_DAY" in table


def test_an_empty_home_answers_with_zeros(cli: Cli) -> None:
    answer = cli("overview", "-o", "json")
    assert answer.code == 0
    assert answer.data["machines_total"] == 0
    assert answer.data["needs"] == []


def test_programs_are_told_the_needs_of_the_console() -> None:
    state = ConsoleState()
    state.apply(FLEET)
    console = [(need.kind, need.subject, need.text) for need in needs(state, NOW)]
    programs = overview_view(FLEET, NOW)["needs"]
    assert isinstance(programs, list)
    assert [(need["kind"], need["subject"], need["text"]) for need in programs] == console  # type: ignore[index,call-overload]
    assert {kind for kind, _, _ in console} == {
        "ends-soon", "lost", "never-ends", "idle", "orphan", "job-failed", "port-failed"
    }  # fmt: skip


def test_every_next_step_is_a_command_of_ours() -> None:
    state = ConsoleState()
    state.apply(FLEET)
    commands = {" ".join(action.command) for action in ACTIONS.values()}
    for need in needs(state, NOW):
        said = str(need_view(need)["next_step"]).removeprefix("aic-tui ")
        assert any(said.startswith(f"{command} ") for command in commands), said
        assert need.action_id in {"", *ACTIONS}


@pytest.mark.parametrize(("hours", "gpus", "gpu_hours"), [(1.0, 4, 4.0), (0.5, 1, 0.5)])
def test_gpu_hours_count_each_gpu(hours: float, gpus: int, gpu_hours: float) -> None:
    began = NOW - hours * HOUR
    row = machine("lab", gpu_count=gpus, billing_since=began, launched_at=began, requested_at=began)
    assert overview_view(reading([row]), NOW)["gpu_hours_month"] == pytest.approx(gpu_hours)
