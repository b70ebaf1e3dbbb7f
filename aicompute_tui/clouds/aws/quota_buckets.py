"""The vCPU quotas of EC2: each family's by its code, by the name AWS gives it, and by what it counts."""

from __future__ import annotations

import re
from typing import NamedTuple

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.quota import counts, quota_family


class Bucket(NamedTuple):
    """Machine types that share one quota. `code` is None where AWS's own is not known for certain."""

    family: str
    market: Market
    code: str | None
    name: str
    pattern: str

    def counts(self, instance_type: str) -> bool:
        return counts(self.family, instance_type)


def _spot(family: str, code: str | None, name: str, pattern: str = "") -> Bucket:
    return Bucket(family, Market.SPOT, code, name, pattern or name)


def _on_demand(family: str, code: str, name: str, pattern: str = "") -> Bucket:
    return Bucket(family, Market.ON_DEMAND, code, name, pattern or name)


_ALL = (
    _spot("G/VT", "L-3819A6DF", "All G and VT Spot Instance Requests", r"All .*\bG\b.* Spot Instance Requests"),
    _spot("P6", None, "All P6 Spot Instance Requests", r"All .*\bP6\b.* Spot Instance Requests"),
    _spot("P5", "L-C4BD4855", "All P5 Spot Instance Requests", r"All .*\bP5\b.* Spot Instance Requests"),
    _spot("P2-P4", "L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", r"All .*\bP4\b.* Spot Instance Requests"),
    _spot("Trn", "L-6B0D517C", "All Trn Spot Instance Requests"),
    _spot("Inf", "L-B5D1601B", "All Inf Spot Instance Requests"),
    _spot("DL", "L-85EED4F7", "All DL Spot Instance Requests"),
    _spot("F", "L-88CF9481", "All F Spot Instance Requests"),
    _spot("X", "L-E3A00192", "All X Spot Instance Requests"),
    _spot("Standard", "L-34B43A08", "All Standard Spot Instance Requests", r"All Standard .*Spot Instance Requests"),
    _on_demand("G/VT", "L-DB2E81BA", "Running On-Demand G and VT instances", r"Running On-Demand .*\bG\b.* instances"),
    _on_demand("P", "L-417A185B", "Running On-Demand P instances"),
    _on_demand("Trn", "L-2C3B7624", "Running On-Demand Trn instances"),
    _on_demand("Inf", "L-1945791B", "Running On-Demand Inf instances"),
    _on_demand("DL", "L-6E869C2A", "Running On-Demand DL instances"),
    _on_demand("F", "L-74FC7D96", "Running On-Demand F instances"),
    _on_demand("X", "L-7295265B", "Running On-Demand X instances"),
    _on_demand(
        "Standard", "L-1216C47A", "Running On-Demand Standard instances", r"Running On-Demand Standard .*instances"
    ),
)
BUCKETS: dict[tuple[str, Market], Bucket] = {(each.family, each.market): each for each in _ALL}
MERGED_P = _spot("P", None, "All P Spot Instance Requests")
"""Some regions have one spot quota for every P family instead of one by generation."""
MERGED = frozenset({"P6", "P5", "P2-P4"})


def bucket_of(instance_type: str, market: Market) -> Bucket | None:
    family = quota_family(instance_type, market)
    return None if family is None else BUCKETS[family, market]


def bucket_by_code(code: str, name: str) -> Bucket | None:
    """Of a code that AWS names; by its name where the code is one we do not know for certain."""
    known = next((each for each in _ALL if each.code == code), None)
    if known is not None:
        return known
    return next((each for each in (MERGED_P, *_ALL) if re.fullmatch(each.pattern, name)), None)
