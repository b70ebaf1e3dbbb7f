"""Machines that were there before the world began to be watched."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import ec2_backends

from aicompute_tui.demo.fleet import Seed
from aicompute_tui.demo.world import images
from aicompute_tui.demo.world.call import Call
from aicompute_tui.demo.world.server import World

_ROOT_VOLUME = {"VolumeSize": 120, "VolumeType": "gp3", "DeleteOnTermination": True}


def plant(world: World, seed: Seed) -> dict[str, Any]:
    """Launches one machine by the world's own rules and ages it; tells its id, zone and addresses."""
    fields = {"ClientToken": seed.client_token, "MinCount": "1", "MaxCount": "1"}
    if seed.market == "spot":
        fields["InstanceMarketOptions.MarketType"] = "spot"
    call = Call("RunInstances", "ec2", seed.region, "", seed.account, is_json=False, fields=fields)
    backend = ec2_backends[seed.account][seed.region]
    world.machines.current.call = call
    try:
        reservation = backend.run_instances(
            images.newest_deep_learning("x86_64"),
            1,
            None,
            [],
            instance_type=seed.instance_type,
            is_instance_type_default=False,
            region_name=seed.region,
            placement=seed.zone,
            tags=dict.fromkeys(("instance", "volume", "spot-instances-request"), seed.tags),
            client_token=seed.client_token,
            instance_initiated_shutdown_behavior="terminate",
            block_device_mappings=[
                {
                    "DeviceName": "/dev/sda1",
                    "Ebs": {"VolumeSize": 120, "VolumeType": "gp3", "DeleteOnTermination": True},
                }
            ],
        )
    finally:
        world.machines.current.call = None
    (instance,) = reservation.instances
    world.machines.age(instance.id, seed.age_seconds)
    return {
        "instance_id": instance.id,
        "zone": instance.placement.zone,
        "public_address": instance.public_ip,
        "private_address": instance.private_ip,
        "spot_request_id": getattr(instance, "spot_instance_request_id", None),
        "image_id": instance.image_id,
    }
