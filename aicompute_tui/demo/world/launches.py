"""RunInstances as AWS does it: one machine per client token, refused where price, quota, zone or image do not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend

from aicompute_tui.demo.world import catalogue, images, snapshot
from aicompute_tui.demo.world.call import Call
from aicompute_tui.demo.world.quotas import Quotas, quota_code

_LARGEST_USER_DATA = 16_384
_COUNTED_STATES = {"pending", "running"}
_NOT_PART_OF_THE_ORDER = {"ClientToken", "DryRun", "Version", "Action"}


@dataclass(frozen=True, slots=True)
class LaunchRequest:
    """What one RunInstances call asks for."""

    call: Call
    backend: EC2Backend
    arguments: Mapping[str, Any]
    image_id: str

    @property
    def instance_type(self) -> str:
        return str(self.arguments["instance_type"])

    @property
    def is_spot(self) -> bool:
        return self.call.fields.get("InstanceMarketOptions.MarketType") == "spot"

    @property
    def max_price(self) -> str | None:
        return self.call.fields.get("InstanceMarketOptions.SpotOptions.MaxPrice")

    @property
    def token(self) -> str | None:
        return self.call.fields.get("ClientToken")

    @property
    def order(self) -> frozenset[tuple[str, str]]:
        """What must be the same when a token is used again."""
        return frozenset((k, v) for k, v in self.call.fields.items() if k not in _NOT_PART_OF_THE_ORDER)

    def subnet_id(self) -> str | None:
        first = next((card.get("SubnetId") for card in self.arguments.get("nics", [])), None)
        return self.arguments.get("subnet_id") or first

    def zone(self) -> str:
        """The zone asked for, else the one the cloud would choose."""
        subnet = self.subnet_id()
        if subnet:
            return str(self.backend.get_subnet(subnet).availability_zone)
        asked = self.arguments.get("placement")
        if asked:
            return str(asked)
        offered = catalogue.zones_of(self.instance_type, self.call.region)
        return offered[0] if offered else f"{self.call.region}a"


def check(request: LaunchRequest) -> None:
    """Raises what AWS would answer to an order that cannot be met."""
    _check_type(request)
    _check_image(request)
    _check_network(request)
    _check_zone(request)
    _check_user_data(request)
    if request.is_spot and request.max_price is not None:
        _check_price(request, request.max_price)


def allowed_count(request: LaunchRequest, quotas: Quotas) -> int:
    """How many of the machines asked for the quota allows. Raises where it is fewer than the least wanted."""
    least = int(request.call.fields.get("MinCount") or 1)
    most = int(request.call.fields.get("MaxCount") or least)
    code = quota_code(request.instance_type, spot=request.is_spot)
    limit = quotas.value(request.call.account, request.call.region, code)
    used = sum(
        catalogue.vcpus(machine.instance_type)
        for machine in request.backend.all_instances()
        if machine.state in _COUNTED_STATES
        and catalogue.is_known(machine.instance_type)
        and quota_code(machine.instance_type, spot=machine.lifecycle == "spot") == code
        and (machine.lifecycle == "spot") == request.is_spot
    )
    fitting = int((limit - used) // catalogue.vcpus(request.instance_type))
    if fitting >= least:
        return min(fitting, most)
    if request.is_spot:
        raise EC2ClientError("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
    raise EC2ClientError(
        "VcpuLimitExceeded",
        f"You have requested more vCPU capacity than your current vCPU limit of {limit:.0f} allows for the instance "
        "bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    )


def _check_type(request: LaunchRequest) -> None:
    if not catalogue.is_known(request.instance_type):
        raise EC2ClientError("InvalidParameterValue", f"Invalid value '{request.instance_type}' for InstanceType.")


def _check_image(request: LaunchRequest) -> None:
    if not re.fullmatch(r"ami-[0-9a-f]+", request.image_id):
        raise EC2ClientError("InvalidAMIID.Malformed", f'Invalid id: "{request.image_id}"')
    image = request.backend.amis.get(request.image_id)
    if image is None:
        raise EC2ClientError("InvalidAMIID.NotFound", f"The image id '[{request.image_id}]' does not exist")
    if image.architecture not in catalogue.architectures(request.instance_type):
        raise EC2ClientError(
            "InvalidParameterValue",
            f"The architecture '{','.join(catalogue.architectures(request.instance_type))}' of the specified instance "
            f"type does not match the architecture '{image.architecture}' of the specified AMI.",
        )
    least = images.SNAPSHOT_GIB.get(request.image_id, 0)
    for device in request.arguments.get("block_device_mappings", []):
        size = int(device.get("Ebs", {}).get("VolumeSize") or least)
        if device.get("DeviceName") == image.root_device_name and size < least:
            raise EC2ClientError(
                "InvalidBlockDeviceMapping",
                f"Volume of size {size}GB is smaller than snapshot '{image.ebs_snapshot.id}', expect size>= {least}GB",
            )


def _check_network(request: LaunchRequest) -> None:
    groups = list(request.arguments.get("security_group_ids", []))
    for card in request.arguments.get("nics", []):
        groups += card.get("Groups") or []
    for group in groups:
        if isinstance(group, str) and request.backend.get_security_group_from_id(group) is None:
            raise EC2ClientError("InvalidGroup.NotFound", f"The security group '{group}' does not exist")
    key = request.arguments.get("key_name")
    if key and key not in request.backend.key_pairs:
        raise EC2ClientError("InvalidKeyPair.NotFound", f"The key pair '{key}' does not exist")


def _check_zone(request: LaunchRequest) -> None:
    offered = catalogue.zones_of(request.instance_type, request.call.region)
    zone = request.zone()
    if zone in offered:
        return
    if not zone.startswith(request.call.region):
        raise EC2ClientError("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
    if not offered:
        raise EC2ClientError("Unsupported", "The requested configuration is currently not supported.")
    raise EC2ClientError(
        "Unsupported",
        f"Your requested instance type ({request.instance_type}) is not supported in your requested Availability Zone "
        f"({zone}). Please retry your request by not specifying an Availability Zone or choosing {', '.join(offered)}.",
    )


def _check_user_data(request: LaunchRequest) -> None:
    text = request.call.fields.get("UserData", "")
    if len(text) * 3 // 4 > _LARGEST_USER_DATA:
        raise EC2ClientError("InvalidParameterValue", "User data is limited to 16384 bytes")


def _check_price(request: LaunchRequest, asked: str) -> None:
    try:
        offered = Decimal(asked)
    except InvalidOperation:
        raise EC2ClientError("InvalidParameterValue", f"{asked} is not a valid spot instance price") from None
    price = snapshot.spot_prices(request.instance_type, request.call.region).get(request.zone())
    if price is not None and offered < price:
        raise EC2ClientError(
            "SpotMaxPriceTooLow",
            f"Your Spot request price of {asked} is lower than the minimum required Spot request fulfillment price "
            f"of {price:.6f}.",
        )
