"""Machine images: the deep learning ones and plain Ubuntu, and the SSM parameters that name them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from aicompute_tui.demo.world.call import Answer, Call, CallError, json_answer

_AMAZON = "898082745236"
_CANONICAL = "099720109477"


@dataclass(frozen=True, slots=True)
class _Image:
    parameter: str | None
    name: str
    owner: str
    architecture: str
    root_device: str
    snapshot_gib: int
    created: str

    @property
    def image_id(self) -> str:
        return f"ami-0{hashlib.sha256(self.name.encode()).hexdigest()[:16]}"


def _deep_learning(architecture: str, system: str, slug: str, created: str, *, newest: bool = True) -> _Image:
    arm = " ARM64" if architecture == "arm64" else ""
    parameter = f"/aws/service/deeplearning/ami/{architecture}/base-oss-nvidia-driver-gpu-{slug}/latest/ami-id"
    return _Image(
        parameter=parameter if newest else None,
        name=f"Deep Learning{arm} Base OSS Nvidia Driver GPU AMI ({system}) {created[:10].replace('-', '')}",
        owner=_AMAZON,
        architecture=architecture,
        root_device="/dev/xvda" if system.startswith("Amazon") else "/dev/sda1",
        snapshot_gib=75,
        created=created,
    )


def _ubuntu(version: str, architecture: str, volume: str) -> _Image:
    machine = "x86_64" if architecture == "amd64" else "arm64"
    return _Image(
        parameter=f"/aws/service/canonical/ubuntu/server/{version}/stable/current/{architecture}/hvm/{volume}/ami-id",
        name=f"ubuntu/images/hvm-ssd-gp3/ubuntu-{version}-{architecture}-server-20261101",
        owner=_CANONICAL,
        architecture=machine,
        root_device="/dev/sda1",
        snapshot_gib=8,
        created="2026-11-01T00:00:00.000Z",
    )


_SYSTEMS = (
    ("Ubuntu 24.04", "ubuntu-24.04"),
    ("Ubuntu 22.04", "ubuntu-22.04"),
    ("Amazon Linux 2023", "amazon-linux-2023"),
)
_IMAGES = (
    *(
        _deep_learning(architecture, system, slug, "2026-11-06T02:11:31.000Z")
        for architecture in ("x86_64", "arm64")
        for system, slug in _SYSTEMS
    ),
    _deep_learning("x86_64", "Ubuntu 24.04", "ubuntu-24.04", "2026-09-18T03:40:02.000Z", newest=False),
    *(_ubuntu("24.04", architecture, "ebs-gp3") for architecture in ("amd64", "arm64")),
    *(_ubuntu("22.04", architecture, "ebs-gp2") for architecture in ("amd64", "arm64")),
)
_BY_PARAMETER = {image.parameter: image for image in _IMAGES if image.parameter}
SNAPSHOT_GIB = {image.image_id: image.snapshot_gib for image in _IMAGES}


def moto_images() -> list[dict[str, Any]]:
    """As moto's own list of images has them."""
    return [
        {
            "ami_id": image.image_id,
            "name": image.name,
            "description": image.name,
            "owner_id": image.owner,
            "architecture": image.architecture,
            "virtualization_type": "hvm",
            "hypervisor": "xen",
            "root_device_name": image.root_device,
            "root_device_type": "ebs",
            "image_type": "machine",
            "platform": None,
            "public": True,
            "state": "available",
            "creation_date": image.created,
            "sriov": "simple",
        }
        for image in _IMAGES
    ]


def _parameter(call: Call, name: str) -> dict[str, Any]:
    image = _BY_PARAMETER[name]
    return {
        "Name": name,
        "Type": "String",
        "Value": image.image_id,
        "Version": 1,
        "LastModifiedDate": 1_793_900_000.0,
        "ARN": f"arn:aws:ssm:{call.region}::parameter{name}",
        "DataType": "aws:ec2:image",
    }


def get_parameter(call: Call) -> Answer | None:
    """None where the name is not one of ours, for moto to answer."""
    name = call.fields.get("Name", "")
    if name in _BY_PARAMETER:
        return json_answer({"Parameter": _parameter(call, name)})
    if name.startswith(("/aws/service/deeplearning/", "/aws/service/canonical/")):
        raise CallError("ParameterNotFound", f"Parameter {name} not found.")
    return None


def get_parameters(call: Call) -> Answer | None:
    names = call.body.get("Names", [])
    if not all(name.startswith(("/aws/service/deeplearning/", "/aws/service/canonical/")) for name in names):
        return None
    return json_answer(
        {
            "Parameters": [_parameter(call, name) for name in names if name in _BY_PARAMETER],
            "InvalidParameters": [name for name in names if name not in _BY_PARAMETER],
        }
    )


def newest_deep_learning(architecture: str) -> str:
    """The image that the Ubuntu 24.04 parameter names."""
    return next(i.image_id for i in _IMAGES if i.parameter and i.architecture == architecture)
