"""The installation from the command line: settings, doctor, backup and restore, the agent's own commands."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.contract.cli_world import Cli, as_words, cli, launched, until
from tests.world import World

__all__ = ["cli"]


def _verdicts(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["check"]: row["verdict"] for row in rows}


def test_every_source_of_a_setting_is_shown(cli: Cli) -> None:
    config = cli.home / "config"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('market = "on-demand"\nregion = "eu-west-1"\n')
    cli.environment["AIC_TUI_REGION"] = "us-east-1"
    cli.json("setting", "set", "ttl", "3h")
    cli.json("setting", "set", "region", "eu-north-1")
    rows = {row["key"]: (row["value"], row["source"]) for row in cli.json("setting", "list")}
    assert rows["ttl"] == ("3h", "database")
    assert rows["market"] == ("on-demand", "file")
    assert rows["region"] == ("us-east-1", "environment")
    assert rows["idle"] == ("30m", "built-in")
    flagged = {row["key"]: row for row in cli.json("--read-only", "setting", "list")}
    assert flagged["read_only"]["source"] == "flag"


def test_an_empty_value_takes_a_shared_default_back(cli: Cli) -> None:
    cli.json("setting", "set", "ttl", "3h")
    assert cli.json("setting", "set", "ttl", "")["source"] == "built-in"
    assert cli.json("setting", "get", "ttl")["value"] == "8h"


@pytest.mark.parametrize(("key", "value"), [("ttl", "soon"), ("volume_gib", "1"), ("database_url", "sqlite:///x")])
def test_a_setting_that_cannot_be_is_refused_with_the_reason(cli: Cli, key: str, value: str) -> None:
    answer = cli("setting", "set", key, value, "-o", "json")
    assert answer.code == 2
    assert answer.error["next_step"]


def test_a_bad_config_file_is_one_sentence_with_its_line(cli: Cli) -> None:
    (cli.home / "config").mkdir(parents=True)
    (cli.home / "config" / "config.toml").write_text('\nregoin = "x"\n')
    answer = cli("instance", "list", "-o", "json")
    assert answer.code == 2
    assert "line 2" in answer.error["message"]
    assert "region" in answer.error["next_step"]
    rows = cli.json("doctor", code=1)
    assert _verdicts(rows)["configuration"] == "failed"


def test_doctor_looks_at_everything_and_passes(cli: Cli) -> None:
    rows = cli.json("doctor")
    verdicts = _verdicts(rows)
    expected = ["python", "configuration", "database", "disk", "vault", "agent", "clock", "logout", "terminal", "log"]
    assert set(expected) <= set(verdicts)
    assert verdicts["credential env"] == "ok"
    assert verdicts["clock"] == "ok"
    assert verdicts["monthly cap"] == "warning"
    assert set(verdicts.values()) <= {"ok", "warning", "failed", "unknown"}
    assert all(row["next_step"] for row in rows if row["verdict"] in ("warning", "failed"))


def test_doctor_names_a_refused_credential_and_a_readable_key(cli: Cli, world: World) -> None:
    cli.json("credential", "set", "second", "--stdin", stdin=f"AKIADEMO2AAAAAAAAAAA\n{'x' * 40}\n")
    (cli.home / "config" / "vault.key").chmod(0o644)
    world.faults({"action": "GetCallerIdentity", "code": "ExpiredToken", "status": 403, "times": -1})
    verdicts = _verdicts(cli.json("doctor", code=1))
    assert verdicts["credential env"] == "failed"
    assert verdicts["vault"] == "failed"


def test_doctor_says_that_nothing_follows_a_machine(cli: Cli) -> None:
    launched(cli)
    assert _verdicts(cli.json("doctor"))["agent"] == "warning"


def test_a_damaged_database_is_said_and_a_backup_brings_it_back(cli: Cli, tmp_path: Path) -> None:
    row = launched(cli, "--name", "gpu-1")
    copy = cli.json("backup", str(tmp_path / "copy.db"))["path"]
    database = cli.home / "data" / "aic-tui.db"
    for file in database.parent.glob("aic-tui.db-*"):
        file.unlink()
    database.write_bytes(b"not a database at all, but long enough to be one" * 100)
    answer = cli("instance", "list", "-o", "json")
    assert answer.code == 1
    assert "restore" in answer.error["next_step"]
    assert _verdicts(cli.json("doctor", code=1))["database"] == "failed"
    restored = cli.json("restore", copy, "--yes")
    assert Path(restored["kept_aside"]).read_bytes().startswith(b"not a database")
    assert as_words(cli.json("instance", "list"), "id") == [row["id"]]


def test_a_backup_is_whole_private_and_never_overwrites(cli: Cli, tmp_path: Path) -> None:
    cli.json("setting", "set", "ttl", "3h")
    target = tmp_path / "copy.db"
    answer = cli.json("backup", str(target))
    assert answer["bytes"] == target.stat().st_size
    assert target.stat().st_mode & 0o077 == 0
    with sqlite3.connect(target) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert cli("backup", str(target)).code == 4
    assert Path(cli.json("backup")["path"]).parent == cli.home / "data" / "backups"
    assert "store.backed-up" in as_words(cli.json("event", "list"), "kind")


def test_restore_refuses_what_is_no_backup_and_needs_a_yes(cli: Cli, tmp_path: Path) -> None:
    cli.json("setting", "set", "ttl", "3h")
    (tmp_path / "notes.txt").write_text("hello " * 1000)
    assert cli("restore", str(tmp_path / "notes.txt"), "--yes").code == 1
    assert cli("restore", str(tmp_path / "absent.db"), "--yes").code == 3
    copy = cli.json("backup", str(tmp_path / "copy.db"))["path"]
    assert cli("restore", copy).code == 4
    assert cli("--read-only", "restore", copy, "--yes").code == 4
    assert cli.json("setting", "get", "ttl")["value"] == "3h"


def test_restore_refuses_while_the_agent_runs(cli: Cli, tmp_path: Path) -> None:
    copy = cli.json("backup", str(tmp_path / "copy.db"))["path"]
    cli.json("instance", "launch", "--yes", "--detach")
    answer = cli("restore", copy, "--yes", "-o", "json")
    assert answer.code == 4
    assert "agent" in answer.error["message"].lower()
    assert len(cli.json("instance", "list")) == 1


def test_agent_status_and_one_pass(cli: Cli) -> None:
    assert cli.json("agent", "--status", code=1)["running"] is False
    launched(cli, "--name", "gpu-1")
    summary = cli.json("agent", "--once")
    assert summary["full"] is True
    assert cli.json("instance", "list")[0]["state"] == "ready"


def test_a_pass_that_could_not_see_everything_exits_1(cli: Cli, world: World) -> None:
    launched(cli)
    world.faults({"action": "DescribeInstances", "code": "UnauthorizedOperation", "status": 403, "times": -1})
    answer = cli("agent", "--once", "-o", "json")
    assert answer.code == 1
    assert answer.data["problems"]


def test_jobs_tell_what_was_asked_and_how_it_ended(cli: Cli) -> None:
    cli.json("setting", "set", "ttl", "3h")
    cli("setting", "set", "ttl", "soon")
    failed, done = cli.json("job", "list")
    assert (done["action_id"], done["state"]) == ("setting.set", "done")
    assert (failed["state"], failed["error_kind"]) == ("failed", "InvalidInput")
    shown = cli.json("job", "show", done["id"][:-4])
    assert shown["parameters"] == {"key": "ttl", "value": "3h"}
    assert cli("job", "cancel", done["id"], "--yes").code == 4


def test_events_about_one_machine_by_any_of_its_names(cli: Cli) -> None:
    row = launched(cli, "--name", "gpu-1")
    launched(cli, "--name", "gpu-2")
    for reference in ("gpu-1", row["id"], row["remote_id"], row["id"][:-6]):
        rows = cli.json("event", "list", "--subject", reference)
        assert set(as_words(rows, "subject_id")) == {row["id"]}


def test_events_are_narrowed_by_who_what_when_and_how_grave(cli: Cli) -> None:
    launched(cli, "--name", "gpu-1")
    cli("setting", "set", "ttl", "3h")
    everything = cli.json("event", "list")
    kinds = as_words(everything, "kind")
    assert "setting.set" in kinds or "setting.changed" in kinds
    assert set(as_words(cli.json("event", "list", "--kind", "instance."), "subject_kind")) == {"instance"}
    actor = everything[0]["actor"]
    assert len(cli.json("event", "list", "--actor", actor.partition("@")[0].upper())) > 0
    assert cli.json("event", "list", "--actor", "nobody-like-it") == []
    assert cli.json("event", "list", "--since", "2h") == everything
    assert cli.json("event", "list", "--since", "2100-01-01") == []
    assert cli.json("event", "list", "--level", "error") == []
    assert cli("event", "list", "--since", "yesterday").code == 2
    assert cli("event", "list", "--level", "loud").code == 2


def test_a_failed_job_is_retried_and_a_done_one_is_not(cli: Cli) -> None:
    cli("setting", "set", "ttl", "3h")
    cli("setting", "set", "ttl", "soon")
    failed, done = cli.json("job", "list")
    assert cli("job", "retry", done["id"], "--yes").code == 4
    assert cli("job", "retry", failed["id"]).code == 4, "nobody can be asked, so --yes is wanted"
    again = cli.json("job", "retry", failed["id"], "--yes")
    assert (again["action_id"], again["parameters"]) == ("setting.set", {"key": "ttl", "value": "soon"})
    assert again["id"] != failed["id"]


def test_a_home_that_cannot_be_made_is_one_sentence(cli: Cli) -> None:
    cli.environment["AIC_TUI_HOME"] = "/proc/nowhere"
    answer = cli("instance", "list", "-o", "json")
    assert answer.code == 1
    assert answer.error["error"] == "NotConfigured"
    assert "AIC_TUI_HOME" in answer.error["next_step"]
    cli.environment["AIC_TUI_HOME"] = str(cli.home)


def test_the_log_of_this_program_is_its_own_file_and_says_more_with_debug(cli: Cli) -> None:
    cli("--debug", "instance", "show", "nope")
    log = cli.home / "data" / "log" / "cli.log"
    until(lambda: "nope" in log.read_text())
    assert log.stat().st_mode & 0o077 == 0
