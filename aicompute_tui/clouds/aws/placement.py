"""Spot placement scores: how likely AWS thinks it is that a wish for spot machines comes true, from 1 to 10."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.spot import PlacementScore


def placement_scores(
    session: AwsSession, regions: Sequence[str], machine_types: Sequence[str], count: int
) -> list[PlacementScore]:
    """By zone, best first. AWS limits how many different wishes it scores in a day: ask the same again, not others."""
    home = regions[0]
    answer = session.ask(
        "ec2",
        "get_spot_placement_scores",
        home,
        InstanceTypes=list(machine_types),
        TargetCapacity=count,
        TargetCapacityUnitType="units",
        SingleAvailabilityZone=True,
        RegionNames=list(regions),
    )
    rows: list[Mapping[str, Any]] = answer.get("SpotPlacementScores", [])
    names: dict[str, str] = {}
    for region in sorted({str(row["Region"]) for row in rows}):
        names |= _zone_names(session, region)
    found = [
        PlacementScore(
            region=row["Region"],
            zone_id=row.get("AvailabilityZoneId", ""),
            zone=names.get(row.get("AvailabilityZoneId", "")),
            score=int(row["Score"]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: (-each.score, each.region, each.zone_id))


def _zone_names(session: AwsSession, region: str) -> dict[str, str]:
    """By id, which is the same for every account, unlike the name; none where they may not be asked for."""
    try:
        answer = session.ask("ec2", "describe_availability_zones", region)
    except AicError:
        return {}
    return {zone["ZoneId"]: zone["ZoneName"] for zone in answer.get("AvailabilityZones", [])}
