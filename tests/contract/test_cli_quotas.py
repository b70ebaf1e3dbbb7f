"""Quotas from the command line: listed for a region, more asked for with a yes, once, and its answer followed."""

from __future__ import annotations

from tests.contract.cli_world import Cli, cli
from tests.world import World

__all__ = ["cli"]
G_SPOT = "L-3819A6DF"
HERE = ("--region", "ca-central-1")


def test_quotas_of_a_region_are_listed_and_kept(cli: Cli, world: World) -> None:
    rows = cli.json("quota", "list", *HERE)
    [row] = [each for each in rows if (each["family"], each["market"]) == ("G/VT", "spot")]
    assert (row["limit_vcpus"], row["used_vcpus"], row["free_vcpus"]) == (64, 0, 64)
    assert (row["type"], row["fits_machines"], row["request_state"]) == ("g5.xlarge", 16, None)
    asked = len(world.log("ListServiceQuotas"))
    assert cli.json("quota", "list", *HERE, "--market", "spot")[0]["age_seconds"] >= 0
    assert len(world.log("ListServiceQuotas")) == asked
    table = cli("quota", "list", *HERE).out
    assert "FITS_MACHINES" in table.splitlines()[0]
    one = cli.json("quota", "list", "--type", "g5.12xlarge", "--market", "on-demand", *HERE)
    assert [(each["type"], each["free_vcpus"], each["fits_machines"]) for each in one] == [("g5.12xlarge", 64, 1)]


def test_more_is_asked_for_with_a_yes_and_its_answer_is_told(cli: Cli, world: World) -> None:
    wish = ("quota", "request", "g5.12xlarge", "--market", "spot", "--vcpus", "128", *HERE)
    refused = cli(*wish, "-o", "json")
    assert (refused.code, "--yes" in refused.error["next_step"]) == (4, True)
    asked = cli.json(*wish, "--yes")
    assert (asked["is_new"], asked["state"], asked["family"]) == (True, "pending", "G/VT")
    assert cli.json(*wish, "--yes")["is_new"] is False
    assert len(world.log("RequestServiceQuotaIncrease")) == 1
    world.answer_quota("ca-central-1", G_SPOT, "APPROVED")
    [row] = cli.json("quota", "requests", *HERE)
    assert (row["state"], row["desired_vcpus"], row["id"]) == ("approved", 128, asked["id"])
    [told] = cli.json("event", "list", "--kind", "quota.answered")
    assert "granted 128 vCPU" in told["message"]
    needs = cli.json("overview")["needs"]
    assert [(need["kind"], need["next_step"]) for need in needs] == [("quota-granted", "aic-tui quota requests")]


def test_what_is_there_already_is_not_asked_for(cli: Cli, world: World) -> None:
    answer = cli("quota", "request", "G/VT", "--market", "spot", "--vcpus", "8", *HERE, "--yes", "-o", "json")
    assert (answer.code, answer.error["error"]) == (2, "InvalidInput")
    assert not world.log("RequestServiceQuotaIncrease")
