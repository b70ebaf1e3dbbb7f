"""What of EC2's quotas is in use in a region: the vCPUs of machines there and of spot requests that still wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from aicompute_tui.clouds.aws.catalogue import vcpus_of
from aicompute_tui.clouds.aws.quota_buckets import Bucket
from aicompute_tui.clouds.aws.session import PAGE_SIZE, AwsSession
from aicompute_tui.domain.errors import AicError, NotAllowed
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.remote import TAG_STORE

_LIVING = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
_WAITING = [{"Name": "state", "Values": ["open"]}]


class _Use(NamedTuple):
    instance_type: str
    market: Market
    is_own: bool


class Used(NamedTuple):
    """vCPUs, None with the reason where they could not be read."""

    vcpus: int | None
    own_vcpus: int | None
    note: str


@dataclass(frozen=True, slots=True)
class RegionUse:
    """Everything in one region that quotas count."""

    uses: tuple[_Use, ...] = ()
    vcpus: Mapping[str, int] | None = None
    """By machine type."""
    problem: str = ""
    spot_note: str = ""
    """What the figures of spot quotas lack."""

    def of(self, bucket: Bucket) -> Used:
        if self.problem or self.vcpus is None:
            return Used(None, None, f"use: {self.problem}")
        counted = [use for use in self.uses if use.market is bucket.market and bucket.counts(use.instance_type)]
        if any(use.instance_type not in self.vcpus for use in counted):
            return Used(None, None, "use: the size of a running machine is not known")
        own = sum(self.vcpus[use.instance_type] for use in counted if use.is_own)
        note = self.spot_note if bucket.market is Market.SPOT else ""
        return Used(sum(self.vcpus[use.instance_type] for use in counted), own, note)


def region_use(session: AwsSession, region: str, store_id: str) -> RegionUse:
    """Machines that begin or run, and spot requests that have none yet. Never raises for what it cannot read."""
    try:
        pages = session.pages("ec2", "describe_instances", region, page_size=PAGE_SIZE, Filters=_LIVING)
        uses = [
            _use(instance, store_id)
            for page in pages
            for reservation in page.get("Reservations", [])
            for instance in reservation.get("Instances", [])
        ]
        waiting, note = _waiting(session, region, store_id)
        uses += waiting
        types = list({use.instance_type for use in uses})
        return RegionUse(tuple(uses), vcpus_of(session, region, types) if types else {}, spot_note=note)
    except AicError as error:
        return RegionUse(problem=error.message)


def _use(instance: Mapping[str, Any], store_id: str) -> _Use:
    market = Market.SPOT if instance.get("InstanceLifecycle") == "spot" else Market.ON_DEMAND
    return _Use(instance["InstanceType"], market, _is_own(instance, store_id))


def _waiting(session: AwsSession, region: str, store_id: str) -> tuple[list[_Use], str]:
    """AWS counts a spot request from the moment it is made."""
    pages = session.pages("ec2", "describe_spot_instance_requests", region, Filters=_WAITING)
    try:
        return [
            _Use(request["LaunchSpecification"]["InstanceType"], Market.SPOT, _is_own(request, store_id))
            for page in pages
            for request in page.get("SpotInstanceRequests", [])
            if request.get("LaunchSpecification", {}).get("InstanceType")
        ], ""
    except NotAllowed:
        return [], "spot requests that wait may not be read and are not in it"


def _is_own(entry: Mapping[str, Any], store_id: str) -> bool:
    return any(tag.get("Key") == TAG_STORE and tag.get("Value") == store_id for tag in entry.get("Tags", []))
