"""What botocore reads of its models and of an answer: what is used here, and times without guessing their form."""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

MACHINE_MEMBERS = frozenset(
    {
        "ClientToken", "InstanceId", "InstanceLifecycle", "InstanceType", "LaunchTime", "NetworkInterfaces",
        "Placement", "PrivateIpAddress", "PublicIpAddress", "SecurityGroups", "SpotInstanceRequestId", "State",
        "StateReason", "SubnetId", "Tags", "VpcId",
    }
)  # fmt: skip
"""Of EC2's Instance. A listing of thousands is mostly spent on members that nobody asks for."""

OPERATIONS: Mapping[str, frozenset[str]] = {
    "ec2": frozenset(
        {
            "AuthorizeSecurityGroupIngress", "CancelSpotInstanceRequests", "CreateSecurityGroup", "CreateTags",
            "DescribeAvailabilityZones", "DescribeImages", "DescribeInstanceStatus", "DescribeInstanceTypeOfferings",
            "DescribeInstanceTypes", "DescribeInstances", "DescribeRegions", "DescribeSecurityGroups",
            "DescribeSpotInstanceRequests", "DescribeSpotPriceHistory", "DescribeSubnets", "DescribeVpcs",
            "GetSpotPlacementScores", "ImportKeyPair", "RebootInstances", "RevokeSecurityGroupIngress", "RunInstances",
            "StartInstances", "StopInstances", "TerminateInstances",
        }
    ),
    "ssm": frozenset({"GetParameter"}),
}  # fmt: skip
"""Of the services with hundreds: each client makes methods of all it finds, and there is one client for each region."""

SERVICES = frozenset({"api.pricing", "ec2", "oidc", "portal.sso", "servicequotas", "ssm", "sts"})
"""Endpoint prefixes: what is asked here, and where botocore itself gets credentials."""


@cache
def lean_loader() -> Any:
    """The loader of botocore's models, which keeps what it read. In a thread: it imports botocore."""
    from botocore.loaders import JSONFileLoader, Loader

    class LeanFileLoader(JSONFileLoader):  # type: ignore[misc] # botocore has no types
        def load_file(self, file_path: str) -> Any:
            """None where there is no such file."""
            path = Path(file_path)
            data = _read(path)
            return None if data is None else _lean(path, data)

    return Loader(file_loader=LeanFileLoader())


def _read(path: Path) -> Any:
    """In plain mappings, which keep their order too and take half of what botocore's own reader makes."""
    plain, packed = (path.with_name(path.name + suffix) for suffix in (".json", ".json.gz"))
    if plain.is_file():
        return json.loads(plain.read_bytes())
    return json.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None


def _lean(path: Path, data: Any) -> Any:
    """`path` ends in SERVICE/VERSION/service-2 for a service's model."""
    if path.name == "endpoints":
        return {**data, "partitions": [_lean_partition(each) for each in data["partitions"]]}
    service = path.parent.parent.name
    if path.name != "service-2" or service not in OPERATIONS:
        return data
    if service == "ec2":
        machine = data["shapes"]["Instance"]
        machine["members"] = {name: each for name, each in machine["members"].items() if name in MACHINE_MEMBERS}
    operations = {name: each for name, each in data["operations"].items() if name in OPERATIONS[service]}
    return {**data, "operations": operations, "shapes": _reached(operations.values(), data["shapes"])}


def _lean_partition(partition: Mapping[str, Any]) -> dict[str, Any]:
    services = {name: each for name, each in partition["services"].items() if name in SERVICES}
    return {**partition, "services": services}


def _reached(roots: Collection[Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes that these speak of, directly or through others, in the model's order."""
    reached: set[str] = set()
    waiting = [name for root in roots for name in _named(root)]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _named(shapes[name])
    return {name: shape for name, shape in shapes.items() if name in reached}


def _named(value: Any) -> Iterator[str]:
    """The shapes named in a part of a model."""
    if isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for each in value.values():
            yield from _named(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each)


def parse_moment(value: Any) -> datetime:
    """A time as AWS writes it; every other form is botocore's to read."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return moment
    from botocore.utils import parse_timestamp

    parsed: datetime = parse_timestamp(value)
    return parsed
