"""Machines from the command line against the embedded cloud: launched, listed, waited for, ended."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.contract.cli_world import Cli, as_words, cli, launched, until
from tests.world import World

__all__ = ["cli"]

FROZEN = {
    "id",
    "name",
    "cloud",
    "remote_id",
    "region",
    "zone",
    "instance_type",
    "market",
    "state",
    "price_usd_per_hour",
    "cost_usd",
    "endpoint",
    "node_endpoint",
    "expires_at",
}


def test_a_launch_answers_when_accepted_and_the_list_has_the_same(cli: Cli, world: World) -> None:
    answer = cli("instance", "launch", "--yes", "--no-agent", "--name", "gpu-1", "--ttl", "2h", "-o", "json")
    assert answer.code == 0, answer.err
    row = answer.data
    assert set(row) >= FROZEN
    assert row["remote_id"] in as_words(world.machines(), "instance_id")
    assert row["price_usd_per_hour"] > 0
    listed = cli.json("instance", "list")
    assert as_words(listed, "id") == [row["id"]]
    assert "reconcile" in answer.err or "follows" in answer.err
    assert "idle" in answer.err


def test_several_machines_are_a_list(cli: Cli, world: World) -> None:
    rows = launched(cli, "--count", "2", "--name", "pair")
    assert as_words(rows, "name") == ["pair-1", "pair-2"]
    assert len(world.machines()) == 2


def test_a_dry_run_launches_nothing(cli: Cli, world: World) -> None:
    plan = cli.json("instance", "launch", "--dry-run")
    assert plan["can_launch"] is True
    assert plan["cost_ttl_usd"] > 0
    assert world.log("RunInstances") == []
    assert cli.json("instance", "list") == []


def test_a_dry_run_that_says_no_prints_its_checks_and_exits_1(cli: Cli) -> None:
    plan = cli.json("instance", "launch", "--dry-run", "--region", "xx-nowhere-1", code=1)
    assert "refused" in as_words(plan["checks"], "verdict")


def test_the_cap_refuses_with_its_own_code(cli: Cli, world: World) -> None:
    cli.json("setting", "set", "monthly_cap_usd", "1")
    answer = cli("instance", "launch", "--yes", "--no-agent", "--ttl", "8h", "-o", "json")
    assert answer.code == 4
    assert answer.error["error"] == "BudgetExceeded"
    assert world.machines() == []


def test_without_an_end_the_word_is_wanted(cli: Cli, world: World) -> None:
    answer = cli("instance", "launch", "--yes", "--no-agent", "--ttl", "none", "-o", "json")
    assert answer.code == 2
    assert "--ttl-none-confirm" in answer.error["next_step"]
    assert world.machines() == []


def test_wait_answers_when_ready_and_when_gone(cli: Cli, world: World) -> None:
    row = launched(cli, "--name", "gpu-1", "--wait")
    assert row["state"] == "ready"
    [gone] = cli.json("instance", "terminate", "gpu-1", "--yes", "--wait")
    assert gone["state"] == "terminated"
    assert as_words(world.machines(), "state") == ["terminated"]
    assert cli.json("instance", "list") == []
    assert as_words(cli.json("instance", "list", "--all"), "name") == ["gpu-1"]


def test_terminate_takes_ids_prefixes_and_the_clouds_id(cli: Cli) -> None:
    rows = launched(cli, "--count", "3", "--name", "trio")
    names = [rows[0]["name"], rows[1]["id"], rows[2]["remote_id"], rows[0]["id"]]
    ended = cli.json("instance", "terminate", *names, "--yes")
    assert as_words(ended, "desired_state") == ["terminated"] * 3


def test_a_protected_machine_wants_its_name_whatever_else_is_given(cli: Cli, world: World) -> None:
    launched(cli, "--name", "gpu-1", "--protect")
    answer = cli("instance", "terminate", "gpu-1", "--yes", "-o", "json")
    assert answer.code == 4
    assert "--confirm-name gpu-1" in answer.error["next_step"]
    assert world.log("TerminateInstances") == []
    cli.json("instance", "terminate", "gpu-1", "--yes", "--confirm-name", "gpu-1")
    assert len(world.log("TerminateInstances")) == 1


def test_what_is_not_there_exits_3(cli: Cli) -> None:
    for words in (["instance", "show", "nope"], ["instance", "terminate", "nope", "--yes"], ["job", "show", "nope"]):
        answer = cli(*words, "-o", "json")
        assert answer.code == 3
        assert answer.error["error"] == "NotFound"


def test_an_unreachable_cloud_exits_5_and_says_so(cli: Cli) -> None:
    cli.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
    answer = cli("instance", "launch", "--yes", "--no-agent", "-o", "json")
    assert answer.code == 5
    assert answer.error["error"] == "Unreachable"
    assert "Traceback" not in answer.err


def test_read_only_changes_nothing(cli: Cli, world: World) -> None:
    for words in (["instance", "launch", "--yes"], ["setting", "set", "ttl", "1h"], ["backup"]):
        answer = cli("--read-only", *words, "-o", "json")
        assert answer.code == 4
        assert answer.error["error"] == "Refused"
    assert cli("--read-only", "instance", "list").code == 0
    assert world.log("RunInstances") == []
    assert cli.json("job", "list") == []


def test_every_format_says_the_same(cli: Cli) -> None:
    row = launched(cli, "--name", "gpu-1")
    [read] = csv.DictReader(io.StringIO(cli("instance", "list", "-o", "csv").out))
    assert read["remote_id"] == row["remote_id"]
    assert f'remote_id: "{row["remote_id"]}"' in cli("instance", "list", "-o", "yaml").out
    table = cli("instance", "list").out.splitlines()
    assert table[0].startswith("NAME")
    assert row["remote_id"] in table[1]


def test_detach_answers_when_written_and_the_agent_does_the_rest(cli: Cli, world: World) -> None:
    row = cli.json("instance", "launch", "--yes", "--detach", "--name", "gpu-1")
    assert row["name"] == "gpu-1"
    until(lambda: cli.json("instance", "list")[0]["remote_id"] is not None)
    assert len(world.machines()) == 1
    assert cli.json("agent", "--status")["running"] is True


def test_detach_without_an_agent_is_refused(cli: Cli) -> None:
    assert cli("instance", "launch", "--yes", "--detach", "--no-agent").code == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_mid_launch_names_what_is_in_flight(cli: Cli, world: World, number: signal.Signals, code: int) -> None:
    world.faults({"action": "RunInstances", "hold_before": True})
    process = cli.spawn("instance", "launch", "--yes", "--no-agent", "--name", "gpu-1", "-o", "json")
    until(lambda: bool(world.log("RunInstances")))
    process.send_signal(number)
    _out, err = process.communicate(timeout=20)
    assert process.returncode == code
    row = cli.json("instance", "list")[0]
    assert f"gpu-1 ({row['id']})" in err
    assert row["expires_at"] in err
    assert json.loads(err.splitlines()[-1])["error"] == "Interrupted"
    assert "Traceback" not in err
    assert f"gpu-1 ({row['id']})" in (cli.home / "data" / "log" / "cli.log").read_text()


def test_a_reader_that_leaves_is_no_failure(cli: Cli) -> None:
    process = cli.spawn("setting", "list", "-o", "json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 0


def test_events_are_followed_as_they_happen(cli: Cli) -> None:
    cli.json("setting", "set", "ttl", "1h")
    process = cli.spawn("event", "follow", "-o", "json")
    assert process.stdout is not None
    try:
        values = iter(str(number) + "h" for number in range(2, 200))
        seen: list[str] = []
        lines = process.stdout
        cli.json("job", "list")
        while not seen:
            cli.json("setting", "set", "ttl", next(values))
            import select

            if select.select([lines], [], [], 0.3)[0]:
                seen.append(lines.readline())
        assert json.loads(seen[0])["kind"] == "setting.changed"
        assert json.loads(seen[0])["after"]["value"] != "1h"
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130


def test_no_credentials_is_one_sentence_and_a_way_on(cli: Cli) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del cli.environment[name]
    answer = cli("instance", "launch", "--yes", "--no-agent", "-o", "json")
    assert answer.code == 1
    assert answer.error["error"] == "NotConfigured"
    assert "credential set" in answer.error["next_step"]


def test_an_env_file_gives_the_credentials(cli: Cli) -> None:
    lines = [f"{name}={cli.environment.pop(name)}" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    file = cli.home.parent / "keys.env"
    file.write_text("\n".join(lines))
    answer = cli("--env-file", str(file), "credential", "test", "env", "-o", "json")
    assert answer.code == 0, answer.err
    assert answer.data["ok"] is True


def test_standard_output_of_a_failure_is_empty(cli: Cli) -> None:
    process = cli.spawn("instance", "launch", "--yes", "--market", "cheap", stdin=subprocess.DEVNULL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert "cheap" in err


def test_tab_offers_the_names_of_machines(cli: Cli) -> None:
    launched(cli, "--name", "gpu-tab")
    cli.environment |= {
        "_AIC_TUI_COMPLETE": "bash_complete",
        "COMP_WORDS": "aic-tui instance show gpu",
        "COMP_CWORD": "3",
    }
    process = cli.spawn()
    out, _err = process.communicate(timeout=60)
    del cli.environment["_AIC_TUI_COMPLETE"]
    assert "gpu-tab" in out


def test_another_stores_machines_are_seen_and_told_apart(cli: Cli, tmp_path: Path, world: World) -> None:
    launched(cli, "--name", "theirs")
    cli.environment["AIC_TUI_HOME"] = str(tmp_path / "second")
    launched(cli, "--name", "mine")
    cli.json("agent", "--once")
    rows = {row["name"]: row for row in cli.json("instance", "list", "--sightings")}
    assert rows["theirs"]["ownership"] == "foreign"
    lines = cli("instance", "list", "--sightings").out.splitlines()
    assert "OWNERSHIP" in lines[0]
    assert "foreign" in next(line for line in lines if "theirs" in line)
    answer = cli("instance", "adopt", rows["theirs"]["remote_id"], "--yes", "-o", "json")
    assert answer.code == 4
    assert "--confirm-name" in answer.error["next_step"]
    assert cli.json("instance", "reap", "--yes") == []
    assert as_words(world.machines(), "state") == ["running", "running"]


def test_a_refusal_before_the_log_has_begun_is_all_that_is_said(cli: Cli) -> None:
    process = cli.spawn("instance", "terminate", "one")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4
    assert len(said.splitlines()) == 2
    assert said.startswith("aic-tui: ")
