"""What is recommended where quotas are known: how many the quota leaves, and what is beyond it ranks last, with why."""

from __future__ import annotations

from typing import Any

import pytest

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.quota import FamilyQuota
from tests.unit.fake_cloud import REGION, Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio


async def recommended(at: Bench, **more: Any) -> Any:
    asked = {"model": ["llama-3.1-8b"], "cloud": ["aws"], "region": REGION, "market": "spot", **more}
    return await at.query("model.recommend", **asked)


async def with_quota(at: Bench, limit: int | None, family: str = "G/VT") -> None:
    reading = QuotaReading(name="All", code="L-1", limit_vcpus=limit, used_vcpus=0, own_vcpus=0)
    at.cloud.family_quotas = [FamilyQuota(family=family, market=Market.SPOT, reading=reading)]
    await at.query("quota.list", region=REGION)


async def test_without_a_known_quota_nothing_is_said_of_it(at: Bench) -> None:
    answer = await recommended(at)
    assert {(row["quota_machines"], row["quota"]) for row in answer["offers"]} == {(None, None)}
    await with_quota(at, None)
    assert (await recommended(at))["offers"] == answer["offers"]


async def test_each_says_how_many_the_quota_leaves_and_those_beyond_it_come_last(at: Bench) -> None:
    before = [row["type"] for row in (await recommended(at))["offers"]]
    await with_quota(at, 16)
    answer = await recommended(at)
    rows = answer["offers"]
    assert sorted(before) == sorted(row["type"] for row in rows)
    assert [row["type"] for row in rows] != before
    is_beyond = [row["quota_machines"] == 0 for row in rows]
    assert is_beyond == sorted(is_beyond)
    assert (is_beyond[0], is_beyond[-1]) == (False, True)
    for row in rows:
        if row["type"].startswith("p"):
            assert row["quota"] is None
        elif row["vcpu_count"] <= 16:
            assert (row["quota_machines"], row["quota"]) == (
                16 // row["vcpu_count"],
                f"{16 // row['vcpu_count']} more by quota",
            )
        else:
            assert row["quota"] == (
                f"beyond the spot quota of G/VT in {REGION}: 16 of the {row['vcpu_count']} vCPUs it takes are free"
            )
    assert "the cheapest within your quota is" in answer["reason"]


async def test_a_type_is_offered_where_the_quota_has_room_before_where_it_is_cheapest(at: Bench) -> None:
    cheapest = (await recommended(at, region=""))["offers"][0]
    reading = QuotaReading(name="All", code="L-1", limit_vcpus=0, used_vcpus=0, own_vcpus=0)
    at.cloud.family_quotas = [FamilyQuota(family="G/VT", market=Market.SPOT, reading=reading)]
    await at.query("quota.list", region=cheapest["region"])
    same = [row for row in (await recommended(at, region=""))["offers"] if row["type"] == cheapest["type"]]
    assert [row["quota_machines"] for row in same] == [None]
    assert same[0]["region"] != cheapest["region"]


async def test_where_all_are_beyond_the_quota_that_is_said(at: Bench) -> None:
    await with_quota(at, 0)
    answer = await recommended(at, gpu="a10g")
    assert "All of them are beyond your quota." in answer["reason"]
    assert all(row["quota_machines"] == 0 for row in answer["offers"])
