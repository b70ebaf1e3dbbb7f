"""Refreshes of price feeds at the same time, over a full disk, and of a feed that has truly lost most of its offers."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

import pytest
import pytest_asyncio

from aicompute_tui.clouds.feeds.base import FeedAnswer
from aicompute_tui.clouds.feeds.registry import LIVE
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import OfferTable, table_of
from aicompute_tui.domain.price_feed import FeedState
from aicompute_tui.runtime import build
from aicompute_tui.services.context import Context
from aicompute_tui.services.offers import current_offers
from aicompute_tui.services.price_feeds import list_feeds, refresh, refresh_prices
from aicompute_tui.store.offer_files import folder, read_feed
from tests.contract.feed_server import FeedServer, Manner, feed_server
from tests.moved_clock import MovedClock
from tests.unit.test_price_feeds_read import catalogue, line
from tests.waiting import until

pytestmark = pytest.mark.asyncio
REGIONS = ("ca-central-1", "eu-west-1", "us-east-1", "us-east-2", "us-west-2")


def table(region: str, now: datetime, price: str = "0.5") -> OfferTable:
    return table_of(
        [
            ListedOffer(
                cloud="aws", region=region, machine_type="g5.xlarge", gpu_name="A10G", gpu_count=1,
                gpu_memory_mib=22_888, vcpu_count=4, memory_mib=16_384, on_demand_usd_per_hour=Decimal(price),
                spot_usd_per_hour=None, source="a feed of the test", read_at=now, is_dated=True,
            )
        ]
    )  # fmt: skip


@dataclass
class HeldFeed:
    """Answers a region's offer when the test lets it, and counts who is asking at the same time."""

    region: str
    id: str = LIVE
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    ended: int = 0
    title: ClassVar[str] = "A feed of the test"
    url: ClassVar[str] = ""
    frozen_after: ClassVar[timedelta | None] = None

    async def read(self, known: FeedState, now: datetime) -> FeedAnswer:
        self.asked += 1
        try:
            await self.opened.wait()
            return FeedAnswer(table=table(self.region, now), as_of=now)
        finally:
            self.ended += 1


class BrokenFeed(HeldFeed):
    async def read(self, known: FeedState, now: datetime) -> FeedAnswer:
        raise RuntimeError("a mistake of the program")


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as made:
        yield made


@pytest_asyncio.fixture
async def context(tmp_path: Path, server: FeedServer, clock: MovedClock) -> AsyncIterator[Context]:
    environment = {
        "HOME": str(tmp_path), "AIC_TUI_HOME": str(tmp_path / "home"), "AIC_TUI_PRICE_FEEDS_URL": server.url,
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }  # fmt: skip
    runtime = build(environment=environment, clock=clock)
    try:
        yield await runtime.context(await runtime.open_store(), actor=None)
    finally:
        await runtime.aclose()


def regions_kept(context: Context) -> set[str]:
    kept = read_feed(context.places.cache, LIVE)[1]
    return set() if kept is None else {kept.word("region", row) for row in range(len(kept))}


async def test_two_refreshes_of_one_account_keep_the_offers_of_both(context: Context) -> None:
    feeds = [HeldFeed("ca-central-1"), HeldFeed("us-east-1")]
    both = [asyncio.create_task(refresh(context, [feed])) for feed in feeds]
    await until(lambda: feeds[0].asked + feeds[1].asked == 1, "one of them asks")
    for feed in feeds:
        feed.opened.set()
    await asyncio.gather(*both)
    assert regions_kept(context) == {"ca-central-1", "us-east-1"}


