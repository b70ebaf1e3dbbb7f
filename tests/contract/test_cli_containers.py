"""Hosts and containers from the command line: what is printed where, and the exit codes scripts rely on."""

from __future__ import annotations

import pytest

from tests.contract.cli_world import Cli, until
from tests.contract.engines import RealEngine, engine, engines, lines_of, two_engines
from tests.contract.ssh_world import free_port

__all__ = ["engine", "engines", "two_engines"]


@pytest.fixture
def cli(cli: Cli, engine: RealEngine) -> Cli:
    """With the host `box`."""
    assert cli.json("host", "add", "box", engine.unix)["state"] == "up"
    return cli


def test_lines_go_to_stdout_and_what_is_said_of_them_to_stderr(cli: Cli, engine: RealEngine) -> None:
    engine.run("web", "echo '\033[31mred\033[0m'; echo err >&2; exit 3")
    until(lambda: engine.inspect("web")["State"]["Status"] == "exited")
    answer = cli("container", "logs", "web")
    assert (answer.code, sorted(answer.out.splitlines()), answer.err) == (0, ["err", "red"], "")
    rows = [row for row in cli("container", "logs", "web", "-o", "csv").out.splitlines() if "box/web" in row]
    assert [row.split(",")[1] for row in rows if ",red," in row] == ["stdout"]
    timed = cli("container", "logs", "web", "-t", "-n", "1")
    assert timed.out[:2] == "20"
    engine.run("other", "echo here")
    until(lambda: "here" in engine.docker("logs", "other"))
    assert "box/other | here" in cli("container", "logs", "web", "other").out.splitlines()
    missing = cli("container", "logs", "nope")
    assert (missing.code, missing.out) == (3, "")


def test_a_commands_own_exit_code_is_passed_on(cli: Cli, engine: RealEngine) -> None:
    engine.run("web", lines_of([]))
    answer = cli("container", "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 9")
    assert (answer.code, answer.out, answer.err) == (9, "out\n", "err\n")
    assert cli("container", "exec", "web", "-o", "json", "--", "true").data["exit_code"] == 0


def test_what_ends_something_wants_a_yes(cli: Cli, engine: RealEngine) -> None:
    engine.run("web", lines_of([]))
    refused = cli("container", "stop", "web")
    assert (refused.code, "--yes" in refused.err) == (4, True)
    assert engine.inspect("web")["State"]["Running"]
    stopped = cli.json("container", "stop", "web", "--grace", "1", "--yes")
    assert [(row["name"], row["state"]) for row in stopped] == [("web", "exited")]
    assert cli("container", "deploy", "--host", "box", "--image", "bb:1", "--name", "two").code == 4
    assert cli("host", "remove", "box", "--yes").code == 0
    assert cli("container", "list", "-o", "json").data == []


def test_a_deployment_that_answers_ends_well_and_a_refused_plan_does_not(cli: Cli) -> None:
    made = cli(
        *("container", "deploy", "--host", "box", "--image", "bb:1", "--name", "two", "--yes", "-o", "json"),
        *("--", "sh", "-c", lines_of([])),
    ).data
    assert (made["state"], made["answers"], made["endpoint"]) == ("running", True, None)
    plan = cli("container", "plan", "--host", "box", "--image", "bb:1", "--name", "two", "-o", "json")
    assert (plan.code, plan.data["ok"]) == (1, False)
    assert cli("container", "plan", "--host", "box", "--framework", "vllm").code == 2


def test_a_host_that_does_not_answer_fails_its_test_and_stays_in_the_list(cli: Cli) -> None:
    assert cli.json("host", "add", "gone", f"tcp://127.0.0.1:{free_port()}")["state"] == "down"
    tested = cli("host", "test", "gone", "-o", "json")
    assert (tested.code, tested.data["ok"]) == (1, False)
    assert {row["name"]: row["state"] for row in cli.json("host", "list") if row["id"]} == {"box": "up", "gone": "down"}
