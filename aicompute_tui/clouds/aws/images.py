"""The machine image for a type: AWS's deep-learning base image by generation and architecture, or one given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.clouds.base import MachineImage
from aicompute_tui.domain.errors import (
    BadAnswer,
    InvalidInput,
    NotAllowed,
    NotFound,
    RateLimited,
    Unreachable,
)
from aicompute_tui.domain.offer import MachineType

_PARAMETER = "/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-{system}/latest/ami-id"
_PATTERN = "Deep Learning {arm}Base OSS Nvidia Driver GPU AMI ({system})*"
_SYSTEMS = (
    ("ubuntu-24.04", "Ubuntu 24.04"),
    ("ubuntu-22.04", "Ubuntu 22.04"),
    ("amazon-linux-2023", "Amazon Linux 2023"),
)
_MAY_BE_ABSENT = (NotFound, NotAllowed, BadAnswer, RateLimited, Unreachable)
"""Failures of the parameter store after which the image list may still answer."""
_LEAST_VOLUME_GIB = 8
_LOGINS = (
    ("ubuntu", "ubuntu"),
    ("amazon linux", "ec2-user"),
    ("al2023", "ec2-user"),
    ("amzn", "ec2-user"),
    ("debian", "admin"),
    ("rocky", "rocky"),
    ("rhel", "ec2-user"),
)


def image(session: AwsSession, region: str, machine_type: MachineType, image_id: str | None) -> MachineImage:
    """Raises NotFound where the image is not there, InvalidInput where type and image do not fit."""
    if image_id is not None:
        return _given(session, region, machine_type, image_id)
    if machine_type.disabled_reason is not None:
        raise InvalidInput(machine_type.disabled_reason, "Choose another type, or give your own image with --image.")
    for slug, system in _SYSTEMS:
        found = _by_parameter(session, region, machine_type.architecture, slug) or _by_name(
            session, region, machine_type.architecture, system
        )
        if found is not None:
            return found
    raise NotFound(
        f"No GPU image of AWS was found for {machine_type.architecture} in {region}.",
        "Give one with --image, or choose another region.",
    )


def _given(session: AwsSession, region: str, machine_type: MachineType, image_id: str) -> MachineImage:
    found = session.ask("ec2", "describe_images", region, ImageIds=[image_id]).get("Images", [])
    if not found:
        raise NotFound(f"AWS knows no image {image_id} in {region}.", "Leave --image out, or give one of this region.")
    architecture = found[0].get("Architecture", machine_type.architecture)
    if architecture != machine_type.architecture:
        raise InvalidInput(
            f"The image is for {architecture}, and {machine_type.name} needs {machine_type.architecture}.",
            "Give another image with --image, or choose another type.",
        )
    return _image_of(found[0], "given")


def _by_parameter(session: AwsSession, region: str, architecture: str, slug: str) -> MachineImage | None:
    name = _PARAMETER.format(architecture=architecture, system=slug)
    try:
        value = session.ask("ssm", "get_parameter", region, Name=name)["Parameter"]["Value"]
        found = session.ask("ec2", "describe_images", region, ImageIds=[value]).get("Images", [])
    except _MAY_BE_ABSENT:
        return None
    return _image_of(found[0], f"SSM parameter {name}") if found else None


def _by_name(session: AwsSession, region: str, architecture: str, system: str) -> MachineImage | None:
    """The newest of AWS's own by name."""
    pattern = _PATTERN.format(arm="ARM64 " if architecture == "arm64" else "", system=system)
    filters = [
        {"Name": "name", "Values": [pattern]},
        {"Name": "architecture", "Values": [architecture]},
        {"Name": "state", "Values": ["available"]},
    ]
    answer = session.ask("ec2", "describe_images", region, Owners=["amazon"], Filters=filters)
    newest = max(answer.get("Images", []), key=lambda each: str(each.get("CreationDate", "")), default=None)
    return None if newest is None else _image_of(newest, "newest by name")


def _image_of(entry: Mapping[str, Any], source: str) -> MachineImage:
    root = entry.get("RootDeviceName") or "/dev/sda1"
    sizes = [
        int(mapping.get("Ebs", {}).get("VolumeSize") or 0)
        for mapping in entry.get("BlockDeviceMappings", [])
        if mapping.get("DeviceName") == root
    ]
    name = entry.get("Name") or entry["ImageId"]
    return MachineImage(
        image_id=entry["ImageId"],
        name=name,
        source=source,
        root_device_name=root,
        min_volume_gib=max([_LEAST_VOLUME_GIB, *sizes]),
        login=_login(f"{name} {entry.get('Description', '')}".lower(), root),
    )


def _login(words: str, root_device: str) -> str:
    for word, login in _LOGINS:
        if word in words:
            return login
    return "ec2-user" if root_device == "/dev/xvda" else "ubuntu"
