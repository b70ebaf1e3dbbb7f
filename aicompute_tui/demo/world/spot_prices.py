"""DescribeSpotPriceHistory: the snapshot's prices now, and a plausible past."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from aicompute_tui.demo.world import snapshot
from aicompute_tui.demo.world.call import Answer, Call, ec2_answer, page, passes

_PRODUCTS = {"Linux/UNIX", "Linux/UNIX (Amazon VPC)"}
_STEP = timedelta(hours=6)
_LONGEST_HISTORY = timedelta(days=90)
_USUAL_HISTORY = timedelta(days=1)


def describe(call: Call, now: datetime) -> Answer:
    filters = call.filters()
    products = call.listed("ProductDescription")
    wanted_types = call.listed("InstanceType")
    wanted_zone = call.fields.get("AvailabilityZone")
    start = max(_moment(call.fields.get("StartTime"), now - _USUAL_HISTORY), now - _LONGEST_HISTORY)
    end = _moment(call.fields.get("EndTime"), now)
    rows = []
    if not products or _PRODUCTS & set(products):
        for instance_type in wanted_types or snapshot.spot_types(call.region):
            for zone, price in snapshot.spot_prices(instance_type, call.region).items():
                words = {"instance-type": instance_type, "availability-zone": zone, "product-description": "Linux/UNIX"}
                if wanted_zone in {None, zone} and passes(filters, words):
                    rows += [_row(instance_type, zone, at, paid) for at, paid in _past(price, zone, start, end, now)]
    chosen, token = page(call.fields, rows, 1000)
    return ec2_answer(call, {"spotPriceHistorySet": chosen, "nextToken": token})


def _row(instance_type: str, zone: str, at: datetime, price: Decimal) -> dict[str, str]:
    return {
        "instanceType": instance_type,
        "productDescription": "Linux/UNIX",
        "spotPrice": f"{price:.6f}",
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "availabilityZone": zone,
    }


def _past(
    price: Decimal, zone: str, start: datetime, end: datetime, now: datetime
) -> Iterator[tuple[datetime, Decimal]]:
    """Changes between `start` and `end`, newest first, down to the one that was in force at `start`.

    A price has its slow tides, its days and now and then a scarce spell; the same moment always has the same price.
    """
    seed = zlib.crc32(f"{zone}/{price}".encode())
    at = now.replace(microsecond=0) - timedelta(seconds=600 + seed % 3000)
    paid = price
    while True:
        if at <= end:
            yield at, paid
        if at <= start:
            return
        while True:
            at -= _STEP
            step = int(at.timestamp() // _STEP.total_seconds())
            if zlib.crc32(f"{zone}/{step}".encode()) % 4 or at <= start:  # a quarter of the time nothing changes
                break
        paid = (price * _level(zone, step)).quantize(Decimal("0.0001"))


def _level(zone: str, step: int) -> Decimal:
    """What a price was then, as a multiple of what it is now."""
    tide = 0.07 * math.sin(step / 11 + zlib.crc32(zone.encode()) % 7) + 0.03 * math.sin(step / 3)
    chance = (zlib.crc32(f"{zone}:{step}".encode()) % 61 - 30) / 1500
    is_scarce = zlib.crc32(f"{zone}!{step // 5}".encode()) % 17 == 0
    return Decimal(f"{1.04 + tide + chance + (0.22 if is_scarce else 0):.4f}")


def _moment(text: str | None, otherwise: datetime) -> datetime:
    if not text:
        return otherwise
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
