"""The embedded world answers real boto3 as AWS does, where the product and its tests lean on it."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from aicompute_tui.demo.world import snapshot
from tests.world import (
    FIRST_ACCOUNT,
    FIRST_KEY,
    OPERATOR_ADDRESS,
    SECOND_ACCOUNT,
    SECOND_KEY,
    SECRET,
    World,
    start_world,
)

DLAMI = "/aws/service/deeplearning/ami/{}/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id"
SPOT = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}
G_SPOT, G_ON_DEMAND = "L-3819A6DF", "L-DB2E81BA"


@cache
def client(world: World, service: str, region: str = "ca-central-1", key: str = FIRST_KEY) -> Any:
    return boto3.session.Session().client(
        service,
        region_name=region,
        endpoint_url=world.url,
        aws_access_key_id=key,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
    )


def image(world: World, architecture: str = "x86_64", region: str = "ca-central-1") -> str:
    parameter = client(world, "ssm", region).get_parameter(Name=DLAMI.format(architecture))
    return str(parameter["Parameter"]["Value"])


def order(world: World, token: str = "token-1", **changes: Any) -> dict[str, Any]:
    """A launch of one spot g5.xlarge with our tags."""
    tags = [{"Key": "aic-tui:store", "Value": "store-1"}, {"Key": "aic-tui:launch", "Value": "launch-1"}]
    return {
        "ImageId": image(world),
        "InstanceType": "g5.xlarge",
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": token,
        "InstanceMarketOptions": SPOT,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume", "spot-instances-request")
        ],
        **changes,
    }


def on_demand(world: World, token: str = "token-1", **changes: Any) -> dict[str, Any]:
    wanted = order(world, token, **changes)
    del wanted["InstanceMarketOptions"]
    wanted["TagSpecifications"] = wanted["TagSpecifications"][:2]
    return wanted


def launch(world: World, wanted: dict[str, Any], region: str = "ca-central-1", key: str = FIRST_KEY) -> dict[str, Any]:
    machine: dict[str, Any] = client(world, "ec2", region, key).run_instances(**wanted)["Instances"][0]
    return machine


def look(world: World, instance_id: str) -> dict[str, Any]:
    found = client(world, "ec2").describe_instances(InstanceIds=[instance_id])
    machine: dict[str, Any] = found["Reservations"][0]["Instances"][0]
    return machine


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def wait_for(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


# Launching


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


# Spot


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


# States over time, looking up


def test_states_follow_each_other_in_time(world: World) -> None:
    ec2 = client(world, "ec2")
    world.boot_seconds(0.3)
    instance_id = launch(world, order(world))["InstanceId"]
    assert look(world, instance_id)["State"]["Name"] == "pending"
    wait_for(lambda: look(world, instance_id)["State"]["Name"] == "running")

    def checks() -> str:
        statuses = ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
        return str(statuses[0]["SystemStatus"]["Status"])

    assert checks() == "initializing"
    wait_for(lambda: checks() == "ok")
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert look(world, instance_id)["State"]["Name"] == "shutting-down"
    wait_for(lambda: look(world, instance_id)["State"]["Name"] == "terminated")
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


# Catalogue, images, prices, quotas


def test_images_of_both_architectures_with_a_large_snapshot(world: World) -> None:
    ec2 = client(world, "ec2")
    for architecture in ("x86_64", "arm64"):
        found = ec2.describe_images(ImageIds=[image(world, architecture)])["Images"][0]
        assert (found["Architecture"], found["RootDeviceName"]) == (architecture, "/dev/sda1")
        assert found["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 75
    ssm = client(world, "ssm")
    assert refusal(ssm.get_parameter, Name=DLAMI.format("riscv"))[0] == "ParameterNotFound"
    names = [{"Name": "name", "Values": ["Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04)*"]}]
    by_name = ec2.describe_images(Owners=["amazon"], Filters=names)["Images"]
    assert max(by_name, key=lambda row: row["CreationDate"])["ImageId"] == image(world)
    assert len(by_name) == 2


def test_types_are_those_of_the_region(world: World) -> None:
    def types(region: str) -> set[str]:
        found = client(world, "ec2", region).describe_instance_types()["InstanceTypes"]
        return {row["InstanceType"] for row in found}

    assert "g6.xlarge" in types("us-east-1")
    assert "p6-b300.48xlarge" not in types("ca-central-1")
    assert all(name.startswith(("g", "p")) for name in types("us-east-1"))
    code, _ = refusal(client(world, "ec2").describe_instance_types, InstanceTypes=["p6-b300.48xlarge"])
    assert code == "InvalidInstanceType"


def test_offerings_by_zone_with_a_wildcard(world: World) -> None:
    rows = client(world, "ec2", "us-east-1").describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["g5.*"]}]
    )["InstanceTypeOfferings"]
    assert {row["InstanceType"].split(".")[0] for row in rows} == {"g5"}
    zones = {row["Location"] for row in rows if row["InstanceType"] == "g5.xlarge"}
    assert "us-east-1a" in zones
    assert "us-east-1e" not in zones


def test_spot_prices_are_the_snapshots_by_zone_and_now(world: World) -> None:
    now = datetime.now(UTC)
    rows = client(world, "ec2").describe_spot_price_history(
        InstanceTypes=["g5.xlarge", "g4dn.xlarge"], ProductDescriptions=["Linux/UNIX"], StartTime=now, EndTime=now
    )["SpotPriceHistory"]
    quoted = {(row["InstanceType"], row["AvailabilityZone"]): Decimal(row["SpotPrice"]) for row in rows}
    assert len(quoted) == len(rows)
    expected = snapshot.quotes()["g5.xlarge", "ca-central-1"]
    g5 = [price for (name, _), price in quoted.items() if name == "g5.xlarge"]
    assert (min(g5), max(g5)) == (expected.spot_min, expected.spot_max)
    assert all(now - timedelta(hours=6) < row["Timestamp"] <= now for row in rows)
    assert not any(name == "p3.2xlarge" for name, _ in quoted)


def test_spot_price_history_filters_and_pages(world: World) -> None:
    ec2 = client(world, "ec2")
    start = datetime.now(UTC) - timedelta(days=10)
    wanted = {"InstanceTypes": ["g5.xlarge"], "StartTime": start}
    pages = list(ec2.get_paginator("describe_spot_price_history").paginate(**wanted, PaginationConfig={"PageSize": 25}))
    rows = [row for page in pages for row in page["SpotPriceHistory"]]
    assert len(pages) > 2
    assert pages[-1]["NextToken"] == ""
    assert len({(row["AvailabilityZone"], row["Timestamp"]) for row in rows}) == len(rows)
    one = ec2.describe_spot_price_history(**wanted, AvailabilityZone="ca-central-1a")["SpotPriceHistory"]
    assert {row["AvailabilityZone"] for row in one} == {"ca-central-1a"}
    assert ec2.describe_spot_price_history(**wanted, ProductDescriptions=["Windows"])["SpotPriceHistory"] == []


def test_the_price_list_has_on_demand_prices_and_reservation_rows_at_zero(world: World) -> None:
    def prices(**fields: str) -> list[Decimal]:
        filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()]
        texts = client(world, "pricing", "us-east-1").get_products(ServiceCode="AmazonEC2", Filters=filters)[
            "PriceList"
        ]
        found = []
        for text in texts:
            (term,) = json.loads(text)["terms"]["OnDemand"].values()
            (dimension,) = term["priceDimensions"].values()
            found.append(Decimal(dimension["pricePerUnit"]["USD"]))
        return found

    place = {"regionCode": "ca-central-1", "instanceType": "g4dn.xlarge", "operatingSystem": "Linux"}
    assert prices(**place, capacitystatus="Used", tenancy="Shared", preInstalledSw="NA") == [Decimal("0.584")]
    assert sorted(prices(**place)) == [Decimal(0), Decimal("0.584")]
    assert prices(**{**place, "instanceType": "t3.micro"}) == []


def test_quotas_are_read_listed_set_and_asked_for(world: World) -> None:
    quotas = client(world, "service-quotas")
    one = {"ServiceCode": "ec2", "QuotaCode": G_SPOT}
    assert quotas.get_service_quota(**one)["Quota"]["Value"] == 64.0
    assert quotas.get_aws_default_service_quota(**one)["Quota"]["Value"] == 0.0
    names = {
        row["QuotaName"]
        for page in quotas.get_paginator("list_service_quotas").paginate(
            ServiceCode="ec2", PaginationConfig={"PageSize": 4}
        )
        for row in page["Quotas"]
    }
    assert {"All G and VT Spot Instance Requests", "Running On-Demand P instances"} <= names
    unknown = {"ServiceCode": "ec2", "QuotaCode": "L-00000000"}
    assert refusal(quotas.get_service_quota, **unknown)[0] == "NoSuchResourceException"
    world.quota(G_SPOT, 8, region="ca-central-1")
    assert quotas.get_service_quota(**one)["Quota"]["Value"] == 8.0
    assert client(world, "service-quotas", "us-east-1").get_service_quota(**one)["Quota"]["Value"] == 64.0
    asked = quotas.request_service_quota_increase(**one, DesiredValue=96)
    assert asked["RequestedQuota"]["Status"] == "PENDING"
    more = {**one, "DesiredValue": 128}
    assert refusal(quotas.request_service_quota_increase, **more)[0] == "ResourceAlreadyExistsException"
    assert len(quotas.list_requested_service_quota_change_history_by_quota(**one)["RequestedQuotas"]) == 1


def test_placement_scores_by_region_and_zone(world: World) -> None:
    ask = client(world, "ec2").get_spot_placement_scores
    wanted = {"InstanceTypes": ["g4dn.xlarge", "g5.xlarge", "g6.xlarge"], "TargetCapacity": 1}
    rows = ask(**wanted, RegionNames=["ca-central-1", "us-east-1"])["SpotPlacementScores"]
    assert {row["Region"] for row in rows} == {"ca-central-1", "us-east-1"}
    assert all(1 <= row["Score"] <= 10 for row in rows)
    rows = ask(**wanted, RegionNames=["ca-central-1"], SingleAvailabilityZone=True)["SpotPlacementScores"]
    assert {row["AvailabilityZoneId"] for row in rows} <= {"cac1-az1", "cac1-az2", "cac1-az4"}


# Regions and accounts


def test_regions_are_one_partitions_with_their_opt_in_state(world: World) -> None:
    ec2 = client(world, "ec2")
    enabled = {row["RegionName"] for row in ec2.describe_regions()["Regions"]}
    states = {row["RegionName"]: row["OptInStatus"] for row in ec2.describe_regions(AllRegions=True)["Regions"]}
    assert enabled == {name for name, state in states.items() if state != "not-opted-in"}
    assert (states["ca-central-1"], states["ca-west-1"], states["af-south-1"]) == (
        "opt-in-not-required",
        "opted-in",
        "not-opted-in",
    )
    assert len(states) == 34
    assert not any(name.startswith(("cn-", "us-gov-")) for name in states)
    off = ec2.describe_regions(AllRegions=True, Filters=[{"Name": "opt-in-status", "Values": ["not-opted-in"]}])
    assert {row["RegionName"] for row in off["Regions"]} == set(states) - enabled
    assert [row["RegionName"] for row in ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"]] == ["eu-west-1"]


def test_a_region_that_is_not_enabled_refuses_the_keys(world: World) -> None:
    assert refusal(client(world, "ec2", "af-south-1").describe_instances) == ("AuthFailure", 401)
    assert refusal(client(world, "sts", "af-south-1").get_caller_identity)[0] == "InvalidClientTokenId"
    quotas = client(world, "service-quotas", "af-south-1")
    assert refusal(quotas.list_service_quotas, ServiceCode="ec2")[0] == "UnrecognizedClientException"


def test_two_accounts_see_only_their_own(world: World) -> None:
    launch(world, order(world, "a"))
    second = launch(world, order(world, "b"), key=SECOND_KEY)["InstanceId"]
    identity = client(world, "sts", key=SECOND_KEY).get_caller_identity()
    assert (identity["Account"], SECOND_ACCOUNT in identity["Arn"]) == (SECOND_ACCOUNT, True)
    assert client(world, "sts").get_caller_identity()["Account"] == FIRST_ACCOUNT
    seen = client(world, "ec2", key=SECOND_KEY).describe_instances()["Reservations"]
    assert [machine["InstanceId"] for row in seen for machine in row["Instances"]] == [second]
    assert {machine["account"] for machine in world.machines()} == {FIRST_ACCOUNT, SECOND_ACCOUNT}
    assert {entry["account"] for entry in world.log("RunInstances")} == {FIRST_ACCOUNT, SECOND_ACCOUNT}


# Faults and the journal


def test_a_fault_is_spent_on_the_calls_it_names(world: World) -> None:
    world.faults(
        {
            "action": "RunInstances",
            "code": "InsufficientInstanceCapacity",
            "message": "We currently do not have sufficient capacity",
            "region": "ca-central-1",
            "match": {"Placement.AvailabilityZone": "ca-central-1a"},
        }
    )
    run = client(world, "ec2").run_instances
    in_a = order(world, "a", Placement={"AvailabilityZone": "ca-central-1a"})
    launch(world, order(world, "b", Placement={"AvailabilityZone": "ca-central-1b"}))
    assert refusal(run, **in_a) == ("InsufficientInstanceCapacity", 500)
    launch(world, in_a)


@pytest.mark.parametrize(("service", "action"), [("ec2", "describe_instances"), ("sts", "get_caller_identity")])
def test_a_fault_speaks_the_protocol_of_its_service(world: World, service: str, action: str) -> None:
    world.faults({"code": "RequestLimitExceeded", "message": "slow & steady <3", "times": -1})
    for _ in range(2):
        assert refusal(getattr(client(world, service), action)) == ("RequestLimitExceeded", 503)
    world.faults({"code": "AccessDeniedException", "message": "no", "status": 400})
    ask = client(world, "service-quotas").list_service_quotas
    assert refusal(ask, ServiceCode="ec2") == ("AccessDeniedException", 400)


def test_html_instead_of_xml(world: World) -> None:
    world.faults({"action": "DescribeInstances", "html": "<html><body>Log in to the hotel network</html>"})
    with pytest.raises(Exception, match="Unable to parse response"):
        client(world, "ec2").describe_instances()


def test_a_connection_dropped_before_and_after_the_launch(world: World) -> None:
    for effect, made in (("drop_before", 0), ("drop_after", 1)):
        world.reset()
        wanted = order(world)
        world.faults({"action": "RunInstances", effect: True})
        with pytest.raises(BotoCoreError):
            launch(world, wanted)
        assert len(world.machines()) == made
        (entry,) = world.log("RunInstances")
        assert (entry["status"], entry["answered"]) == (200 if made else None, False)
        assert len(entry["instance_ids"]) == made
        assert launch(world, wanted)["InstanceId"] == world.machines()[0]["instance_id"]


def test_an_answer_is_held_until_it_is_released(world: World) -> None:
    wanted = order(world)
    world.faults({"action": "RunInstances", "hold_after": True})
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(launch, world, wanted)
        wait_for(lambda: len(world.machines()) == 1)
        assert not answer.done()
        assert client(world, "ec2").describe_instances()["Reservations"]
        world.release()
        assert answer.result(20)["InstanceId"] == world.machines()[0]["instance_id"]


def test_a_delay(world: World) -> None:
    world.faults({"action": "GetCallerIdentity", "delay": 0.3})
    began = time.monotonic()
    client(world, "sts").get_caller_identity()
    assert time.monotonic() - began >= 0.3


def test_the_journal_tells_what_was_asked_and_answered(world: World) -> None:
    machine = launch(world, order(world))
    refusal(client(world, "ec2", "us-east-1").describe_instances, InstanceIds=["i-0123456789abcdef0"])
    entries = world.log()
    assert [entry["number"] for entry in entries] == sorted(entry["number"] for entry in entries)
    (run,) = world.log("RunInstances")
    assert (run["region"], run["account"], run["status"], run["error"]) == ("ca-central-1", FIRST_ACCOUNT, 200, None)
    assert run["instance_ids"] == [machine["InstanceId"]]
    assert run["parameters"]["ClientToken"] == "token-1"
    assert "UserData" not in run["parameters"]
    last = entries[-1]
    assert (last["action"], last["region"], last["status"], last["error"]) == (
        "DescribeInstances",
        "us-east-1",
        400,
        "InvalidInstanceID.NotFound",
    )
    assert last["parameters"]["InstanceId.1"] == "i-0123456789abcdef0"


def test_check_ip_and_reset(world: World) -> None:
    with urllib.request.urlopen(f"{world.url}/checkip", timeout=10) as answer:
        assert answer.read().decode().strip() == OPERATOR_ADDRESS
    launch(world, order(world))
    world.reset()
    assert world.machines() == []
    assert world.log() == []
    assert client(world, "ec2").describe_instances()["Reservations"] == []


# The process


@pytest.fixture
def own_world(tmp_path: Path) -> Iterator[tuple[Any, World]]:
    process, world = start_world(tmp_path, ["--seed-machines", "--boot-seconds", "1"])
    yield process, world
    process.kill()
    process.communicate()


def test_the_world_begins_with_machines_listens_on_loopback_alone_and_ends_with_its_parent(
    own_world: tuple[Any, World],
) -> None:
    process, world = own_world
    machines = world.machines()
    assert len({machine["region"] for machine in machines}) == 2
    assert {machine["state"] for machine in machines} == {"running"}
    assert len(world.machines(everything=True)) == len(machines) + 1
    port = int(world.url.rpartition(":")[2])
    with pytest.raises(OSError), socket.create_connection((_outside_address(), port), timeout=2):
        pass
    process.stdin.close()
    assert process.wait(timeout=10) == 0


def _outside_address() -> str:
    """An address of this computer that is not the one the world listens on."""
    return "127.0.0.2"
