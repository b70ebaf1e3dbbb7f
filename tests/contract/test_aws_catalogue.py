"""Regions, machine types, images, quotas and prices, and what is said where they cannot be read."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.instance import Market
from tests.contract.aws_account import REGION, account, another, g5, order
from tests.world import World

DENIED = {"code": "AccessDeniedException", "status": 400, "times": -1}


@pytest.mark.asyncio
async def test_regions_begin_with_canada_and_know_what_is_enabled(world: World) -> None:
    regions = await account(world).regions()
    assert [region.code for region in regions[:2]] == ["ca-central-1", "ca-west-1"]
    assert regions[0].name == "Canada (Central)"
    assert regions[0].enabled is True
    assert any(region.enabled is False for region in regions)
    rest = [(region.country or "~", region.name) for region in regions[2:]]
    assert rest == sorted(rest)
    assert not [region.code for region in regions if region.code.startswith(("cn-", "us-gov-", "us-iso"))]


@pytest.mark.asyncio
async def test_regions_that_may_not_be_asked_are_listed_without_a_verdict(world: World) -> None:
    world.faults({"action": "DescribeRegions", "code": "UnauthorizedOperation", "status": 403})
    regions = await account(world).regions()
    assert regions[0].code == "ca-central-1"
    assert {region.enabled for region in regions} == {None}


@pytest.mark.asyncio
async def test_types_that_cannot_be_driven_say_why(world: World) -> None:
    types = {each.name: each for each in await account(world).machine_types(REGION)}
    assert types["g5.xlarge"].disabled_reason is None
    assert types["g5.xlarge"].gpu_name == "A10G"
    assert types["g5.xlarge"].gpu_memory_mib == 22_888
    fraction = types["g6f.large"]
    assert fraction.gpu_count == pytest.approx(0.125)
    assert fraction.disabled_reason is not None
    assert "fraction" in fraction.disabled_reason
    assert all(each.zones for each in types.values())
    assert "t3.micro" not in types
    usa = {each.name: each for each in await account(world).machine_types("us-east-1")}
    assert "V100" in (usa["p3dn.24xlarge"].disabled_reason or "")


@pytest.mark.asyncio
async def test_a_type_that_the_region_lacks_is_not_found(world: World) -> None:
    cloud = account(world)
    for name in ("g99.huge", "p6-b300.48xlarge"):
        with pytest.raises(NotFound) as caught:
            await cloud.machine_type(REGION, name)
        assert REGION in caught.value.message


@pytest.mark.asyncio
async def test_the_image_fits_the_architecture(world: World) -> None:
    cloud = account(world)
    intel = await cloud.image(REGION, await g5(cloud), None)
    assert "Ubuntu 24.04" in intel.name
    assert "SSM" in intel.source
    assert (intel.root_device_name, intel.login) == ("/dev/sda1", "ubuntu")
    assert intel.min_volume_gib == 75
    arm = await cloud.image("us-east-1", await cloud.machine_type("us-east-1", "g5g.xlarge"), None)
    assert "ARM64" in arm.name
    with pytest.raises(InvalidInput, match="arm64"):
        await cloud.image("us-east-1", await cloud.machine_type("us-east-1", "g5.xlarge"), arm.image_id)


@pytest.mark.asyncio
async def test_without_the_parameter_the_newest_image_by_name_is_taken(world: World) -> None:
    cloud = account(world)
    machine_type = await g5(cloud)
    by_parameter = await cloud.image(REGION, machine_type, None)
    for fault in ({"code": "ParameterNotFound", "status": 400, "times": -1}, DENIED):
        world.faults({"action": "GetParameter", **fault})
        by_name = await cloud.image(REGION, machine_type, None)
        assert by_name.image_id == by_parameter.image_id
        assert by_name.source == "newest by name"


@pytest.mark.asyncio
async def test_an_image_given_is_used_and_an_absent_one_said(world: World) -> None:
    cloud = account(world)
    machine_type = await g5(cloud)
    found = await cloud.image(REGION, machine_type, None)
    given = await cloud.image(REGION, machine_type, found.image_id)
    assert given.source == "given"
    assert given.min_volume_gib == found.min_volume_gib
    with pytest.raises(NotFound) as caught:
        await cloud.image(REGION, machine_type, "ami-0123456789abcdef0")
    assert "--image" in caught.value.next_step


@pytest.mark.asyncio
async def test_a_type_without_driver_image_takes_only_a_given_image(world: World) -> None:
    cloud = account(world)
    found = await cloud.image(REGION, await g5(cloud), None)
    fraction = await cloud.machine_type(REGION, "g6f.large")
    with pytest.raises(InvalidInput, match="fraction"):
        await cloud.image(REGION, fraction, None)
    assert (await cloud.image(REGION, fraction, found.image_id)).image_id == found.image_id


@pytest.mark.asyncio
async def test_the_quota_counts_running_machines_of_its_market_and_family(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    machine = await cloud.launch(wanted)
    await cloud.launch(another(replace(wanted, market=Market.ON_DEMAND), 2))
    machine_type = await g5(cloud)
    for market in Market:
        reading = await cloud.quota(REGION, machine_type, market)
        assert (reading.limit_vcpus, reading.used_vcpus, reading.free_vcpus) == (64, 4, 60)
    await cloud.terminate(REGION, machine.remote_id)
    assert (await cloud.quota(REGION, machine_type, Market.SPOT)).used_vcpus == 0
    assert (await cloud.quota(REGION, machine_type, Market.ON_DEMAND)).used_vcpus == 4


@pytest.mark.asyncio
async def test_types_that_share_a_quota_share_its_reading(world: World) -> None:
    cloud = account(world)
    types = [each.name for each in await cloud.machine_types(REGION)]
    readings = await cloud.quotas(REGION, types, Market.SPOT)
    assert readings.keys() == set(types)
    graphics = {id(reading) for name, reading in readings.items() if name.startswith("g")}
    assert len(graphics) == 1
    assert readings["g5.xlarge"] == await cloud.quota(REGION, await g5(cloud), Market.SPOT)


@pytest.mark.asyncio
async def test_a_quota_whose_code_is_unknown_is_found_by_its_name(world: World) -> None:
    cloud = account(world)
    world.faults({"action": "GetServiceQuota", "code": "NoSuchResourceException", "status": 400, "times": -1})
    reading = await cloud.quota(REGION, await g5(cloud), Market.SPOT)
    assert (reading.code, reading.limit_vcpus) == ("L-3819A6DF", 64)
    assert world.log("ListServiceQuotas")


@pytest.mark.asyncio
async def test_a_quota_that_cannot_be_read_is_unknown_and_not_zero(world: World) -> None:
    cloud = account(world)
    machine_type = await g5(cloud)
    world.faults({"action": "GetServiceQuota", **DENIED})
    reading = await cloud.quota(REGION, machine_type, Market.SPOT)
    assert (reading.limit_vcpus, reading.used_vcpus, reading.free_vcpus) == (None, 0, None)
    assert "may not" in reading.note
    world.faults({"action": "DescribeInstances", "code": "UnauthorizedOperation", "status": 403, "times": -1})
    reading = await cloud.quota(REGION, machine_type, Market.SPOT)
    assert (reading.limit_vcpus, reading.used_vcpus, reading.free_vcpus) == (64, None, None)
    nobody_knows = await cloud.quota("us-east-1", replace(machine_type, name="p6-b200.48xlarge"), Market.SPOT)
    assert nobody_knows.limit_vcpus is None


@pytest.mark.asyncio
async def test_prices_are_live_by_zone_and_say_their_source(world: World) -> None:
    cloud = account(world)
    spot = await cloud.price(REGION, "g5.xlarge", Market.SPOT)
    on_demand = await cloud.price(REGION, "g5.xlarge", Market.ON_DEMAND)
    assert spot is not None
    assert on_demand is not None
    assert set(spot.by_zone) == {"ca-central-1a", "ca-central-1b"}
    assert spot.usd_per_hour == min(spot.by_zone.values())
    assert spot.as_of is not None
    assert on_demand.usd_per_hour > spot.usd_per_hour
    assert (spot.source, on_demand.source) == ("AWS spot price history", "AWS price list")


@pytest.mark.asyncio
async def test_many_prices_take_few_calls(world: World) -> None:
    cloud = account(world)
    names = [each.name for each in await cloud.machine_types("us-east-1")]
    quotes = await cloud.prices("us-east-1", names)
    assert len(quotes) > len(names)
    assert len(world.log("GetProducts")) + len(world.log("DescribeSpotPriceHistory")) <= 4
    single = await cloud.price("us-east-1", "g5.xlarge", Market.ON_DEMAND)
    assert single is not None
    assert quotes["g5.xlarge", Market.ON_DEMAND].usd_per_hour == single.usd_per_hour


@pytest.mark.asyncio
async def test_unreadable_prices_come_from_the_snapshot_and_say_so(world: World) -> None:
    cloud = account(world)
    world.faults(
        {"action": "DescribeSpotPriceHistory", "code": "UnauthorizedOperation", "status": 403, "times": -1},
        {"action": "GetProducts", **DENIED},
    )
    quotes = await cloud.prices(REGION, ["g4dn.xlarge", "g99.huge"])
    assert set(quotes) == {("g4dn.xlarge", Market.SPOT), ("g4dn.xlarge", Market.ON_DEMAND)}
    for quote in quotes.values():
        assert "snapshot" in quote.source
        assert "2026-11-20" in quote.source
        assert quote.as_of is None
    assert quotes["g4dn.xlarge", Market.ON_DEMAND].usd_per_hour == Decimal("0.584")
    assert quotes["g4dn.xlarge", Market.SPOT].usd_per_hour == Decimal("0.207")
    assert await cloud.price(REGION, "g99.huge", Market.SPOT) is None
