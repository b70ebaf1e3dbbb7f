"""Regions of the account and the GPU machine types of a region."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aicompute_tui.clouds.aws.regions import known, named_region, ordered, partition
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.domain.errors import NotAllowed, NotFound
from aicompute_tui.domain.offer import MachineType, Region

GPU_FAMILIES = ("g*", "p*")
_FILTER_VALUES = 100
_ENABLED = {"opt-in-not-required": True, "opted-in": True, "not-opted-in": False}
_NO_IMAGE_FAMILIES = {
    "g2": "its GPU (GRID K520)",
    "g3": "its GPU (Tesla M60)",
    "g3s": "its GPU (Tesla M60)",
    "g4ad": "its AMD GPU",
    "p2": "its GPU (K80)",
    "p3": "its GPU (V100)",
    "p3dn": "its GPU (V100)",
    "g6f": "a fraction of a GPU",
    "gr6f": "a fraction of a GPU",
}


def regions(session: AwsSession) -> list[Region]:
    """Canada first, then by country and name; those of other partitions are left out."""
    home = session.home_region()
    try:
        answer = session.ask("ec2", "describe_regions", home, AllRegions=True)
    except NotAllowed:
        return known()
    found = [
        named_region(entry["RegionName"], _ENABLED.get(entry.get("OptInStatus", "")))
        for entry in answer.get("Regions", [])
        if partition(entry["RegionName"]) == partition(home)
    ]
    return ordered(found)


def machine_types(session: AwsSession, region: str) -> list[MachineType]:
    """Every GPU type with the zones that offer it; a type that no zone offers is left out."""
    pages = session.pages(
        "ec2", "describe_instance_types", region, Filters=[{"Name": "instance-type", "Values": list(GPU_FAMILIES)}]
    )
    described = [entry for page in pages for entry in page.get("InstanceTypes", []) if entry.get("GpuInfo")]
    zones = zones_of(session, region, [entry["InstanceType"] for entry in described])
    found = [
        machine_type_of(entry, zones[entry["InstanceType"]]) for entry in described if zones.get(entry["InstanceType"])
    ]
    return sorted(found, key=lambda each: each.name)


def machine_type(session: AwsSession, region: str, name: str) -> MachineType:
    """One type, GPU or not. Raises NotFound where the region does not offer it."""
    answer = session.ask("ec2", "describe_instance_types", region, InstanceTypes=[name])
    zones = zones_of(session, region, [name]).get(name, ())
    entries = [entry for entry in answer.get("InstanceTypes", []) if entry["InstanceType"] == name]
    if not entries or not zones:
        raise NotFound(f"{region} does not offer {name}.", "See `aic-tui instance types`, or choose another region.")
    return machine_type_of(entries[0], zones)


def zones_of(session: AwsSession, region: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Zones by type, sorted."""
    found: dict[str, set[str]] = {}
    for some in chunks(names, _FILTER_VALUES):
        pages = session.pages(
            "ec2",
            "describe_instance_type_offerings",
            region,
            LocationType="availability-zone",
            Filters=[{"Name": "instance-type", "Values": list(some)}],
        )
        for page in pages:
            for entry in page.get("InstanceTypeOfferings", []):
                found.setdefault(entry["InstanceType"], set()).add(entry["Location"])
    return {name: tuple(sorted(zones)) for name, zones in found.items()}


def vcpus_of(session: AwsSession, region: str, names: Sequence[str]) -> dict[str, int]:
    """Default vCPUs by type, those the region knows; quotas count these whatever a machine's own CPU options say."""
    found: dict[str, int] = {}
    for some in chunks(sorted(names), _FILTER_VALUES):
        pages = session.pages(
            "ec2", "describe_instance_types", region, Filters=[{"Name": "instance-type", "Values": list(some)}]
        )
        found |= {
            entry["InstanceType"]: int(entry["VCpuInfo"]["DefaultVCpus"])
            for page in pages
            for entry in page.get("InstanceTypes", [])
        }
    return found


def chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def family_of(instance_type: str) -> str:
    return instance_type.partition(".")[0]


def machine_type_of(entry: dict[str, Any], zones: tuple[str, ...]) -> MachineType:
    gpus = entry.get("GpuInfo", {}).get("Gpus", [])
    first = gpus[0] if gpus else {}
    architectures = entry.get("ProcessorInfo", {}).get("SupportedArchitectures", [])
    return MachineType(
        cloud="aws",
        name=entry["InstanceType"],
        gpu_name=first.get("Name"),
        gpu_count=sum(_gpu_count(gpu) for gpu in gpus),
        gpu_memory_mib=int(first.get("MemoryInfo", {}).get("SizeInMiB", 0)),
        vcpu_count=int(entry["VCpuInfo"]["DefaultVCpus"]),
        memory_mib=int(entry["MemoryInfo"]["SizeInMiB"]),
        architecture="arm64" if "arm64" in architectures else "x86_64",
        has_spot="spot" in entry.get("SupportedUsageClasses", []),
        disabled_reason=disabled_reason(entry["InstanceType"], gpus),
        zones=zones,
    )


def _gpu_count(gpu: dict[str, Any]) -> float:
    """Whole GPUs, or the share where one is divided: `Count` is then 0."""
    size = float(gpu.get("GpuPartitionSize") or 1)
    if size < 1:
        return size * float(gpu.get("LogicalGpuCount") or 1)
    return float(gpu.get("Count") or gpu.get("LogicalGpuCount") or 0)


def disabled_reason(name: str, gpus: Sequence[dict[str, Any]]) -> str | None:
    """AWS's open-driver images need a whole NVIDIA GPU of the Turing generation or newer."""
    what = _NO_IMAGE_FAMILIES.get(family_of(name))
    if what is None and not gpus:
        return f"{name} has no GPU."
    if what is None and any(gpu.get("Manufacturer", "NVIDIA").upper() != "NVIDIA" for gpu in gpus):
        what = "a GPU that is not NVIDIA's"
    if what is None and any(float(gpu.get("GpuPartitionSize") or 1) < 1 for gpu in gpus):
        what = "a fraction of a GPU"
    return None if what is None else f"No image is known with a driver for {name}: it has {what}."
