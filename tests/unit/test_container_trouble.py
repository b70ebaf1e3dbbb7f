"""Which containers and hosts need someone, how bad it is, what mends it, and when that is looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import pytest

from aicompute_tui.services import attention
from aicompute_tui.services.attention import Attention, needs
from aicompute_tui.services.container_trouble import changes_at, trouble
from aicompute_tui.services.figures import figures
from aicompute_tui.services.overview import overview_view
from aicompute_tui.store.rows import ContainerRow, HostRow
from aicompute_tui.ui.state import ConsoleState
from tests.ui.console_world import HOUR, MINUTE, NOW, container_row, host_row, job, reading

KILLED: dict[str, Any] = {"state": "exited", "health": "none", "is_out_of_memory": 1, "exit_code": 137}
CREATED: dict[str, Any] = {"state": "created", "health": "none", "started_at": None}


def state_of(containers: Sequence[ContainerRow] = (), hosts: Sequence[HostRow] = (), **more: Any) -> ConsoleState:
    state = ConsoleState()
    state.apply(reading(hosts=hosts or [host_row("lab-1")], containers=containers, **more))
    return state


@pytest.mark.parametrize(
    ("changes", "kind", "level", "mended_by"),
    [
        ({"health": "unhealthy"}, "unhealthy", "warn", "container.restart"),
        ({"state": "restarting", "restart_count": 7}, "restart-loop", "bad", "container.logs"),
        ({"restart_count": 3, "started_at": NOW - MINUTE}, "restart-loop", "bad", "container.logs"),
        ({**KILLED, "finished_at": NOW - HOUR}, "out-of-memory", "bad", "container.start"),
        ({**CREATED, "created_at": NOW - 2 * MINUTE}, "never-started", "warn", "container.start"),
    ],
)
def test_a_container_in_trouble_needs_someone(changes: dict[str, Any], kind: str, level: str, mended_by: str) -> None:
    row = container_row("ollama", **changes)
    (found,) = needs(state_of([row]), NOW)
    assert (found.kind, found.level, found.action_id) == (kind, level, mended_by)
    assert (found.subject, found.row_id) == ("lab-1/ollama", row.key)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"health": "starting"},
        {"restart_count": 3, "started_at": NOW - HOUR},
        {"restart_count": 2, "started_at": NOW - MINUTE},
        {"state": "exited", "exit_code": 1},
        {"state": "exited", "health": "unhealthy"},
        {"is_out_of_memory": 1},
        {**KILLED, "finished_at": NOW - 25 * HOUR},
        {**CREATED, "created_at": NOW - 30},
    ],
)
def test_one_that_is_well_or_was_left_so_needs_nobody(changes: dict[str, Any]) -> None:
    assert needs(state_of([container_row("ollama", **changes)]), NOW) == []


def test_why_it_never_started_and_how_often_it_restarts_are_said() -> None:
    error = "could not select device driver"
    created = trouble(container_row("a", **CREATED, error=error), NOW)
    looping = trouble(container_row("b", state="restarting", restart_count=7, exit_code=1), NOW)
    assert created is not None
    assert created.text == error
    assert looping is not None
    assert looping.text == "restarts over and over: 7 times, exit code 1"


def test_of_a_host_that_is_down_only_the_host_is_said() -> None:
    down = host_row("lab-1", state="down", since=NOW - HOUR, problem="lab-1 does not answer: refused.")
    (found,) = needs(state_of([container_row("ollama", health="unhealthy")], [down]), NOW)
    assert (found.kind, found.level, found.subject, found.action_id) == ("host-down", "bad", "lab-1", "host.test")
    assert found.text == "does not answer: refused."
    assert found.since == NOW - HOUR


def test_only_what_changed_or_whose_time_has_come_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(row: ContainerRow, now: float) -> Any:
        looked.append(row.name)
        return trouble(row, now)

    monkeypatch.setattr(attention, "trouble", look)
    rows = [container_row("calm"), container_row("new", **CREATED, created_at=NOW - 30)]
    state, held = state_of(rows), Attention()
    assert held.needs(state, NOW) == []
    assert held.needs(state, NOW + 1) == []
    assert looked == ["calm", "new"]
    assert [need.subject for need in held.needs(state, NOW + MINUTE)] == ["lab-1/new"]
    assert looked == ["calm", "new", "new"]
    state.apply(reading(hosts=[host_row("lab-1")], containers=[rows[0]._replace(health="unhealthy")]))
    assert [need.kind for need in held.needs(state, NOW + MINUTE)] == ["unhealthy"]
    assert looked == ["calm", "new", "new", "calm"]


def test_time_alone_changes_only_what_waits_for_it() -> None:
    assert changes_at(container_row("a", started_at=None), NOW) == inf
    assert changes_at(container_row("a", started_at=NOW - HOUR), NOW) == inf
    assert changes_at(container_row("a", started_at=NOW - MINUTE), NOW) == NOW + 9 * MINUTE
    assert changes_at(container_row("a", **CREATED, created_at=NOW), NOW) == NOW + MINUTE
    assert changes_at(container_row("a", **KILLED, finished_at=NOW), NOW) == NOW + 24 * HOUR


def test_a_failed_job_is_about_its_container_by_name() -> None:
    row = container_row("ollama")
    failed = job("container.start", "failed", subject=row.key, ended_at=NOW, error_message="No such device.")
    (found,) = needs(state_of([row], jobs=[failed]), NOW)
    assert (found.subject, found.text) == ("lab-1/ollama", "start failed: No such device.")


def test_figures_count_what_runs_where_an_engine_answers() -> None:
    down = host_row("lab-2", state="down")
    rows = [container_row("a"), container_row("b", state="exited"), container_row("c", "lab-2")]
    found = figures(reading(hosts=[host_row("lab-1"), down], containers=rows), NOW)
    assert (found.containers_running, found.hosts_up, found.hosts) == (1, 1, 2)


def test_programs_are_told_the_same_with_the_command_that_mends_it() -> None:
    told = overview_view(reading(hosts=[host_row("lab-1")], containers=[container_row("a", health="unhealthy")]), NOW)
    assert (told["containers_running"], told["hosts_up"], told["hosts_total"]) == (1, 1, 1)
    listed = told["needs"]
    assert isinstance(listed, list)
    assert isinstance(listed[0], dict)
    assert listed[0]["next_step"] == "aic-tui container restart lab-1/a"
    assert listed[0]["about"] == "container"


@pytest.mark.parametrize("mark", ["old", "new"])
def test_what_a_replacement_left_needs_someone_unless_one_goes_on(mark: str) -> None:
    identity = "0123456789ab" + "0" * 52
    row = container_row(f"web.aic-{mark}-0123456789ab", id=identity, state="exited", health="none")
    (found,) = needs(state_of([row]), NOW)
    assert (found.kind, found.action_id, found.row_id) == ("half-replaced", "container.recreate", row.key)
    assert "a replacement of web" in found.text
    running = job("container.recreate", state="running")
    assert [each.kind for each in needs(state_of([row], jobs=[running]), NOW)] == []
    other = container_row("web.aic-old-ffffffffffff", id=identity, state="exited", health="none")
    assert needs(state_of([other]), NOW) == []
