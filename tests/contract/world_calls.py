"""Calls on the embedded world with real boto3, as the tests of it make them."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.world import (
    FIRST_KEY,
    SECRET,
    World,
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


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
