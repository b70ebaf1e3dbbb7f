"""One account in the embedded world through the product's own adapter, shared by the tests of that adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aicompute_tui.clouds.aws.door import AwsDoor
from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import LaunchOrder, LaunchSpec
from aicompute_tui.domain.offer import MachineType
from aicompute_tui.domain.remote import TAG_OWNER
from tests.world import World

REGION = "ca-central-1"
STORE_ID = "01900000-0000-7000-8000-00000000aaaa"
OWNER = "ann"
OWN_ADDRESS = "203.0.113.7/32"


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def open_door(environment: Mapping[str, str], *, store_id: str = STORE_ID, loopback_only: bool = True) -> AwsDoor:
    return AwsDoor(clock=RealClock(), environment=environment, store_id=store_id, loopback_only=loopback_only)


def open_cloud(environment: Mapping[str, str], **options: Any) -> Cloud:
    """The account of the environment's own keys."""
    door = open_door(environment, **options)
    return door.open(next(each for each in door.discover().credentials if each.id == "aws:env"))


@cache
def account(world: World) -> Cloud:
    """The first account; one session for the whole test run, because loading EC2's model takes long."""
    return open_cloud(world.environment())


async def g5(cloud: Cloud) -> MachineType:
    return await cloud.machine_type(REGION, "g5.xlarge")


async def order(cloud: Cloud, number: int = 1, market: Market = Market.SPOT, **changes: Any) -> LaunchOrder:
    """A complete order for one g5.xlarge in the cheapest zone, its network made."""
    machine_type = await g5(cloud)
    spec = LaunchSpec(credential_id=cloud.credential_id, region=REGION, market=market)
    place = (await cloud.places(spec, machine_type))[0]
    image = await cloud.image(REGION, machine_type, None)
    rule = await cloud.prepare_network(REGION, place, OWN_ADDRESS, OWNER)
    made = LaunchOrder(
        launch_id=f"launch-{number}",
        client_token=f"token-{number}",
        name=f"box-{number}",
        region=REGION,
        place=place,
        instance_type=machine_type.name,
        market=market,
        image_id=image.image_id,
        root_device_name=image.root_device_name,
        volume_gib=120,
        security_group_id=rule.security_group_id,
        key_name=None,
        user_data=b"#!/bin/sh\ntrue\n",
        max_price_usd_per_hour=None,
        tags={TAG_OWNER: OWNER},
        send_by=datetime.now(UTC) + timedelta(seconds=60),
    )
    return replace(made, **changes)


def another(order: LaunchOrder, number: int) -> LaunchOrder:
    """The same order for another machine."""
    return replace(order, launch_id=f"launch-{number}", client_token=f"token-{number}", name=f"box-{number}")
