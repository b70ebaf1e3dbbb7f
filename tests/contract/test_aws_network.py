"""Where a machine is put and who reaches it: ssh only, from the operator's own address only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import boto3
import pytest

from aicompute_tui.domain.errors import InvalidInput, NotConfigured, NotFound
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import LaunchPlace, LaunchSpec
from tests.contract.aws_account import OWN_ADDRESS, OWNER, REGION, STORE_ID, account, g5, open_cloud, order
from tests.world import World


def raw(world: World, region: str = REGION) -> Any:
    """EC2 as somebody else in the account sees it."""
    environment = world.environment()
    return boto3.session.Session(
        environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], region_name=region
    ).client("ec2", endpoint_url=world.url)


async def place_of(world: World) -> LaunchPlace:
    cloud = account(world)
    spec = LaunchSpec(credential_id=cloud.credential_id, region=REGION)
    return (await cloud.places(spec, await g5(cloud)))[0]


@pytest.mark.asyncio
async def test_the_group_is_ours_by_its_tags_and_open_on_ssh_alone(world: World) -> None:
    rule = await account(world).prepare_network(REGION, await place_of(world), OWN_ADDRESS, OWNER)
    assert rule.cidrs == (OWN_ADDRESS,)
    (group,) = raw(world).describe_security_groups(GroupIds=[rule.security_group_id])["SecurityGroups"]
    tags = {tag["Key"]: tag["Value"] for tag in group["Tags"]}
    assert tags["aic-tui:store"] == STORE_ID
    assert tags["aic-tui:owner"] == OWNER
    (permission,) = group["IpPermissions"]
    assert (permission["IpProtocol"], permission["FromPort"], permission["ToPort"]) == ("tcp", 22, 22)


@pytest.mark.asyncio
async def test_a_new_address_replaces_the_old_one(world: World) -> None:
    cloud, place = account(world), await place_of(world)
    before = await cloud.prepare_network(REGION, place, OWN_ADDRESS, OWNER)
    after = await cloud.prepare_network(REGION, place, "198.51.100.9", OWNER)
    assert after.security_group_id == before.security_group_id
    assert after.cidrs == ("198.51.100.9/32",)
    moved = await cloud.prepare_network(REGION, place, "2001:db8::7/128", OWNER)
    assert moved.cidrs == ("2001:db8::7/128",)


@pytest.mark.asyncio
async def test_without_an_address_the_group_is_open_to_nobody(world: World) -> None:
    cloud, place = account(world), await place_of(world)
    assert (await cloud.prepare_network(REGION, place, None, OWNER)).cidrs == ()
    await cloud.prepare_network(REGION, place, "0.0.0.0/0", OWNER)
    assert (await cloud.prepare_network(REGION, place, None, OWNER)).cidrs == ()


@pytest.mark.asyncio
async def test_the_whole_world_only_when_it_is_spelled_out(world: World) -> None:
    cloud, place = account(world), await place_of(world)
    assert (await cloud.prepare_network(REGION, place, "0.0.0.0/0", OWNER)).cidrs == ("0.0.0.0/0",)
    with pytest.raises(InvalidInput):
        await cloud.prepare_network(REGION, place, "everybody", OWNER)


@pytest.mark.asyncio
async def test_a_rule_made_by_hand_stays_and_is_told(world: World) -> None:
    cloud, place = account(world), await place_of(world)
    rule = await cloud.prepare_network(REGION, place, OWN_ADDRESS, OWNER)
    raw(world).authorize_security_group_ingress(
        GroupId=rule.security_group_id, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="192.0.2.0/24"
    )
    again = await cloud.prepare_network(REGION, place, OWN_ADDRESS, OWNER)
    assert set(again.cidrs) == {OWN_ADDRESS, "192.0.2.0/24"}
    assert (await cloud.prepare_network(REGION, place, "192.0.2.0/24", OWNER)).cidrs == ("192.0.2.0/24",)


@pytest.mark.asyncio
async def test_owners_and_stores_have_groups_of_their_own(world: World) -> None:
    cloud, place = account(world), await place_of(world)
    other_store = open_cloud(world.environment(), store_id="01900000-0000-7000-8000-00000000bbbb")
    rules = [
        await cloud.prepare_network(REGION, place, OWN_ADDRESS, OWNER),
        await cloud.prepare_network(REGION, place, OWN_ADDRESS, "bob the builder/ops"),
        await other_store.prepare_network(REGION, place, OWN_ADDRESS, OWNER),
    ]
    assert len({rule.security_group_id for rule in rules}) == 3


@pytest.mark.asyncio
async def test_two_at_once_make_one_group(world: World) -> None:
    cloud, place = account(world), await place_of(world)
    rules = await asyncio.gather(*(cloud.prepare_network(REGION, place, OWN_ADDRESS, OWNER) for _ in range(4)))
    assert len({rule.security_group_id for rule in rules}) == 1
    assert rules[-1].cidrs == (OWN_ADDRESS,)


@pytest.mark.asyncio
async def test_a_machine_is_reached_from_the_new_address(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    rule = await cloud.allow_ssh(REGION, machine.remote_id, "198.51.100.9/32", OWNER)
    assert rule.cidrs == ("198.51.100.9/32",)
    with pytest.raises(NotFound):
        await cloud.allow_ssh(REGION, "i-0123456789abcdef0", OWN_ADDRESS, OWNER)
    with pytest.raises(NotFound, match="no security group"):
        await cloud.allow_ssh(REGION, machine.remote_id, OWN_ADDRESS, "somebody else")


@pytest.mark.asyncio
async def test_zones_come_cheapest_first(world: World) -> None:
    cloud = account(world)
    machine_type = await g5(cloud)
    spec = LaunchSpec(credential_id=cloud.credential_id, region=REGION)
    quote = await cloud.price(REGION, "g5.xlarge", Market.SPOT)
    assert quote is not None
    places = await cloud.places(spec, machine_type)
    assert [place.price_usd_per_hour for place in places] == sorted(quote.by_zone.values())
    assert {place.zone for place in places} == set(machine_type.zones)
    (only,) = await cloud.places(replace(spec, zone=machine_type.zones[-1]), machine_type)
    assert only.zone == machine_type.zones[-1]
    assert list(await cloud.places(replace(spec, zone="ca-central-1z"), machine_type)) == []


@pytest.mark.asyncio
async def test_zones_without_readable_prices_come_by_name(world: World) -> None:
    cloud = account(world)
    world.faults({"action": "DescribeSpotPriceHistory", "code": "UnauthorizedOperation", "status": 403, "times": -1})
    places = await cloud.places(LaunchSpec(credential_id=cloud.credential_id, region=REGION), await g5(cloud))
    assert [place.zone for place in places] == ["ca-central-1a", "ca-central-1b"]
    assert {place.price_usd_per_hour for place in places} == {None}


@pytest.mark.asyncio
async def test_a_region_without_a_network_says_how_to_get_one(world: World) -> None:
    client = raw(world)
    for subnet in client.describe_subnets()["Subnets"]:
        client.delete_subnet(SubnetId=subnet["SubnetId"])
    cloud = account(world)
    with pytest.raises(NotConfigured) as caught:
        await cloud.places(LaunchSpec(credential_id=cloud.credential_id, region=REGION), await g5(cloud))
    assert "create-default-vpc" in caught.value.next_step
    assert "--subnet" in caught.value.next_step


@pytest.mark.asyncio
async def test_a_subnet_given_or_tagged_is_the_one_used(world: World) -> None:
    client, cloud = raw(world), account(world)
    vpc = client.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone="ca-central-1a")["Subnet"][
        "SubnetId"
    ]
    spec, machine_type = LaunchSpec(credential_id=cloud.credential_id, region=REGION), await g5(cloud)
    (given,) = await cloud.places(replace(spec, subnet_id=subnet), machine_type)
    assert (given.subnet_id, given.zone) == (subnet, "ca-central-1a")
    client.create_tags(Resources=[subnet], Tags=[{"Key": "aic-tui:subnet", "Value": ""}])
    (tagged,) = await cloud.places(spec, machine_type)
    assert tagged.subnet_id == subnet
    rule = await cloud.prepare_network(REGION, tagged, OWN_ADDRESS, OWNER)
    (group,) = client.describe_security_groups(GroupIds=[rule.security_group_id])["SecurityGroups"]
    assert group["VpcId"] == vpc
    with pytest.raises(NotFound):
        await cloud.places(replace(spec, subnet_id="subnet-0123456789abcdef0"), machine_type)


@pytest.mark.asyncio
async def test_a_key_is_imported_once_and_two_keys_never_share_a_name(world: World) -> None:
    cloud = account(world)
    one, two = (f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43} ann@laptop" for letter in "BC")
    first = await cloud.import_key(REGION, "ann", one)
    assert await cloud.import_key(REGION, "ann", one) == first
    assert await cloud.import_key(REGION, "ann", two) != first
    assert len(raw(world).describe_key_pairs()["KeyPairs"]) == 2
    secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----"
    with pytest.raises(InvalidInput) as caught:
        await cloud.import_key(REGION, "ann", secret)
    assert "b3BlbnNzaC1rZXk" not in str(vars(caught.value))
