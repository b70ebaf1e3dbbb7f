"""Quotas as the agent tells of them: room for many, one that is too small and asked for, one that may not be read."""

from __future__ import annotations

from typing import Any

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import QuotaRequestRow
from tests.ui.console_world import MINUTE, NOW

ACCOUNT = "123456789012"


def quota_row(family: str, region: str = "ca-central-1", market: str = "spot", **changes: Json) -> JsonObject:
    values: JsonObject = {
        "id": f"{ACCOUNT}/{region}/{market}/{family}", "region": region, "market": market, "family": family,
        "name": f"All {family} {market}", "code": "L-3819A6DF", "limit_vcpus": 64, "used_vcpus": 12, "own_vcpus": 4,
        "other_vcpus": 8, "free_vcpus": 52, "type": "g5.xlarge", "type_vcpus": 4, "fits_machines": 13,
        "request_state": None, "requested_vcpus": None, "request_id": None, "cloud": "aws", "account_id": ACCOUNT,
        "profile": "aws:profile:team", "read_at": "2026-11-20T13:58:00Z", "age_seconds": 240, "note": None,
    }  # fmt: skip
    return values | changes


def quota_rows() -> list[Json]:
    return [
        quota_row("G/VT", name="All G and VT Spot Instance Requests"),
        quota_row("P5", name="All P5 Spot Instance Requests", code="L-C4BD4855", limit_vcpus=0, used_vcpus=0,
                  own_vcpus=0, other_vcpus=0, free_vcpus=0, type="p5.4xlarge", type_vcpus=16, fits_machines=0),
        quota_row("P6", name="All P6 Spot Instance Requests", code=None, limit_vcpus=None, used_vcpus=None,
                  own_vcpus=None, other_vcpus=None, free_vcpus=None, type="p6-b200.48xlarge", type_vcpus=192,
                  fits_machines=None, read_at=None, age_seconds=None, note="AWS names no such quota"),
        quota_row("G/VT", market="on-demand", name="Running On-Demand G and VT instances", limit_vcpus=24,
                  free_vcpus=12, fits_machines=3),
        quota_row("G/VT", "us-east-1", name="All G and VT Spot Instance Requests", limit_vcpus=32, used_vcpus=30,
                  free_vcpus=2, fits_machines=0, own_vcpus=8, other_vcpus=22, request_state="pending",
                  requested_vcpus=128, request_id="a1"),
        quota_row("Standard", market="on-demand", name="Running On-Demand Standard instances", type=None,
                  type_vcpus=None, fits_machines=None),
    ]  # fmt: skip


def quota_request_row(state: str = "approved", **changes: Any) -> QuotaRequestRow:
    """One that was answered two minutes ago."""
    values: dict[str, Any] = {
        "id": "a1", "account_id": ACCOUNT, "region": "us-east-1", "market": "spot", "family": "G/VT",
        "name": "All G and VT Spot Instance Requests", "desired_vcpus": 128, "state": state,
        "created_at": NOW - 30 * MINUTE, "answered_at": NOW - 2 * MINUTE,
    }  # fmt: skip
    return QuotaRequestRow(**(values | changes))
