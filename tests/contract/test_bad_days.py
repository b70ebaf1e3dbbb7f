"""Launching on a bad day: one clear sentence, a way on, and no paid machine that nobody knows of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.cli_world import Answer, Cli, cli
from tests.world import World

__all__ = ["cli"]

ALIVE = {"pending", "running"}
LAUNCH = ("instance", "launch", "--name", "one", "--yes", "--no-agent", "-o", "json")


def refused(action: str, code: str, status: int = 400, times: int = -1) -> dict[str, Any]:
    return {"action": action, "code": code, "message": "said by the cloud", "status": status, "times": times}


BAD_DAYS = {
    "expired session": (refused("GetCallerIdentity", "ExpiredToken", 403), 1, "AuthFailed", "failed"),
    "clock that is wrong": (refused("GetCallerIdentity", "RequestExpired", 400), 1, "AuthFailed", "failed"),
    "denied launch": (refused("RunInstances", "UnauthorizedOperation", 403), 1, "NotAllowed", "failed"),
    "quota used up meanwhile": (refused("RunInstances", "MaxSpotInstanceCountExceeded"), 1, "OutOfQuota", "failed"),
    "no capacity anywhere": (
        refused("RunInstances", "InsufficientInstanceCapacity", 500),
        1,
        "OutOfCapacity",
        "failed",
    ),
    "throttled": (refused("RunInstances", "RequestLimitExceeded", 503), 5, "Unreachable", "unknown"),
    "a web page for an answer": ({"action": "RunInstances", "html": True, "times": -1}, 5, "Unreachable", "unknown"),
    "dropped before it was heard": (
        {"action": "RunInstances", "drop_before": True, "times": -1},
        5,
        "Unreachable",
        "unknown",
    ),
}


def alive(world: World) -> list[str]:
    return [machine["instance_id"] for machine in world.machines() if machine["state"] in ALIVE]


def says_what_and_what_next(answer: Answer, kind: str) -> None:
    assert "Traceback" not in answer.err
    assert answer.out == ""
    assert answer.error["error"] == kind
    assert answer.error["message"].endswith((".", "…")) or ": " in answer.error["message"]
    assert answer.error["next_step"], answer.error


@pytest.mark.parametrize("day", BAD_DAYS)
def test_a_bad_day_is_one_sentence_and_leaves_nothing_running_unseen(cli: Cli, world: World, day: str) -> None:
    fault, code, kind, state = BAD_DAYS[day]
    world.faults(fault)
    answer = cli(*LAUNCH)
    assert answer.code == code, answer.err
    says_what_and_what_next(answer, kind)
    world.faults()
    assert alive(world) == []
    rows = cli.json("instance", "list", "--all")
    if state == "unknown":
        assert [row["state"] for row in rows] == ["unknown"]
        assert rows[0]["may_cost_usd_per_hour"] > 0
    else:
        assert all(row["state"] == "failed" for row in rows)


def test_capacity_is_asked_for_once_in_each_zone(cli: Cli, world: World) -> None:
    world.faults(refused("RunInstances", "InsufficientInstanceCapacity", 500))
    cli(*LAUNCH)
    tokens = [call["parameters"]["ClientToken"] for call in world.log("RunInstances")]
    assert len(tokens) == len(set(tokens)) == 2


def test_an_answer_lost_after_the_machine_was_made_is_found_at_once(cli: Cli, world: World) -> None:
    world.faults({"action": "RunInstances", "drop_after": True, "times": 1})
    answer = cli(*LAUNCH)
    assert answer.code == 0, answer.err
    assert [answer.data["remote_id"]] == alive(world)
    assert len(world.log("RunInstances")) == 1


def test_an_answer_lost_with_every_look_up_stands_in_red_until_a_pass_finds_it(cli: Cli, world: World) -> None:
    world.faults(
        {"action": "RunInstances", "drop_after": True, "times": 1},
        {"action": "DescribeInstances", "drop_before": True, "times": -1},
    )
    answer = cli(*LAUNCH)
    assert answer.code == 5
    says_what_and_what_next(answer, "Unreachable")
    [row] = cli.json("instance", "list")
    assert row["state"] == "unknown"
    world.faults()
    cli("agent", "--once")
    [row] = cli.json("instance", "list")
    assert [row["remote_id"]] == alive(world)


def test_a_quota_of_nothing_is_said_before_anything_is_asked_for(cli: Cli, world: World) -> None:
    world.quota("L-3819A6DF", 0)
    answer = cli(*LAUNCH)
    assert answer.code == 1
    says_what_and_what_next(answer, "OutOfQuota")
    assert world.log("RunInstances") == []


def test_a_cap_below_the_price_is_said_before_anything_is_asked_for(cli: Cli, world: World) -> None:
    answer = cli(*LAUNCH, "--max-price", "0.0001")
    assert answer.code == 4
    says_what_and_what_next(answer, "PriceTooHigh")
    assert world.log("RunInstances") == []


@pytest.mark.parametrize("region", ["zz-nowhere-1", "af-south-1"])
def test_a_region_that_is_not_there_or_not_enabled_is_said(cli: Cli, world: World, region: str) -> None:
    answer = cli(*LAUNCH, "--region", region)
    assert answer.code in {1, 2}
    says_what_and_what_next(answer, answer.error["error"])
    assert region in answer.error["message"]
    assert world.log("RunInstances") == []


@pytest.mark.parametrize("action", ["GetServiceQuota", "ListServiceQuotas", "DescribeSpotPriceHistory", "GetProducts"])
def test_what_cannot_be_read_about_price_and_quota_is_unknown_and_stops_nothing(
    cli: Cli, world: World, action: str
) -> None:
    world.faults(refused(action, "AccessDeniedException", 400))
    plan = cli.json("instance", "launch", "--dry-run")
    assert plan["can_launch"] is True
    answer = cli(*LAUNCH)
    assert answer.code == 0, answer.err
    assert len(alive(world)) == 1


def test_an_end_that_the_cloud_does_not_hear_is_repeated_by_the_next_pass(cli: Cli, world: World) -> None:
    cli(*LAUNCH)
    world.faults({"action": "TerminateInstances", "drop_before": True, "times": 3})
    answer = cli("instance", "terminate", "one", "--yes", "-o", "json")
    assert answer.code == 5
    says_what_and_what_next(answer, "Unreachable")
    assert len(alive(world)) == 1
    cli("agent", "--once")
    assert alive(world) == []
