"""A region's quotas over the wire: limits by family, what is ours of their use, and requests for more."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.errors import Conflict, InvalidInput, NotAllowed, OutOfQuota
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.quota import FamilyQuota, RequestState
from tests.contract.aws_account import REGION, account, another, open_cloud, order
from tests.world import World

pytestmark = pytest.mark.asyncio
G_SPOT = "L-3819A6DF"
DENIED = {"code": "AccessDeniedException", "status": 400, "times": -1}


async def region_quotas(world: World, region: str = REGION) -> dict[tuple[str, str], FamilyQuota]:
    return {(each.family, each.market.value): each for each in await account(world).region_quotas(region)}


async def test_every_family_is_read_by_a_few_calls_with_what_is_ours(world: World) -> None:
    cloud = account(world)
    ours = await order(cloud)
    await cloud.launch(ours)
    await open_cloud(world.environment(), store_id="another-store").launch(another(ours, 2))
    before = len(world.log())
    found = await region_quotas(world)
    g_spot = found["G/VT", "spot"].reading
    assert (g_spot.limit_vcpus, g_spot.used_vcpus, g_spot.own_vcpus, g_spot.free_vcpus) == (64, 8, 4, 56)
    assert (g_spot.code, g_spot.name) == (G_SPOT, "All G and VT Spot Instance Requests")
    assert found["G/VT", "on-demand"].reading.used_vcpus == 0
    assert found["P2-P4", "spot"].reading.limit_vcpus == 96
    assert found["P6", "spot"].reading.limit_vcpus is None
    assert "names no such quota" in found["P6", "spot"].reading.note
    assert len(world.log()) - before <= 5


async def test_what_may_not_be_read_is_unknown_with_the_reason(world: World) -> None:
    world.faults({"action": "ListServiceQuotas", **DENIED})
    found = (await region_quotas(world))["G/VT", "spot"].reading
    assert (found.limit_vcpus, found.used_vcpus, found.free_vcpus) == (None, 0, None)
    assert "may not" in found.note
    world.faults({"action": "DescribeInstances", "code": "UnauthorizedOperation", "status": 403, "times": -1})
    found = (await region_quotas(world))["G/VT", "spot"].reading
    assert (found.limit_vcpus, found.used_vcpus, found.own_vcpus) == (64, None, None)
    world.faults(
        {"action": "DescribeSpotInstanceRequests", "code": "UnauthorizedOperation", "status": 403, "times": -1}
    )
    readings = await region_quotas(world)
    assert "spot requests" in readings["G/VT", "spot"].reading.note
    assert readings["G/VT", "on-demand"].reading.note == ""


async def test_more_is_asked_for_and_followed(world: World) -> None:
    cloud = account(world)
    asked = await cloud.request_quota(REGION, G_SPOT, 128)
    assert (asked.state, asked.desired_vcpus, asked.code) == (RequestState.PENDING, 128, G_SPOT)
    with pytest.raises(Conflict):
        await cloud.request_quota(REGION, G_SPOT, 256)
    assert await cloud.quota_requests("us-east-1") == []
    for status, state in (("CASE_OPENED", RequestState.CASE_OPENED), ("APPROVED", RequestState.APPROVED)):
        world.answer_quota(REGION, G_SPOT, status)
        [found] = await cloud.quota_requests(REGION)
        assert (found.answer.state, found.family, found.market) == (state, "G/VT", Market.SPOT)
    assert found.answer.case_id is not None
    assert found.answer.updated_at >= found.answer.created_at == asked.created_at
    assert (await region_quotas(world))["G/VT", "spot"].reading.limit_vcpus == 128


async def test_a_request_is_sent_once_whatever_becomes_of_it(world: World) -> None:
    cloud = account(world)
    for code, error in (
        ("ServiceException", Exception),
        ("QuotaExceededException", OutOfQuota),
        ("DependencyAccessDeniedException", NotAllowed),
    ):
        world.faults({"action": "RequestServiceQuotaIncrease", "code": code, "status": 400, "times": -1})
        before = len(world.log("RequestServiceQuotaIncrease"))
        with pytest.raises(error):
            await cloud.request_quota(REGION, G_SPOT, 128)
        assert len(world.log("RequestServiceQuotaIncrease")) == before + 1
    world.faults()
    with pytest.raises(InvalidInput, match="greater than the current"):
        await cloud.request_quota(REGION, G_SPOT, 8)
