"""How spot prices moved: every change of a type's price, by zone."""

from __future__ import annotations

from datetime import datetime

from aicompute_tui.clouds.aws.prices import price_amount
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.domain.spot import SpotPoint

_MOST_POINTS = 100_000


def spot_history(session: AwsSession, region: str, machine_type: str, since: datetime) -> list[SpotPoint]:
    """Of every zone, oldest first, with the price that was in force at `since`."""
    found: dict[tuple[str, datetime], SpotPoint] = {}
    pages = session.pages(
        "ec2",
        "describe_spot_price_history",
        region,
        InstanceTypes=[machine_type],
        ProductDescriptions=["Linux/UNIX"],
        StartTime=since,
        EndTime=session.now,
    )
    for page in pages:
        for entry in page.get("SpotPriceHistory", []):
            usd = price_amount(entry["SpotPrice"])
            if usd is not None and entry["InstanceType"] == machine_type:
                point = SpotPoint(zone=entry["AvailabilityZone"], at=entry["Timestamp"], usd_per_hour=usd)
                found[point.zone, point.at] = point
        if len(found) > _MOST_POINTS:
            break
    return sorted(found.values(), key=lambda point: (point.at, point.zone))
