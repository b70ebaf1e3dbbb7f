"""Spot prices by one's own account in the embedded cloud: history, live prices, placement scores, and bad days."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.cli_world import Cli, cli, cli_for
from tests.world import World

__all__ = ["cli"]


def denied(action: str, code: str = "UnauthorizedOperation") -> dict[str, Any]:
    return {"action": action, "code": code, "message": "not you", "status": 403, "times": -1}


@pytest.fixture
def stranger(
    tmp_path: Any, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """Without any account."""
    environment = {
        name: text for name, text in world.environment().items() if not name.endswith(("KEY_ID", "ACCESS_KEY"))
    }
    with cli_for(tmp_path / "stranger", environment, monkeypatch, capsys) as made:
        yield made


def test_history_tells_each_zone_the_cheapest_first(cli: Cli) -> None:
    rows = cli.json("price", "history", "g5.xlarge", "--region", "ca-central-1", "--days", "7")
    assert {row["zone"] for row in rows} == {"ca-central-1a", "ca-central-1b"}
    assert [row["now_usd_per_hour"] for row in rows] == sorted(row["now_usd_per_hour"] for row in rows)
    for row in rows:
        prices = [usd for _, usd in row["points"]]
        moments = [at for at, _ in row["points"]]
        assert moments == sorted(moments)
        assert 6.9 < (moments[-1] - moments[0]) / 86_400 <= 7
        assert (min(prices), max(prices), prices[-1]) == (
            row["least_usd_per_hour"], row["most_usd_per_hour"], row["now_usd_per_hour"]
        )  # fmt: skip
        assert row["least_usd_per_hour"] < row["median_usd_per_hour"] < row["most_usd_per_hour"]
        assert 1 < row["changes_per_day"] < 5
        assert row["note"] is None
        assert row["on_demand_usd_per_hour"] > row["now_usd_per_hour"] / 1.5
    [one] = cli.json("price", "history", "g5.xlarge", "--days", "90", "--zone", "ca-central-1a")
    assert one["zone"] == "ca-central-1a"
    assert (one["points"][-1][0] - one["points"][0][0]) / 86_400 > 89


def test_history_asked_again_is_answered_by_what_was_kept(cli: Cli, world: World) -> None:
    first = cli.json("price", "history", "g5.xlarge")
    asked = len(world.log("DescribeSpotPriceHistory"))
    assert cli.json("price", "history", "g5.xlarge", "--zone", "ca-central-1b")[0]["points"] in [
        row["points"] for row in first
    ]
    assert len(world.log("DescribeSpotPriceHistory")) == asked > 0


def test_without_an_account_the_one_known_figure_is_told_with_the_reason(stranger: Cli) -> None:
    [row] = stranger.json("price", "history", "g5.xlarge", "--region", "ca-central-1")
    assert len(row["points"]) == 1
    assert row["points"][0][1] == row["now_usd_per_hour"] > 0
    assert "snapshot" in row["source"]
    assert row["median_usd_per_hour"] is None
    assert row["note"].startswith("History needs an account: ")
    answer = stranger("price", "history", "g99.xlarge", "--region", "ca-central-1", "-o", "json")
    assert answer.code == 3
    assert "g99.xlarge" in answer.error["message"]


def test_an_account_that_may_not_see_history_is_told_so_beside_the_known_figure(cli: Cli, world: World) -> None:
    world.faults(denied("DescribeSpotPriceHistory"))
    [row] = cli.json("price", "history", "g5.xlarge", "--region", "ca-central-1")
    assert "DescribeSpotPriceHistory" in row["note"]
    assert len(row["points"]) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("history", "g5", "--region", "ca-central-1"), 2, "“g5”"),
        (("history", "g5.xlarge", "--region", "canada"), 2, "“canada”"),
        (("history", "g5.xlarge", "--days", "91"), 2, "90"),
        (("history", "g5.xlarge", "--region", "ca-central-1", "--zone", "ca-central-1z"), 3, "ca-central-1z"),
        (("history", "p5e.48xlarge", "--region", "ca-central-1"), 3, "p5e.48xlarge"),
        (("score", *(f"g{number}.xlarge" for number in range(101))), 2, "100"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(cli: Cli, words: tuple[str, ...], code: int, said: str) -> None:
    answer = cli("price", *words, "-o", "json")
    assert answer.code == code
    assert said in answer.error["message"]
    assert answer.error["next_step"]


def test_live_prices_name_the_cheapest_zone_and_are_the_newest(cli: Cli) -> None:
    [told] = cli.json("price", "refresh", "aws")
    assert told["state"] == "new"
    assert told["offers"] > 5
    found = {row["type"]: row for row in cli.json("price", "list", "--cloud", "aws", "--region", "ca-central-1")}
    assert found["g5.xlarge"]["spot_source"] == found["g5.xlarge"]["on_demand_source"] == "AWS by your own account"
    assert found["g5.xlarge"]["zone"].startswith("ca-central-1")
    assert found["g6.xlarge"]["spot_source"] == "AWS by your own account"
    assert "snapshot" in found["g6.xlarge"]["on_demand_source"]
    cli.json("price", "refresh", "aws", "--region", "us-east-1")
    again = cli.json("price", "list", "--region", "ca-central-1", "--type", "g5.xlarge")[0]
    assert again["spot_source"] == "AWS by your own account"


def test_without_the_permission_to_see_prices_the_rest_is_taken_and_told(cli: Cli, world: World) -> None:
    world.faults(denied("GetProducts", "AccessDeniedException"))
    [told] = cli.json("price", "refresh", "aws")
    assert told["state"] == "new"
    assert "GetProducts" in told["left_out"]
    world.faults(denied("GetProducts", "AccessDeniedException"), denied("DescribeSpotPriceHistory"))
    [told] = cli.json("price", "refresh", "aws", code=1)
    assert told["state"] == "failed"
    assert "DescribeSpotPriceHistory" in told["problem"]
    assert told["offers"] > 5
    assert told["next_step"]


def test_a_region_that_is_not_enabled_is_said(cli: Cli) -> None:
    [told] = cli.json("price", "refresh", "aws", "--region", "af-south-1", code=1)
    assert told["state"] == "failed"
    assert "af-south-1" in told["problem"]
    assert told["next_step"]


def test_the_worlds_own_feeds_are_read_whole(cli: Cli) -> None:
    rows = {row["feed"]: row for row in cli.json("price", "refresh")}
    assert all(row["problem"] is None and row["offers"] > 20 for row in rows.values()), rows
    listed = cli.json("price", "list", "--cloud", "aws", "--market", "spot")
    assert sum(row["interruption_band"] is not None for row in listed) > 100
    assert all(row["spot_usd_per_hour"] > 0 for row in listed)


def test_scores_are_of_zones_and_asked_once(cli: Cli, world: World) -> None:
    wish = ("price", "score", "g5.xlarge", "g6.xlarge", "g4dn.xlarge", "--region", "ca-central-1")
    rows = cli.json(*wish)
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert all(1 <= row["score"] <= 10 and row["zone"].startswith("ca-central-1") for row in rows)
    assert {row["note"] for row in rows} == {None}
    assert cli.json(*wish) == rows
    assert len(world.log("GetSpotPlacementScores")) == 1
    assert "fewer than three" in cli.json("price", "score", "g5.xlarge")[0]["note"]


def test_scores_without_the_permission_say_which_is_needed(cli: Cli, world: World) -> None:
    world.faults(denied("GetSpotPlacementScores"))
    answer = cli("price", "score", "g5.xlarge", "-o", "json")
    assert answer.code == 1
    assert "GetSpotPlacementScores" in answer.error["message"]
    assert answer.error["next_step"]
