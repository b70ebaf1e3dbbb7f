"""The price feeds there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.clouds.feeds.aws_public import interruptions, spot_prices
from aicompute_tui.clouds.feeds.base import FeedAnswer, PriceFeed
from aicompute_tui.clouds.feeds.public import PublicFeed
from aicompute_tui.clouds.feeds.skypilot import Catalogue
from aicompute_tui.clouds.price_lists import listed_offers
from aicompute_tui.domain.offer_table import table_of
from aicompute_tui.domain.price_feed import FeedState

SNAPSHOT = "snapshot"
LIVE = "aws"
"""Prices by one's own account, which is no public feed."""
_SPOT_URL = "https://website.spot.ec2.aws.a2z.com/spot.json"
_ADVISOR_URL = "https://spot-bid-advisor.s3.amazonaws.com/spot-advisor-data.json"
_CATALOGUE_URL = "https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8/{}/vms.csv"
_CATALOGUES = {"aws": "AWS", "lambda": "Lambda", "runpod": "RunPod", "vast": "Vast"}


class Snapshot:
    """The lists that ship with the package."""

    id = SNAPSHOT
    title = "The lists that ship with aic-tui"
    url = ""
    frozen_after = None

    async def read(self, known: FeedState, now: datetime) -> FeedAnswer:  # noqa: ARG002 - they are what they are
        return FeedAnswer(table=table_of(listed_offers()))


def public_feeds(mirror: str = "") -> list[PriceFeed]:
    """Those at public addresses, or all of them under one of one's own: `mirror`/`id`."""
    feeds = [
        *(
            PublicFeed(
                f"skypilot-{cloud}",
                f"SkyPilot's catalogue of {name}",
                _CATALOGUE_URL.format(cloud),
                timedelta(days=7),
                Catalogue(cloud),
            )
            for cloud, name in _CATALOGUES.items()
        ),
        PublicFeed("aws-advisor", "AWS's spot advisor", _ADVISOR_URL, timedelta(days=7), interruptions),
        PublicFeed("aws-spot", "AWS's public spot prices", _SPOT_URL, timedelta(hours=6), spot_prices),
    ]
    base = mirror.strip().rstrip("/")
    return [replace(feed, url=f"{base}/{feed.id}") if base else feed for feed in feeds]


def feed_ids() -> list[str]:
    return [SNAPSHOT, *(feed.id for feed in public_feeds()), LIVE]
