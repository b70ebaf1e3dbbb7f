"""Machines of the embedded world come and go as AWS's do: by token, by quota, by price and over time."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aicompute_tui.demo.world import snapshot
from tests.contract.world_calls import (
    G_ON_DEMAND,
    G_SPOT,
    client,
    launch,
    look,
    on_demand,
    order,
    refusal,
    wait_for,
)
from tests.world import (
    SECOND_KEY,
    World,
)


def test_one_token_is_one_machine_even_after_its_end(world: World) -> None:
    wanted = order(world)
    first = launch(world, wanted)
    assert first["State"]["Name"] == "pending"
    assert launch(world, wanted)["InstanceId"] == first["InstanceId"]
    client(world, "ec2").terminate_instances(InstanceIds=[first["InstanceId"]])
    again = launch(world, wanted)
    assert (again["InstanceId"], again["State"]["Name"]) == (first["InstanceId"], "terminated")
    assert [machine["instance_id"] for machine in world.machines()] == [first["InstanceId"]]


def test_a_token_with_another_order_is_refused(world: World) -> None:
    launch(world, order(world))
    run = client(world, "ec2").run_instances
    assert refusal(run, **order(world, InstanceType="g4dn.xlarge")) == ("IdempotentParameterMismatch", 400)
    assert len(world.machines()) == 1


def test_a_token_holds_when_two_calls_come_at_once(world: World) -> None:
    wanted = order(world)
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: launch(world, wanted)["InstanceId"], range(8)))
    assert len(ids) == 1
    assert len(world.machines()) == 1


def test_a_token_belongs_to_one_region_and_account(world: World) -> None:
    ids = {
        launch(world, order(world))["InstanceId"],
        launch(world, order(world), region="us-east-1")["InstanceId"],
        launch(world, order(world), key=SECOND_KEY)["InstanceId"],
    }
    assert len(ids) == 3


def test_a_launch_that_was_refused_leaves_its_token_free(world: World) -> None:
    world.quota(G_SPOT, 0)
    assert refusal(client(world, "ec2").run_instances, **order(world))[0] == "MaxSpotInstanceCountExceeded"
    world.quota(G_SPOT, 64)
    launch(world, order(world, InstanceType="g4dn.xlarge"))


def test_a_dry_run_succeeds_by_failing_and_launches_nothing(world: World) -> None:
    assert refusal(client(world, "ec2").run_instances, **order(world, DryRun=True)) == ("DryRunOperation", 412)
    assert world.machines() == []
    launch(world, order(world))


def test_quotas_count_running_vcpus_by_market(world: World) -> None:
    world.quota(G_SPOT, 8)
    run = client(world, "ec2").run_instances
    first = launch(world, order(world, "a"))
    launch(world, order(world, "b"))
    assert refusal(run, **order(world, "c"))[0] == "MaxSpotInstanceCountExceeded"
    launch(world, on_demand(world, "d"))
    client(world, "ec2").terminate_instances(InstanceIds=[first["InstanceId"]])
    launch(world, order(world, "c"))
    world.quota(G_ON_DEMAND, 4)
    assert refusal(run, **on_demand(world, "e"))[0] == "VcpuLimitExceeded"


def test_as_many_as_the_quota_allows_of_a_range(world: World) -> None:
    world.quota(G_SPOT, 12)
    run = client(world, "ec2").run_instances
    assert len(run(**order(world, "a", MinCount=1, MaxCount=5))["Instances"]) == 3
    assert refusal(run, **order(world, "b", MinCount=2, MaxCount=5))[0] == "MaxSpotInstanceCountExceeded"


def test_a_cap_below_the_price_of_the_zone_is_refused(world: World) -> None:
    prices = snapshot.spot_prices("g5.xlarge", "ca-central-1")
    cheap = min(prices, key=lambda zone: prices[zone])
    dear = max(prices, key=lambda zone: prices[zone])
    assert prices[cheap] < prices[dear]

    def capped(token: str, zone: str) -> dict[str, Any]:
        market = {"MarketType": "spot", "SpotOptions": {"MaxPrice": str(prices[cheap])}}
        return order(world, token, InstanceMarketOptions=market, Placement={"AvailabilityZone": zone})

    assert refusal(client(world, "ec2").run_instances, **capped("a", dear))[0] == "SpotMaxPriceTooLow"
    assert launch(world, capped("b", cheap))["Placement"]["AvailabilityZone"] == cheap


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"InstanceType": "g99.xlarge"}, "InvalidParameterValue"),
        ({"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "zzz"}, "InvalidAMIID.Malformed"),
        ({"KeyName": "nobody"}, "InvalidKeyPair.NotFound"),
        ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidGroup.NotFound"),
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"UserData": "x" * 20_000}, "InvalidParameterValue"),
        ({"InstanceType": "g5g.xlarge"}, "InvalidParameterValue"),
        ({"InstanceType": "p6-b300.48xlarge"}, "Unsupported"),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20}}]},
            "InvalidBlockDeviceMapping",
        ),
    ],
)
def test_orders_that_cannot_be_met_are_refused(world: World, changes: dict[str, Any], code: str) -> None:
    assert refusal(client(world, "ec2").run_instances, **order(world, **changes))[0] == code
    assert world.machines() == []


def test_a_zone_without_the_type_names_those_that_have_it(world: World) -> None:
    wanted = order(world, Placement={"AvailabilityZone": "us-east-1e"})
    with pytest.raises(ClientError, match=r"Unsupported.*us-east-1e.*choosing us-east-1a"):
        launch(world, wanted, region="us-east-1")


def test_a_spot_machine_has_a_request_that_is_described_and_cancelled(world: World) -> None:
    ec2 = client(world, "ec2")
    machine = launch(world, order(world))
    request_id = machine["SpotInstanceRequestId"]
    by_machine = [{"Name": "instance-id", "Values": [machine["InstanceId"]]}]
    found = ec2.describe_spot_instance_requests(Filters=by_machine)["SpotInstanceRequests"]
    assert [(row["SpotInstanceRequestId"], row["State"], row["Status"]["Code"]) for row in found] == [
        (request_id, "active", "fulfilled")
    ]
    assert {"Key": "aic-tui:store", "Value": "store-1"} in found[0]["Tags"]
    by_tag = [{"Name": "tag:aic-tui:store", "Values": ["another"]}]
    assert ec2.describe_spot_instance_requests(Filters=by_tag)["SpotInstanceRequests"] == []
    ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[request_id])
    found = ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[request_id])["SpotInstanceRequests"]
    assert found[0]["State"] == "cancelled"
    code, _ = refusal(ec2.cancel_spot_instance_requests, SpotInstanceRequestIds=["sir-00000000"])
    assert code == "InvalidSpotInstanceRequestID.NotFound"


def test_a_request_closes_with_its_machine(world: World) -> None:
    machine = launch(world, order(world))
    client(world, "ec2").terminate_instances(InstanceIds=[machine["InstanceId"]])
    found = client(world, "ec2").describe_spot_instance_requests()["SpotInstanceRequests"]
    assert [(row["State"], row["Status"]["Code"]) for row in found] == [("closed", "instance-terminated-by-user")]


def test_an_on_demand_machine_has_no_request_and_is_not_spot(world: World) -> None:
    launch(world, on_demand(world))
    machine = look(world, world.machines()[0]["instance_id"])
    assert "SpotInstanceRequestId" not in machine
    assert "InstanceLifecycle" not in machine


def test_one_time_spot_cannot_be_stopped_and_the_dead_cannot_rise(world: World) -> None:
    ec2 = client(world, "ec2")
    spot = launch(world, order(world))["InstanceId"]
    assert refusal(ec2.stop_instances, InstanceIds=[spot])[0] == "UnsupportedOperation"
    ec2.terminate_instances(InstanceIds=[spot])
    ec2.terminate_instances(InstanceIds=[spot])
    assert refusal(ec2.start_instances, InstanceIds=[spot])[0] == "IncorrectInstanceState"


def test_a_stopped_machine_starts_again_at_its_address(world: World) -> None:
    ec2 = client(world, "ec2")
    instance_id = launch(world, on_demand(world))["InstanceId"]
    before = look(world, instance_id)["PublicIpAddress"]
    ec2.stop_instances(InstanceIds=[instance_id])
    stopped = look(world, instance_id)
    assert (stopped["State"]["Name"], stopped.get("PublicIpAddress")) == ("stopped", None)
    ec2.start_instances(InstanceIds=[instance_id])
    started = look(world, instance_id)
    assert (started["State"]["Name"], started["PublicIpAddress"]) == ("running", before)


def test_addresses_are_this_computers_own(world: World) -> None:
    machine = look(world, launch(world, order(world))["InstanceId"])
    assert machine["PublicIpAddress"].startswith("127.0.")
    assert machine["PublicDnsName"] == machine["PublicIpAddress"]
    with socket.create_server((machine["PublicIpAddress"], 0)):
        pass


def lived(world: World, token: str, boot_seconds: float) -> tuple[str, list[str]]:
    """The id of a machine that has come and gone, and every state that was seen of it, in order."""
    ec2, seen = client(world, "ec2"), list[str]()
    world.boot_seconds(boot_seconds)
    instance_id = launch(world, order(world, token))["InstanceId"]

    def now() -> str:
        word = str(look(world, instance_id)["State"]["Name"])
        if word == "running":
            statuses = ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
            word += f" {statuses[0]['SystemStatus']['Status']}"
        if word not in seen:
            seen.append(word)
        return word

    wait_for(lambda: now() == "running ok")
    ec2.terminate_instances(InstanceIds=[instance_id])
    wait_for(lambda: now() == "terminated")
    return instance_id, seen


def test_states_follow_each_other_in_time(world: World) -> None:
    """Asked again more slowly where this computer stood still for longer than a state lasts."""
    for number, seconds in enumerate((0.3, 2.0, 8.0)):
        instance_id, seen = lived(world, f"token-{number}", seconds)
        if len(seen) == 5:
            break
    assert seen == ["pending", "running initializing", "running ok", "shutting-down", "terminated"]
    assert look(world, instance_id)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


def test_a_machine_is_found_by_token_tag_lifecycle_and_state(world: World) -> None:
    spot = launch(world, order(world, "token-a"))["InstanceId"]
    plain = launch(world, on_demand(world, "token-b"))["InstanceId"]

    def found(name: str, value: str) -> list[str]:
        pages = client(world, "ec2").describe_instances(Filters=[{"Name": name, "Values": [value]}])
        return [machine["InstanceId"] for page in pages["Reservations"] for machine in page["Instances"]]

    assert found("client-token", "token-a") == [spot]
    assert found("client-token", "token-c") == []
    assert found("instance-lifecycle", "spot") == [spot]
    assert sorted(found("tag:aic-tui:launch", "launch-1")) == sorted([spot, plain])
    assert found("tag-key", "aic-tui:nothing") == []
    client(world, "ec2").terminate_instances(InstanceIds=[spot])
    assert found("client-token", "token-a") == [spot]
    assert found("instance-state-name", "running") == [plain]


def test_more_than_a_hundred_machines_need_paging(world: World) -> None:
    world.quota(G_SPOT, 1_000)
    wanted = order(world)
    for number in range(103):
        launch(world, {**wanted, "ClientToken": f"token-{number}"})
    pages = list(client(world, "ec2").get_paginator("describe_instances").paginate())
    assert len(pages) == 2
    assert sum(len(row["Instances"]) for page in pages for row in page["Reservations"]) == 103


def test_an_interruption_is_told_as_the_clouds_own_doing(world: World) -> None:
    machine = launch(world, order(world))
    world.interrupt(machine["InstanceId"])
    seen = look(world, machine["InstanceId"])
    assert (seen["State"]["Name"], seen["StateReason"]["Code"]) == ("terminated", "Server.SpotInstanceTermination")
    requests = client(world, "ec2").describe_spot_instance_requests()["SpotInstanceRequests"]
    assert requests[0]["State"] == "closed"


def test_a_vanished_machine_is_not_known_any_more(world: World) -> None:
    machine = launch(world, order(world))
    world.vanish(machine["InstanceId"])
    find = client(world, "ec2").describe_instances
    assert refusal(find, InstanceIds=[machine["InstanceId"]])[0] == "InvalidInstanceID.NotFound"
    assert world.machines() == []
