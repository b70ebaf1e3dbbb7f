"""GetSpotPlacementScores: scores that never change, lower for the rarer machines."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from aicompute_tui.demo.world import snapshot
from aicompute_tui.demo.world.call import Answer, Call, CallError, ec2_answer
from aicompute_tui.demo.world.regions import OPT_IN_STATUS


def scores(call: Call, zone_ids: Mapping[str, str]) -> Answer:
    """`zone_ids` maps zone names to the ids that AWS answers with."""
    types = call.listed("InstanceType")
    regions = call.listed("RegionName") or [name for name, s in OPT_IN_STATUS.items() if s != "not-opted-in"]
    if not types:
        raise CallError("MissingParameter", "InstanceTypes is required here")
    if len(call.listed("RegionName")) > 10:
        raise CallError("InvalidParameterValue", "At most 10 regions may be named")
    by_zone = call.fields.get("SingleAvailabilityZone") == "true"
    rows = []
    for region in regions:
        places = {zone for name in types for zone in snapshot.zones().get((name, region), ())}
        if by_zone:
            rows += [
                {"region": region, "availabilityZoneId": zone_ids[zone], "score": _score(types, zone)}
                for zone in sorted(places)
                if zone in zone_ids
            ]
        elif places:
            rows.append({"region": region, "score": _score(types, region)})
    rows.sort(key=lambda row: -int(str(row["score"])))
    return ec2_answer(call, {"spotPlacementScoreSet": rows[:10], "nextToken": ""})


def _score(types: list[str], place: str) -> int:
    """From 1 to 9; fewer than three types always score low, as with AWS."""
    luck = zlib.crc32(f"{','.join(sorted(types))}/{place}".encode()) % 7
    rare = any(name.startswith("p") for name in types)
    return max(1, min(9, luck + (0 if rare else 3) - (2 if len(types) < 3 else 0)))
