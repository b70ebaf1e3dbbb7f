"""vCPU quotas: the limit by code, then by name, and what of it is in use."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aicompute_tui.clouds.aws.catalogue import family_of, vcpus_of
from aicompute_tui.clouds.aws.session import PAGE_SIZE, AwsSession
from aicompute_tui.domain.errors import AicError, NotFound
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.offer import QuotaReading

_SERVICE = "service-quotas"


class Bucket(NamedTuple):
    """Families that share one quota. `code` is None where AWS's own is not known for certain."""

    families: str
    code: str | None
    name: str
    pattern: str


_SPOT = (
    Bucket(r"(g|vt)\d*", "L-3819A6DF", "All G and VT Spot Instance Requests", r"All .*\bG\b.* Spot Instance Requests"),
    Bucket(r"p6", None, "All P6 Spot Instance Requests", r"All .*\bP6\b.* Spot Instance Requests"),
    Bucket(r"p5", "L-C4BD4855", "All P5 Spot Instance Requests", r"All .*\bP5\b.* Spot Instance Requests"),
    Bucket(
        r"p[2-4]", "L-7212CCBC", "All P4, P3 and P2 Spot Instance Requests", r"All .*\bP4\b.* Spot Instance Requests"
    ),
    Bucket(r"trn", "L-6B0D517C", "All Trn Spot Instance Requests", r"All Trn Spot Instance Requests"),
    Bucket(r"inf", "L-B5D1601B", "All Inf Spot Instance Requests", r"All Inf Spot Instance Requests"),
    Bucket(r"dl", "L-85EED4F7", "All DL Spot Instance Requests", r"All DL Spot Instance Requests"),
    Bucket(r"f\d", "L-88CF9481", "All F Spot Instance Requests", r"All F Spot Instance Requests"),
    Bucket(r"x\d", "L-E3A00192", "All X Spot Instance Requests", r"All X Spot Instance Requests"),
    Bucket(
        r"[acdhimrtz]\d", "L-34B43A08", "All Standard Spot Instance Requests", r"All Standard .*Spot Instance Requests"
    ),
)
_ON_DEMAND = (
    Bucket(
        r"(g|vt)\d*", "L-DB2E81BA", "Running On-Demand G and VT instances", r"Running On-Demand .*\bG\b.* instances"
    ),
    Bucket(r"p\d", "L-417A185B", "Running On-Demand P instances", r"Running On-Demand P instances"),
    Bucket(r"trn", "L-2C3B7624", "Running On-Demand Trn instances", r"Running On-Demand Trn instances"),
    Bucket(r"inf", "L-1945791B", "Running On-Demand Inf instances", r"Running On-Demand Inf instances"),
    Bucket(r"dl", "L-6E869C2A", "Running On-Demand DL instances", r"Running On-Demand DL instances"),
    Bucket(r"f\d", "L-74FC7D96", "Running On-Demand F instances", r"Running On-Demand F instances"),
    Bucket(r"x\d", "L-7295265B", "Running On-Demand X instances", r"Running On-Demand X instances"),
    Bucket(
        r"[acdhimrtz]\d",
        "L-1216C47A",
        "Running On-Demand Standard instances",
        r"Running On-Demand Standard .*instances",
    ),
)
_MERGED_P = Bucket(r"p\d", None, "All P Spot Instance Requests", r"All P Spot Instance Requests")
"""Some regions have one spot quota for every P family instead of one by generation."""


class _Limit(NamedTuple):
    bucket: Bucket
    name: str
    code: str | None
    vcpus: int | None
    note: str


def quota(session: AwsSession, region: str, machine_type: str, market: Market) -> QuotaReading:
    """Never raises for what it cannot read: that is None with a note."""
    bucket = bucket_of(machine_type, market)
    if bucket is None:
        return QuotaReading(
            name=f"{market.value} {family_of(machine_type)}",
            code=None,
            limit_vcpus=None,
            used_vcpus=None,
            note="which quota counts this family is not known",
        )
    limit = _limit(session, region, bucket)
    used, note = _used(session, region, limit.bucket, market)
    return QuotaReading(
        name=limit.name,
        code=limit.code,
        limit_vcpus=limit.vcpus,
        used_vcpus=used,
        note="; ".join(each for each in (limit.note, note) if each),
    )


