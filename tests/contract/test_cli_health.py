"""Health from the command line: checked now, told of as it was, and thresholds as settings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from tests.contract.cli_world import Cli
from tests.contract.llm_servers import LlmServer, Reply, llm_server


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server() as made:
        made.json("/v1/models", {"data": [{"id": "tiny"}]})
        yield made


@pytest.fixture
def cli(cli: Cli, server: LlmServer) -> Cli:
    """With two connections: one that answers, and one that nobody listens at."""
    cli.json("connection", "add", "box", "--url", server.url)
    cli.json("connection", "add", "gone", "--url", "http://127.0.0.1:9")
    return cli


def test_all_are_checked_at_once_and_a_bad_one_is_a_failure(cli: Cli) -> None:
    answer = cli("connection", "check", "-o", "json")
    assert answer.code == 1
    box, gone = answer.data
    assert (box["name"], box["ok"], box["state"], box["problem"]) == ("box", True, "up", None)
    assert box["latency_ms"] > 0
    assert (gone["name"], gone["ok"], gone["state"]) == ("gone", False, "waiting")
    assert gone["problem"] == "Nothing answers at http://127.0.0.1:9."
    assert cli("connection", "check", "box").code == 0
    assert cli("connection", "check", "nobody").code == 3


def test_how_it_went_is_told_afterwards(cli: Cli, server: LlmServer) -> None:
    for _ in range(3):
        cli("connection", "check")
    server.replies["/v1/models"] = Reply(500)
    cli("connection", "check", "box")
    box, gone = cli.json("connection", "health")
    assert (box["state"], box["failures"], box["uptime_24h_percent"], box["uptime_30d_percent"]) == ("up", 1, 75, 75)
    assert 0 < box["latency_p50_ms"] <= box["latency_p95_ms"]
    assert (gone["state"], gone["uptime_7d_percent"], gone["latency_p50_ms"]) == ("down", 0, None)
    assert "samples" not in gone
    (named,) = cli.json("connection", "health", "box", "--since", "1h")
    assert sum(each["checks"] for each in named["samples"]) == 4
    assert sum(each["failed_checks"] for each in named["samples"]) == 1
    assert [box[f"uptime_{each}_checks"] for each in ("24h", "7d", "30d")] == [4, 4, 4]
    assert box["checked_since"] <= box["checked_at"]
    assert "75 of 4" in cli("connection", "health").out
    kinds = [each["kind"] for each in cli.json("event", "list")]
    assert kinds.count("connection.down") == 1


def test_the_list_tells_how_each_connection_stands_and_narrows_to_it(cli: Cli) -> None:
    def listed(*words: str) -> list[tuple[str, str, str]]:
        return [(row["name"], row["state"], row["status"]) for row in cli.json("connection", "list", *words)]

    assert listed() == [("box", "active", "testing"), ("gone", "active", "testing")]
    cli.json("setting", "set", "health_deactivate_after", "4")
    for _ in range(3):
        cli("connection", "check")
    assert listed("--status", "error") == [("gone", "active", "error")]
    cli("connection", "check")
    assert listed() == [("box", "active", "active"), ("gone", "active", "held back")]
    assert listed("--status", "held-back") == [("gone", "active", "held back")]
    assert cli.json("connection", "show", "gone")["status"] == "held back"
    told = cli("connection", "list").out
    assert [line.split()[1] for line in told.splitlines()] == ["STATUS", "active", "held"]
    cli.json("connection", "deactivate", "gone")
    assert listed("--status", "inactive") == [("gone", "inactive", "inactive")]
    assert listed("--status", "active") == [("box", "active", "active")]
    assert cli("connection", "list", "--status", "broken").code == 2


def test_the_list_says_how_long_ago_a_connection_was_well(cli: Cli) -> None:
    cli("connection", "check")
    with sqlite3.connect(next(cli.home.rglob("*.db"))) as database:
        database.execute("update health_reports set checked_at = checked_at - 3 * 86400 * 1000000")
    told = cli("connection", "list").out.splitlines()
    assert "active, not checked for 3d" in told[1]
    assert "not checked for" not in told[2], "it was never well"
    shown = cli("connection", "show", "box").out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in shown if line.startswith("stat")] == [
        "active",
        "active, not checked for 3d",
    ]


def test_what_was_never_checked_has_no_figures(cli: Cli) -> None:
    box, _ = cli.json("connection", "health")
    assert (box["uptime_30d_checks"], box["checked_since"]) == (0, None)
    assert (box["state"], box["uptime_24h_percent"], box["latency_p50_ms"], box["since"]) == (
        "waiting",
        None,
        None,
        None,
    )


def test_one_that_is_not_in_use_is_checked_when_it_is_named(cli: Cli) -> None:
    cli.json("connection", "deactivate", "box")
    (box,) = cli.json("connection", "check", "box")
    assert (box["ok"], box["state"]) == (True, "inactive")
    assert [each["name"] for each in cli("connection", "check", "-o", "json").data] == ["gone"]
    assert cli.json("connection", "health", "box")[0]["state"] == "inactive"


def test_thresholds_are_settings(cli: Cli) -> None:
    cli.json("setting", "set", "health_deactivate_after", "3")
    for _ in range(3):
        cli("connection", "check")
    assert cli.json("connection", "health", "gone")[0]["is_held_back"] is True
    cli.json("setting", "set", "health_slow_milliseconds", "1")
    for _ in range(2):
        cli("connection", "check", "box")
    assert cli.json("setting", "get", "health_interval_seconds")["value"] == "30"
    assert cli("setting", "set", "health_interval_seconds", "1").code == 2


def test_a_time_that_is_none_is_refused(cli: Cli) -> None:
    assert cli("connection", "health", "box", "--since", "1s").code == 2


def test_one_that_is_held_back_is_put_back_by_hand(cli: Cli) -> None:
    cli.json("setting", "set", "health_deactivate_after", "3")
    for _ in range(3):
        cli("connection", "check")
    cli.json("connection", "enable", "gone")
    assert cli.json("connection", "health", "gone")[0]["is_held_back"] is False
    cli("connection", "check")
    assert cli.json("connection", "health", "gone")[0]["is_held_back"] is False


def test_servers_are_told_of_in_the_same_way(cli: Cli, server: LlmServer) -> None:
    server.replies["/"] = Reply(200)
    cli("server", "add", "page", server.url, "--kind", "http")
    (page,) = cli.json("server", "health", "page")
    (first,) = page["samples"]
    assert (page["name"], page["uptime_24h_percent"], first["checks"]) == ("page", 100, 1), "how it answered at once"


def test_doctor_names_what_is_down_and_says_when_nobody_looks(cli: Cli) -> None:
    def said() -> dict[str, tuple[str, str]]:
        return {row["check"]: (row["verdict"], row["reason"]) for row in cli("doctor", "-o", "json").data}

    assert said()["health"] == ("unknown", "nobody has looked at connections and servers lately")
    for _ in range(3):
        cli("connection", "check")
    found = said()
    assert found["health"] == ("ok", "1 of 2 in use answer")
    assert found["connection gone"] == ("warning", "Nothing answers at http://127.0.0.1:9.")
