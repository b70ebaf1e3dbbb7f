"""One RunInstances call for one order: complete, tagged, and sent once."""

from __future__ import annotations

from typing import Any

from aicompute_tui.clouds.aws.machines import machines_of
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.clouds.aws.tags import ec2_tags
from aicompute_tui.domain.errors import BadAnswer, InvalidInput
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import LaunchOrder
from aicompute_tui.domain.remote import TAG_LAUNCH, TAG_STORE, RemoteMachine

_LARGEST_USER_DATA = 16_384


def launch(session: AwsSession, order: LaunchOrder, store_id: str) -> RemoteMachine:
    """Exactly one request on the wire, none after `order.send_by`."""
    answer = session.ask("ec2", "run_instances", order.region, once=True, **request_of(order, store_id))
    made = machines_of(order.region, answer)
    if not made:
        raise BadAnswer("AWS accepted the launch but named no machine.", "It is looked up by its tags; wait a little.")
    return made[0]


def request_of(order: LaunchOrder, store_id: str) -> dict[str, Any]:
    """RunInstances' parameters. Raises InvalidInput for tags or user data that EC2 would not take."""
    if len(order.user_data) > _LARGEST_USER_DATA:
        raise InvalidInput("The set-up script is larger than the 16 KiB AWS takes.", "Use a shorter one.")
    tags = ec2_tags({"Name": order.name, **order.tags, TAG_LAUNCH: order.launch_id, TAG_STORE: store_id})
    kinds = ["instance", "volume"]
    request: dict[str, Any] = {
        "ImageId": order.image_id,
        "InstanceType": order.instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "ClientToken": order.client_token,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": 2,
            "InstanceMetadataTags": "enabled",
        },
        "BlockDeviceMappings": [
            {
                "DeviceName": order.root_device_name,
                "Ebs": {
                    "VolumeSize": order.volume_gib,
                    "VolumeType": "gp3",
                    "DeleteOnTermination": True,
                    "Encrypted": True,
                },
            }
        ],
        "NetworkInterfaces": [_interface(order)],
        "UserData": order.user_data,
    }
    if order.market is Market.SPOT:
        kinds.append("spot-instances-request")
        request["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": _spot_options(order)}
    if order.key_name is not None:
        request["KeyName"] = order.key_name
    request["TagSpecifications"] = [{"ResourceType": kind, "Tags": tags} for kind in kinds]
    return request


def _interface(order: LaunchOrder) -> dict[str, Any]:
    interface: dict[str, Any] = {
        "DeviceIndex": 0,
        "AssociatePublicIpAddress": True,
        "DeleteOnTermination": True,
        "Groups": [order.security_group_id],
    }
    if order.place.subnet_id is not None:
        interface["SubnetId"] = order.place.subnet_id
    return interface


def _spot_options(order: LaunchOrder) -> dict[str, str]:
    """One-time: a persistent request would bring the machine back after it was ended."""
    options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
    if order.max_price_usd_per_hour is not None:
        options["MaxPrice"] = f"{order.max_price_usd_per_hour:f}"
    return options
