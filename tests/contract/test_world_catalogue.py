"""What the embedded world says of types, images, prices, quotas, regions and accounts is what AWS would say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from aicompute_tui.demo.world import snapshot
from tests.contract.world_calls import (
    DLAMI,
    G_SPOT,
    client,
    image,
    launch,
    order,
    refusal,
)
from tests.world import (
    FIRST_ACCOUNT,
    SECOND_ACCOUNT,
    SECOND_KEY,
    World,
)


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
