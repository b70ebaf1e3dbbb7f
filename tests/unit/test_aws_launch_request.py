"""RunInstances' parameters as a whole: what ends the machine and what protects it is in every order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from aicompute_tui.clouds.aws.launch import request_of
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import LaunchOrder, LaunchPlace

ORDER = LaunchOrder(
    launch_id="launch-1",
    client_token="token-1",
    name="box",
    region="ca-central-1",
    place=LaunchPlace(zone="ca-central-1a", subnet_id="subnet-1"),
    instance_type="g5.xlarge",
    market=Market.SPOT,
    image_id="ami-1",
    root_device_name="/dev/sda1",
    volume_gib=120,
    security_group_id="sg-1",
    key_name="key",
    user_data=b"#!/bin/sh\n",
    max_price_usd_per_hour=Decimal("0.50"),
    tags={"aic-tui:owner": "ann", "aic-tui:store": "forged", "Name": "shown"},
    send_by=datetime(2026, 11, 20, tzinfo=UTC),
)
TAGS = [
    {"Key": "Name", "Value": "shown"},
    {"Key": "aic-tui:launch", "Value": "launch-1"},
    {"Key": "aic-tui:owner", "Value": "ann"},
    {"Key": "aic-tui:store", "Value": "store-1"},
]


def request(order: LaunchOrder = ORDER) -> dict[str, Any]:
    return request_of(order, "store-1")


def test_a_spot_order_whole() -> None:
    assert request() == {
        "ImageId": "ami-1",
        "InstanceType": "g5.xlarge",
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": "token-1",
        "KeyName": "key",
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
            "InstanceMetadataTags": "enabled",
        },
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/sda1",
                "Ebs": {"VolumeSize": 120, "VolumeType": "gp3", "DeleteOnTermination": True, "Encrypted": True},
            }
        ],
        "NetworkInterfaces": [
            {
                "DeviceIndex": 0,
                "AssociatePublicIpAddress": True,
                "DeleteOnTermination": True,
                "Groups": ["sg-1"],
                "SubnetId": "subnet-1",
            }
        ],
        "InstanceMarketOptions": {
            "MarketType": "spot",
            "SpotOptions": {
                "SpotInstanceType": "one-time",
                "InstanceInterruptionBehavior": "terminate",
                "MaxPrice": "0.50",
            },
        },
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": TAGS} for kind in ("instance", "volume", "spot-instances-request")
        ],
        "UserData": b"#!/bin/sh\n",
    }


def test_an_on_demand_order_has_no_spot_and_no_cap() -> None:
    made = request(replace(ORDER, market=Market.ON_DEMAND))
    assert "InstanceMarketOptions" not in made
    assert [each["ResourceType"] for each in made["TagSpecifications"]] == ["instance", "volume"]


def test_the_same_order_makes_the_same_request() -> None:
    """The client token stands for one request; a different one under it is refused by AWS."""
    shuffled = replace(ORDER, tags=dict(reversed(list(ORDER.tags.items()))))
    assert request() == request(shuffled)
    assert list(request()) == list(request(shuffled))


def test_a_small_cap_is_not_written_as_a_power_of_ten() -> None:
    made = request(replace(ORDER, max_price_usd_per_hour=Decimal("1E-7")))
    assert made["InstanceMarketOptions"]["SpotOptions"]["MaxPrice"] == "0.0000001"


def test_what_is_optional_is_left_out() -> None:
    made = request(replace(ORDER, key_name=None, place=LaunchPlace(zone=None)))
    assert "KeyName" not in made
    assert "SubnetId" not in made["NetworkInterfaces"][0]