async def test_a_refresh_waits_for_that_of_another_process(context: Context) -> None:
    lock = folder(context.places.cache) / f"{LIVE}.lock"
    lock.parent.mkdir(parents=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    feed, other = HeldFeed("us-east-1"), HeldFeed("us-east-1", id="aws-spot")
    feed.opened.set()
    other.opened.set()
    asking = asyncio.create_task(refresh(context, [feed, other]))
    await until(lambda: other.ended == 1, "a feed that nobody holds answers")
    assert feed.asked == 0
    os.close(descriptor)
    [row, _] = await asking
    assert isinstance(row, dict)
    assert row["state"] == "new"


async def test_who_waited_for_the_same_public_feed_has_that_answer_without_asking(context: Context) -> None:
    first, second = HeldFeed("us-east-1", id="aws-spot"), HeldFeed("us-east-1", id="aws-spot")
    asking = asyncio.create_task(refresh(context, [first]))
    await until(lambda: first.asked == 1, "the first asks")
    waiting = asyncio.create_task(refresh(context, [second]))
    first.opened.set()
    assert await asking == await waiting
    assert second.asked == 0


async def test_a_feed_that_cannot_be_kept_loses_no_other(context: Context) -> None:
    feeds = [HeldFeed("us-east-1"), HeldFeed("us-west-2", id="aws-spot")]
    blocked = folder(context.places.cache) / f"{LIVE}.columns"
    blocked.mkdir(parents=True)  # nothing can be put in its place
    asking = asyncio.create_task(refresh(context, feeds))
    await until(lambda: feeds[0].asked + feeds[1].asked == 2, "both ask")
    feeds[0].opened.set()
    await asyncio.sleep(0)
    feeds[1].opened.set()
    [lost, kept] = await asking
    assert isinstance(lost, dict)
    assert isinstance(kept, dict)
    assert (lost["state"], "Nothing can be kept in" in str(lost["problem"])) == ("failed", True)
    assert (kept["state"], kept["problem"]) == ("new", None)
    offers = await current_offers(context)
    assert "a feed of the test" in offers.column("on_demand_source").words


async def test_after_a_mistake_nothing_runs_on_and_the_others_are_kept(context: Context) -> None:
    good = HeldFeed("us-west-2", id="aws-spot")
    asking = asyncio.create_task(refresh(context, [BrokenFeed("us-east-1"), good]))
    await until(lambda: good.asked == 1, "the other asks")
    assert not asking.done()
    good.opened.set()
    with pytest.raises(RuntimeError):
        await asking
    assert "a feed of the test" in (await current_offers(context)).column("on_demand_source").words


async def test_a_refresh_that_is_ended_ends_what_it_asked(context: Context) -> None:
    feeds = [HeldFeed("us-east-1"), HeldFeed("us-west-2", id="aws-spot")]
    asking = asyncio.create_task(refresh(context, feeds))
    await until(lambda: feeds[0].asked + feeds[1].asked == 2, "both ask")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [feed.ended for feed in feeds] == [1, 1]


# -- a feed that has lost most of its offers


def listed(server: FeedServer, types: int, *, regions: int = 5) -> None:
    lines = [line(f"g6.{2 + number}xlarge", region=region) for number in range(types) for region in REGIONS[:regions]]
    server.manners["skypilot-aws"] = Manner(catalogue(*lines))


async def asked_again(context: Context, *, accept: bool = False) -> dict[str, Json]:
    [row] = await refresh_prices(context, {"feed": ["skypilot-aws"], "accept": accept})
    assert isinstance(row, dict)
    return row


async def test_what_is_said_thrice_over_a_day_is_believed(
    context: Context, server: FeedServer, clock: MovedClock
) -> None:
    listed(server, 8)
    assert (await asked_again(context))["offers"] == 40
    listed(server, 8, regions=2)
    for hours, words in ((1, "<1m ago, once"), (6, "6h ago, 2 times"), (6, "12h ago, 3 times")):
        clock.advance(hours * 3_600)
        row = await asked_again(context)
        assert (row["state"], row["offers"]) == ("refused", 40)
        assert f"has only 16 offers, where it had 40. It first said so {words} so far." in str(row["problem"])
        assert "price refresh skypilot-aws --accept" in str(row["next_step"])
    clock.advance(13 * 3_600)
    [told] = [row for row in await list_feeds(context, {}) if isinstance(row, dict) and row["feed"] == "skypilot-aws"]
    assert "1d01 ago, 3 times" in str(told["problem"])
    row = await asked_again(context)
    assert (row["state"], row["offers"], row["problem"], row["refused_since"]) == ("new", 16, None, None)


async def test_a_day_that_began_with_another_answer_counts_anew(
    context: Context, server: FeedServer, clock: MovedClock
) -> None:
    listed(server, 8)
    await asked_again(context)
    listed(server, 8, regions=2)
    await asked_again(context)
    await asked_again(context)
    clock.advance(25 * 3_600)
    listed(server, 8, regions=1)
    row = await asked_again(context)
    assert (row["state"], row["offers"], row["refused_times"]) == ("refused", 40, 1)
    listed(server, 8)
    row = await asked_again(context)
    assert (row["state"], row["offers"], row["refused_times"]) == ("new", 40, None)


async def test_one_who_accepts_it_is_not_made_to_wait(context: Context, server: FeedServer) -> None:
    listed(server, 8)
    await asked_again(context)
    listed(server, 8, regions=2)
    assert (await asked_again(context))["state"] == "refused"
    row = await asked_again(context, accept=True)
    assert (row["state"], row["offers"]) == ("new", 16)
    server.manners["skypilot-aws"] = Manner(catalogue(line(price="0", spot="0"), line(price="0", spot="0")))
    row = await asked_again(context, accept=True)
    assert (row["state"], row["offers"]) == ("refused", 16)
