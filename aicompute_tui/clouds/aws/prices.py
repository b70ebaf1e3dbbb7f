"""Prices: spot by zone, on-demand from the price list, and the dated snapshot where neither can be read."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from aicompute_tui.clouds.aws.catalogue import chunks
from aicompute_tui.clouds.aws.regions import partition
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.clouds.price_sources import shipped_source
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.offer import PriceQuote
from aicompute_tui.settings.packaged import DATA

_LOG = logging.getLogger(__name__)
SPOT_SOURCE = "AWS spot price history"
ON_DEMAND_SOURCE = "AWS price list"
_PRICING_REGION = "us-east-1"
_SPOT_CHUNK = 100
_FEW_TYPES = 8
_LINUX = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "preInstalledSw": "NA",
}
"""Without the capacity status the list also answers reservations, at a price of nothing."""

Quotes = dict[str, PriceQuote]


def spot_prices(session: AwsSession, region: str, names: Sequence[str]) -> Quotes:
    """The price in force now by zone; the quote's own is the cheapest zone's."""
    now = session.now
    newest: dict[tuple[str, str], tuple[datetime, Decimal]] = {}
    for some in chunks(sorted(set(names)), _SPOT_CHUNK):
        pages = session.pages(
            "ec2",
            "describe_spot_price_history",
            region,
            InstanceTypes=list(some),
            ProductDescriptions=["Linux/UNIX"],
            StartTime=now,
            EndTime=now,
        )
        for page in pages:
            for entry in page.get("SpotPriceHistory", []):
                key, value = (entry["InstanceType"], entry["AvailabilityZone"]), price_amount(entry["SpotPrice"])
                if value is not None and (key not in newest or entry["Timestamp"] > newest[key][0]):
                    newest[key] = (entry["Timestamp"], value)
    by_type: dict[str, dict[str, Decimal]] = {}
    for (name, zone), (_, value) in sorted(newest.items()):
        by_type.setdefault(name, {})[zone] = value
    return {
        name: PriceQuote(usd_per_hour=min(zones.values()), source=SPOT_SOURCE, as_of=now, by_zone=zones)
        for name, zones in by_type.items()
    }


def on_demand_prices(session: AwsSession, region: str, names: Sequence[str]) -> Quotes:
    """One call by type for a few types, else every product of the region page by page."""
    wanted = set(names)
    now = session.now
    found: Quotes = {}
    for type_filter in sorted(wanted) if len(wanted) <= _FEW_TYPES else [None]:
        terms = {**_LINUX, "regionCode": region} | ({"instanceType": type_filter} if type_filter else {})
        filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in terms.items()]
        pages = session.pages(
            "pricing",
            "get_products",
            _pricing_region(region),
            ServiceCode="AmazonEC2",
            FormatVersion="aws_v1",
            Filters=filters,
        )
        for name, value in _products(text for page in pages for text in page.get("PriceList", [])):
            if name in wanted:
                found[name] = PriceQuote(usd_per_hour=value, source=ON_DEMAND_SOURCE, as_of=now)
    return found


def live_prices(session: AwsSession, region: str, names: Sequence[str], market: Market) -> Quotes:
    """Quotes as AWS tells them now; what it has no price for is absent."""
    live = spot_prices if market is Market.SPOT else on_demand_prices
    return live(session, region, names)


def prices(session: AwsSession, region: str, names: Sequence[str], market: Market) -> Quotes:
    """Live quotes; where they cannot be read, the snapshot's. What AWS has no price for is absent."""
    try:
        return live_prices(session, region, names, market)
    except AicError as error:
        _LOG.info("%s prices of %s could not be read: %s", market.value, region, error.message)
    snapshot = shipped_prices()
    return {
        name: PriceQuote(usd_per_hour=snapshot[name, region, market], source=shipped_source("aws").source, as_of=None)
        for name in names
        if (name, region, market) in snapshot
    }


def _pricing_region(region: str) -> str:
    return "cn-northwest-1" if partition(region) == "aws-cn" else _PRICING_REGION


def _products(texts: Iterable[str]) -> Iterable[tuple[str, Decimal]]:
    """Type and hourly price of each product, which the service answers as JSON inside a string."""
    for text in texts:
        product = json.loads(text)
        value = _hourly(product.get("terms", {}).get("OnDemand", {}))
        name = product.get("product", {}).get("attributes", {}).get("instanceType")
        if name and value is not None:
            yield name, value


def _hourly(terms: Mapping[str, Any]) -> Decimal | None:
    amounts = (
        price_amount(dimension.get("pricePerUnit", {}).get("USD"))
        for term in terms.values()
        for dimension in term.get("priceDimensions", {}).values()
        if dimension.get("unit") == "Hrs"
    )
    return max((amount for amount in amounts if amount), default=None)


def price_amount(text: object) -> Decimal | None:
    """A price above nothing; anything else is not a price."""
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None


@cache
def shipped_prices() -> dict[tuple[str, str, Market], Decimal]:
    """On-demand, and for spot the dearest zone, so that an old number is not also the most hopeful one."""
    found: dict[tuple[str, str, Market], Decimal] = {}
    with (DATA / "aws-gpu-prices.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for market, column in (
                (Market.ON_DEMAND, "on_demand_usd_per_hour"),
                (Market.SPOT, "spot_max_usd_per_hour"),
            ):
                value = price_amount(row[column]) if row[column] else None
                if value is not None:
                    found[row["instance_type"], row["region"], market] = value
    return found
