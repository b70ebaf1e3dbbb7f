"""The agent keeps price lists new: when their time has come, later after a failure, and not where that is off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aicompute_tui.agent.price_keeper import PriceKeeper
from aicompute_tui.runtime import build
from aicompute_tui.services.context import Actor, Context
from aicompute_tui.services.price_findings import price_findings
from aicompute_tui.store.offer_files import offers_file, read_offers
from tests.contract.feed_server import FeedServer, Manner, feed_server
from tests.moved_clock import MovedClock
from tests.unit.test_price_feeds_read import catalogue, line, spot_feed
from tests.waiting import until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as made:
        made.manners = {
            "skypilot-aws": Manner(catalogue(line()), headers={"ETag": '"a"'}),
            "aws-spot": Manner(spot_feed(("g6.xlarge", "0.2")), headers={"ETag": '"b"'}),
        }
        yield made


@asynccontextmanager
async def keeping(folder: Path, server: FeedServer, clock: MovedClock, **settings: str) -> AsyncIterator[Context]:
    """A worker that runs in a home without an account."""
    environment = {
        "HOME": str(folder), "AIC_TUI_HOME": str(folder / "home"), "AIC_TUI_PRICE_FEEDS_URL": server.url,
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"), **settings,
    }  # fmt: skip
    runtime = build(environment=environment, clock=clock)
    store = await runtime.open_store()

    async def make(actor: Actor | None) -> Context:
        return await runtime.context(store, actor=actor)

    keeper = PriceKeeper(make, clock)
    task = asyncio.create_task(keeper.run())
    try:
        yield await make(None)
    finally:
        keeper.leave()
        await task
        await runtime.aclose()


def asked(server: FeedServer, feed: str) -> int:
    return len(server.conditional(feed))


async def rest(clock: MovedClock) -> None:
    """Until the worker, woken by an advance, sleeps again."""
    for _ in range(5):
        await asyncio.sleep(0)
    await until(lambda: clock.sleepers == 1, "the worker sleeps")


async def test_feeds_are_asked_when_their_time_has_come_and_the_table_is_there_for_the_console(
    tmp_path: Path, server: FeedServer
) -> None:
    clock = MovedClock()
    async with keeping(tmp_path, server, clock) as context:
        await rest(clock)
        assert not server.asked, "a console that was just opened has other needs"
        clock.advance(20)
        await until(lambda: asked(server, "aws-spot") == 1, "it was asked")
        await rest(clock)
        table = read_offers(context.places.cache)
        assert table is not None
        row = next(row for row in range(len(table)) if table.row_id(row) == "aws/us-east-1/g6.xlarge")
        assert (table.word("spot_source", row), len(table) > 700) == ("AWS's public spot prices", True)
        clock.advance(3_600)
        await rest(clock)
        assert asked(server, "aws-spot") == 1
        clock.advance(5 * 3_600)
        await until(lambda: asked(server, "aws-spot") == 2, "it was asked again")
        await rest(clock)
        assert server.conditional("aws-spot")[1] == '"b"'


async def test_one_that_fails_is_asked_later_each_time_and_told_by_doctor(tmp_path: Path, server: FeedServer) -> None:
    clock = MovedClock()
    server.manners["aws-spot"] = Manner(b"oops", 500)
    async with keeping(tmp_path, server, clock) as context:
        await rest(clock)
        clock.advance(20)
        await until(lambda: asked(server, "aws-spot") == 1, "it was asked")
        await rest(clock)
        for seconds, times in ((240, 1), (60, 2), (300, 2), (300, 3)):
            clock.advance(seconds)
            await rest(clock)
            assert asked(server, "aws-spot") == times
        assert asked(server, "skypilot-aws") == 1
        found = await price_findings(context)
        assert {row["check"] for row in found} == {"prices"}
        assert any("answers HTTP 500" in str(row["reason"]) and row["next_step"] for row in found)


async def test_where_it_is_switched_off_nobody_is_asked_and_the_lists_that_ship_are_kept(
    tmp_path: Path, server: FeedServer
) -> None:
    clock = MovedClock()
    async with keeping(tmp_path, server, clock, AIC_TUI_PRICE_REFRESH="none") as context:
        await rest(clock)
        clock.advance(20)
        await until(lambda: offers_file(context.places.cache).exists(), "the lists that ship are there")
        clock.advance(86_400)
        await rest(clock)
        assert not server.asked
