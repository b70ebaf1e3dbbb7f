"""Instance types and offerings by region, which moto answers for the whole planet at once."""

from __future__ import annotations

import fnmatch
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import (
    INSTANCE_TYPE_OFFERINGS,
    INSTANCE_TYPES,
    InstanceType,
    InstanceTypeBackend,
    InstanceTypeOfferingBackend,
)


def vcpus(instance_type: str) -> int:
    return int(INSTANCE_TYPES[instance_type]["VCpuInfo"]["DefaultVCpus"])


def is_known(instance_type: str) -> bool:
    return instance_type in INSTANCE_TYPES


def architectures(instance_type: str) -> list[str]:
    return list(INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"])


def zones_of(instance_type: str, region: str) -> list[str]:
    """Zones of `region` that offer the type, in order."""
    rows = INSTANCE_TYPE_OFFERINGS["availability-zone"].get(region, [])
    return sorted(row["Location"] for row in rows if row["InstanceType"] == instance_type)


def _offered(region: str) -> set[str]:
    return {row["InstanceType"] for row in INSTANCE_TYPE_OFFERINGS["region"].get(region, [])}


def install() -> None:
    """Gives moto's catalogue a region, and answers about GPU types alone where no type is named."""
    every_type = InstanceTypeBackend.describe_instance_types

    def describe_types(
        backend: Any, instance_types: list[str] | None = None, filters: Any = None
    ) -> list[InstanceType]:
        found = every_type(backend, instance_types, filters)
        offered = _offered(backend.region_name)
        if instance_types:
            missing = sorted(set(instance_types) - offered)
            if missing:
                raise EC2ClientError(
                    "InvalidInstanceType", f"The following supplied instance types do not exist: [{', '.join(missing)}]"
                )
            return found
        return [kind for kind in found if kind["InstanceType"] in offered and "GpuInfo" in kind]

    def describe_offerings(backend: Any, location_type: str | None = None, filters: Any = None) -> list[Any]:
        rows = INSTANCE_TYPE_OFFERINGS[location_type or "region"].get(backend.region_name, [])
        return [row for row in rows if _row_passes(row, filters or {})]

    setattr(InstanceTypeBackend, "describe_instance_types", describe_types)  # noqa: B010
    setattr(InstanceTypeOfferingBackend, "describe_instance_type_offerings", describe_offerings)  # noqa: B010


def _row_passes(row: dict[str, str], filters: dict[str, list[str]]) -> bool:
    columns = {"location": "Location", "instance-type": "InstanceType"}
    for name, wanted in filters.items():
        if name not in columns:
            raise EC2ClientError("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not any(fnmatch.fnmatchcase(row[columns[name]], pattern) for pattern in wanted):
            return False
    return True
