"""Price feeds over HTTP, as a person refreshes them: what came, what did not, and what is kept through bad days."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.cli.main import run
from aicompute_tui.runtime import build
from tests.contract.feed_server import FeedServer, Manner, feed_server
from tests.moved_clock import MovedClock
from tests.unit.test_price_feeds_read import advisor, catalogue, line, spot_feed

PUBLIC = ("skypilot-aws", "skypilot-lambda", "skypilot-runpod", "skypilot-vast", "aws-advisor", "aws-spot")
Rows = list[dict[str, Any]]
Price = Callable[..., Rows]


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as made:
        yield made


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def build_here(tmp_path: Path, server: FeedServer, clock: MovedClock) -> Callable[..., Any]:
    """A home of its own, without an account."""
    environment = {
        "HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path / "home"), "AIC_TUI_PRICE_FEEDS_URL": server.url,
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }  # fmt: skip
    return lambda **options: build(**{**options, "environment": environment, "clock": clock})


@pytest.fixture
def price(build_here: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> Price:
    """`price VERB …` there."""

    def made(*words: str, code: int = 0) -> Rows:
        capsys.readouterr()
        assert run(["price", *words, "-o", "json"], build_here, {}) == code
        said = capsys.readouterr()
        found: Rows = json.loads(said.out or said.err.splitlines()[-1])
        return found

    return made


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def good(server: FeedServer, clock: MovedClock) -> None:
    """Every feed with something to say."""
    fresh = {"Last-Modified": http_date(clock.now() - timedelta(minutes=10)), "ETag": '"one"'}
    prices = [line(name) for name in ("g5.xlarge", "g6.xlarge", "g6e.xlarge")]
    server.manners = {
        "skypilot-aws": Manner(catalogue(*prices), headers={"ETag": '"csv"'}),
        "aws-spot": Manner(spot_feed(("g5.xlarge", "0.2")), headers=fresh),
        "aws-advisor": Manner(advisor({"g5.xlarge": {"s": 65, "r": 1}}, "us-east-1"), headers=fresh),
    }


def by_feed(rows: Rows) -> dict[str, dict[str, Any]]:
    return {row["feed"]: row for row in rows}


def g5(price: Price) -> dict[str, Any]:
    return next(row for row in price("list", "--region", "us-east-1") if row["type"] == "g5.xlarge")


def test_before_anything_was_asked_the_lists_that_ship_answer_and_every_feed_is_named(price: Price) -> None:
    assert "snapshot" in g5(price)["source"]
    assert g5(price)["interruption_band"] is None
    rows = by_feed(price("feeds"))
    assert set(rows) == {"snapshot", *PUBLIC, "aws"}
    assert rows["snapshot"]["offers"] > 700
    assert all(rows[name]["state"] is None and rows[name]["checked_at"] is None for name in PUBLIC)


def test_a_refresh_puts_the_newest_figure_of_each_feed_into_one_row(
    price: Price, server: FeedServer, clock: MovedClock
) -> None:
    good(server, clock)
    rows = by_feed(price("refresh"))
    assert {name: rows[name]["state"] for name in ("skypilot-aws", "aws-spot", "aws-advisor")} == dict.fromkeys(
        ("skypilot-aws", "aws-spot", "aws-advisor"), "new"
    )
    assert rows["skypilot-vast"]["state"] == "failed"
    assert "no price feed at" in rows["skypilot-vast"]["problem"]
    assert (rows["aws"]["state"], bool(rows["aws"]["next_step"])) == ("skipped", True)
    row = g5(price)
    assert (row["spot_usd_per_hour"], row["spot_source"], row["spot_age_seconds"] // 60) == (
        0.2, "AWS's public spot prices", 10
    )  # fmt: skip
    assert (row["on_demand_usd_per_hour"], row["on_demand_source"]) == (0.8, "SkyPilot's catalogue of AWS")
    assert (row["interruption_band"], row["interruption_source"]) == ("5-10%", "AWS's spot advisor")
    assert row["on_demand_as_of"] is None
    assert any("snapshot" in each["source"] for each in price("list", "--cloud", "vast"))


def test_what_did_not_change_is_not_sent_again_and_keeps_its_moment(
    price: Price, server: FeedServer, clock: MovedClock
) -> None:
    good(server, clock)
    price("refresh", "aws-spot")
    clock.advance(3600)
    [row] = price("refresh", "aws-spot")
    assert server.conditional("aws-spot") == ["", '"one"']
    assert (row["state"], row["offers"], row["age_seconds"] // 60) == ("unchanged", 1, 70)
    assert g5(price)["spot_usd_per_hour"] == 0.2


BAD_DAYS: dict[str, tuple[Manner, str, str]] = {
    "moved": (
        Manner(status=301, headers={"Location": "https://elsewhere.example/x"}),
        "failed",
        "has moved to https://e",
    ),
    "gone": (Manner(b"gone", 410), "failed", "no price feed at"),
    "not given out": (Manner(b"<Error/>", 403), "failed", "does not give its prices out"),
    "broken": (Manner(b"oops", 500), "failed", "answers HTTP 500"),
    "a log-in page": (Manner(b"<html>log in", headers={"Content-Type": "text/html"}), "refused", "a web page"),
    "zeros": (Manner(spot_feed(("g5.xlarge", "0"), ("g6.xlarge", "0"))), "refused", "2 prices of nothing and no other"),
    "cut off on the way": (Manner(spot_feed(("g5.xlarge", "0.3")), cut=40), "refused", "no proper HTTP"),
    "another form": (Manner(b'{"a": 1}'), "refused", "not in the known form"),
}


@pytest.mark.parametrize("day", BAD_DAYS)
def test_a_bad_day_is_one_sentence_and_the_last_good_prices_stay(
    price: Price, server: FeedServer, clock: MovedClock, day: str
) -> None:
    good(server, clock)
    price("refresh", "aws-spot")
    clock.advance(7200)
    manner, state, words = BAD_DAYS[day]
    server.manners["aws-spot"] = manner
    [row] = price("refresh", "aws-spot", code=1)
    assert row["state"] == state
    assert words in row["problem"]
    assert row["problem"].endswith((".", "…"))
    assert row["next_step"]
    assert (row["offers"], row["age_seconds"] // 60) == (1, 130)
    kept = g5(price)
    assert (kept["spot_usd_per_hour"], kept["spot_age_seconds"] // 60) == (0.2, 130)
    assert by_feed(price("feeds"))["aws-spot"]["problem"] == row["problem"]
    good(server, clock)
    [row] = price("refresh", "aws-spot")
    assert (row["state"] in {"new", "unchanged"}, row["problem"]) == (True, None)


def test_a_frozen_feed_is_refused_whether_it_says_so_or_never_changes(
    price: Price, server: FeedServer, clock: MovedClock
) -> None:
    good(server, clock)
    server.manners["aws-spot"].headers["Last-Modified"] = http_date(clock.now() - timedelta(days=500))
    [row] = price("refresh", "aws-spot", code=1)
    assert (row["state"], row["problem"]) == (
        "refused",
        "AWS's public spot prices is frozen: its prices are 500 days old.",
    )
    assert "snapshot" in g5(price)["spot_source"]
    price("refresh", "skypilot-aws")
    clock.advance(8 * 86_400)
    [row] = price("refresh", "skypilot-aws", code=1)
    assert (row["state"], row["offers"]) == ("refused", 3)
    assert "frozen" in row["problem"]


def test_a_feed_whose_clock_is_far_ahead_is_taken_to_tell_no_date(
    price: Price, server: FeedServer, clock: MovedClock
) -> None:
    good(server, clock)
    server.manners["aws-spot"].headers["Last-Modified"] = http_date(clock.now() + timedelta(days=900))
    [row] = price("refresh", "aws-spot")
    assert (row["state"], row["as_of"]) == ("new", None)
    clock.advance(3 * 86_400)
    kept = g5(price)
    assert (kept["spot_as_of"], kept["spot_age_seconds"]) == (None, 3 * 86_400)


def test_a_feed_whose_clock_is_a_little_ahead_is_of_now(price: Price, server: FeedServer, clock: MovedClock) -> None:
    good(server, clock)
    server.manners["aws-spot"].headers["Last-Modified"] = http_date(clock.now() + timedelta(minutes=5))
    [row] = price("refresh", "aws-spot")
    clock.advance(600)
    assert (row["age_seconds"], g5(price)["spot_age_seconds"] // 60) == (0, 10)


def test_one_who_asks_too_often_waits_as_long_as_is_wanted(price: Price, server: FeedServer, clock: MovedClock) -> None:
    server.manners["aws-spot"] = Manner(b"slow down", 429, {"Retry-After": "600"})
    [first] = price("refresh", "aws-spot", code=1)
    clock.advance(60)
    good(server, clock)
    [second] = price("refresh", "aws-spot", code=1)
    assert first["problem"] == second["problem"]
    assert "wants to be asked later" in first["problem"]
    assert len(server.asked) == 1
    clock.advance(600)
    assert price("refresh", "aws-spot")[0]["state"] == "new"


def test_where_all_that_were_asked_failed_the_refresh_fails_and_still_tells_of_each(
    price: Price, server: FeedServer, clock: MovedClock
) -> None:
    server.manners = dict.fromkeys(PUBLIC, Manner(b"oops", 500))
    rows = by_feed(price("refresh", code=1))
    assert all("answers HTTP 500" in rows[name]["problem"] for name in PUBLIC)
    assert (rows["snapshot"]["state"], rows["aws"]["state"]) == ("unchanged", "skipped")
    clock.advance(86_400)
    good(server, clock)
    rows = by_feed(price("refresh", "aws-spot", "skypilot-vast"))
    assert (rows["aws-spot"]["state"], rows["skypilot-vast"]["state"]) == ("new", "failed")
    assert price("refresh", "snapshot")[0]["state"] == "unchanged"
    assert price("refresh", "aws")[0]["state"] == "skipped"


def test_a_failed_refresh_is_one_sentence_and_a_way_on(
    build_here: Callable[..., Any], server: FeedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.manners = dict.fromkeys(PUBLIC, Manner(b"oops", 500))
    assert run(["price", "refresh"], build_here, {}) == 1
    said = capsys.readouterr()
    assert "aic-tui: None of the 6 price feeds that were asked gave prices that can be used." in said.err
    assert "the last good prices stay" in said.err
    assert said.out.count("answers HTTP 500") == len(PUBLIC)


def test_a_feed_that_is_not_there_is_named_with_those_that_are(price: Price) -> None:
    error: Any = price("refresh", "aws-spott", code=2)
    assert "“aws-spott”" in error["message"]
    assert "aws-spot" in error["next_step"]


def test_offers_stand_side_by_side_in_the_order_they_are_named(price: Price) -> None:
    rows = price("compare", "g6.xlarge@us-east-1", "aws/ca-central-1/g5.xlarge", "g6.xlarge@us-east-1")
    assert [row["id"] for row in rows] == ["aws/us-east-1/g6.xlarge", "aws/ca-central-1/g5.xlarge"]
    assert price("compare", "g5.xlarge")[0]["type"] == "g5.xlarge"
    error: Any = price("compare", "g5.xlarge@nowhere-1", code=3)
    assert "“g5.xlarge@nowhere-1”" in error["message"]
    assert error["next_step"]


def test_for_people_compared_offers_stand_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path / "home")}
    assert (
        run(
            ["price", "compare", "g6.xlarge@us-east-1", "g5.xlarge@ca-central-1", "-o", "table"],
            lambda **options: build(**{**options, "environment": environment}),
            {},
        )
        == 0
    )
    lines = {words[0]: words[1:] for line in capsys.readouterr().out.splitlines() if (words := line.split())}
    assert lines["TYPE"] == ["g6.xlarge", "g5.xlarge"]
    assert lines["REGION"] == ["us-east-1", "ca-central-1"]
    assert lines["GPU_NAME"] == ["L4", "A10G"]
    assert len(lines["ON_DEMAND_USD_PER_HOUR"]) == 2
    assert "ZONE" not in lines