def quotas(session: AwsSession, region: str, machine_types: Sequence[str], market: Market) -> dict[str, QuotaReading]:
    """By type; each quota is read once, whatever many types it counts."""
    readings: dict[Bucket | str, QuotaReading] = {}
    found = {}
    for each in machine_types:
        shared = bucket_of(each, market) or family_of(each)
        if shared not in readings:
            readings[shared] = quota(session, region, each, market)
        found[each] = readings[shared]
    return found


def bucket_of(instance_type: str, market: Market) -> Bucket | None:
    buckets = _SPOT if market is Market.SPOT else _ON_DEMAND
    family = family_of(instance_type)
    return next((bucket for bucket in buckets if re.match(bucket.families, family)), None)


def _limit(session: AwsSession, region: str, bucket: Bucket) -> _Limit:
    try:
        return (
            _by_code(session, region, bucket)
            or _by_name(session, region, bucket)
            or _default(session, region, bucket)
            or _Limit(bucket, bucket.name, bucket.code, None, "AWS names no such quota")
        )
    except AicError as error:
        return _Limit(bucket, bucket.name, bucket.code, None, error.message)


def _by_code(session: AwsSession, region: str, bucket: Bucket) -> _Limit | None:
    if bucket.code is None:
        return None
    try:
        answer = session.ask(_SERVICE, "get_service_quota", region, ServiceCode="ec2", QuotaCode=bucket.code)
    except NotFound:
        return None
    return _limit_of(bucket, answer["Quota"])


def _by_name(session: AwsSession, region: str, bucket: Bucket) -> _Limit | None:
    pages = session.pages(_SERVICE, "list_service_quotas", region, ServiceCode="ec2")
    try:
        listed = [entry for page in pages for entry in page.get("Quotas", [])]
    except NotFound:
        return None
    candidates = (bucket, _MERGED_P) if bucket in _SPOT and bucket.families.startswith("p") else (bucket,)
    for candidate in candidates:
        for entry in listed:
            if re.fullmatch(candidate.pattern, entry.get("QuotaName", "")):
                return _limit_of(candidate, entry)
    return None


def _default(session: AwsSession, region: str, bucket: Bucket) -> _Limit | None:
    """Where AWS has no value of the account's own, its default holds."""
    if bucket.code is None:
        return None
    try:
        answer = session.ask(
            _SERVICE, "get_aws_default_service_quota", region, ServiceCode="ec2", QuotaCode=bucket.code
        )
    except NotFound:
        return None
    return _limit_of(bucket, answer["Quota"], "AWS's default")


def _limit_of(bucket: Bucket, entry: Mapping[str, Any], note: str = "") -> _Limit:
    return _Limit(
        bucket, entry.get("QuotaName") or bucket.name, entry.get("QuotaCode") or bucket.code, int(entry["Value"]), note
    )


def _used(session: AwsSession, region: str, bucket: Bucket, market: Market) -> tuple[int | None, str]:
    """vCPUs of the pending and running machines that the quota counts; None with the reason where unreadable."""
    filters = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    try:
        pages = session.pages("ec2", "describe_instances", region, page_size=PAGE_SIZE, Filters=filters)
        types = [
            instance["InstanceType"]
            for page in pages
            for reservation in page.get("Reservations", [])
            for instance in reservation.get("Instances", [])
            if _counts(instance, bucket, market)
        ]
        vcpus = vcpus_of(session, region, list(set(types))) if types else {}
    except AicError as error:
        return None, f"use: {error.message}"
    if not set(types) <= set(vcpus):
        return None, "use: the size of a running machine is not known"
    return sum(vcpus[each] for each in types), ""


def _counts(instance: Mapping[str, Any], bucket: Bucket, market: Market) -> bool:
    lifecycle = instance.get("InstanceLifecycle") or "on-demand"
    wanted = "spot" if market is Market.SPOT else "on-demand"
    return lifecycle == wanted and re.match(bucket.families, family_of(instance["InstanceType"])) is not None
