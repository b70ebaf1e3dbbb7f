"""vCPU quotas: the limit by code, then by name, with what of it is in use; of some types, or of a whole region."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aicompute_tui.clouds.aws.catalogue import family_of
from aicompute_tui.clouds.aws.quota_buckets import BUCKETS, MERGED, MERGED_P, Bucket, bucket_of
from aicompute_tui.clouds.aws.quota_use import RegionUse, region_use
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.domain.errors import AicError, NotFound
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.quota import FamilyQuota

SERVICE = "service-quotas"
_DEFAULT = "AWS's default"


class _Limit(NamedTuple):
    bucket: Bucket
    name: str
    code: str | None
    vcpus: int | None
    note: str


def quota(session: AwsSession, region: str, machine_type: str, market: Market, store_id: str) -> QuotaReading:
    """Never raises for what it cannot read: that is None with a note."""
    return quotas(session, region, [machine_type], market, store_id)[machine_type]


def quotas(
    session: AwsSession, region: str, machine_types: Sequence[str], market: Market, store_id: str
) -> dict[str, QuotaReading]:
    """By type; each quota is read once, whatever many types it counts."""
    use = region_use(session, region, store_id)
    readings: dict[Bucket | str, QuotaReading] = {}
    found = {}
    for each in machine_types:
        bucket = bucket_of(each, market)
        shared = bucket or family_of(each)
        if shared not in readings:
            readings[shared] = (
                _unknown(each, market) if bucket is None else _reading(_limit(session, region, bucket), use)
            )
        found[each] = readings[shared]
    return found


def region_quotas(session: AwsSession, region: str, store_id: str) -> list[FamilyQuota]:
    """Every family's, by as few calls as there are pages. Never raises for what it cannot read."""
    use = region_use(session, region, store_id)
    limits = _all_limits(session, region)
    return [
        FamilyQuota(family=each.bucket.family, market=each.bucket.market, reading=_reading(each, use))
        for each in limits
    ]


def _unknown(machine_type: str, market: Market) -> QuotaReading:
    return QuotaReading(
        name=f"{market.value} {family_of(machine_type)}",
        code=None,
        limit_vcpus=None,
        used_vcpus=None,
        note="which quota counts this family is not known",
    )


def _reading(limit: _Limit, use: RegionUse) -> QuotaReading:
    used = use.of(limit.bucket)
    return QuotaReading(
        name=limit.name,
        code=limit.code,
        limit_vcpus=limit.vcpus,
        used_vcpus=used.vcpus,
        own_vcpus=used.own_vcpus,
        note="; ".join(each for each in (limit.note, used.note) if each),
    )


def _all_limits(session: AwsSession, region: str) -> list[_Limit]:
    """Those of the account, then AWS's defaults where it has none of its own."""
    try:
        own = _listed(session, region, "list_service_quotas")
        found = _matched(own, "")
        if any(bucket.code is not None and bucket not in found for bucket in BUCKETS.values()):
            found = _matched(_listed(session, region, "list_aws_default_service_quotas"), _DEFAULT) | found
    except AicError as error:
        return [_Limit(bucket, bucket.name, bucket.code, None, error.message) for bucket in BUCKETS.values()]
    merged = found.pop(MERGED_P, None)
    limits = []
    for bucket in BUCKETS.values():
        missing = _Limit(bucket, bucket.name, bucket.code, None, "AWS names no such quota")
        if merged is not None and bucket.market is Market.SPOT and bucket.family in MERGED and bucket not in found:
            if merged not in limits:
                limits.append(merged)
        else:
            limits.append(found.get(bucket, missing))
    return limits


def _listed(session: AwsSession, region: str, operation: str) -> list[Mapping[str, Any]]:
    pages = session.pages(SERVICE, operation, region, ServiceCode="ec2")
    try:
        return [entry for page in pages for entry in page.get("Quotas", [])]
    except NotFound:
        return []


def _matched(entries: Sequence[Mapping[str, Any]], note: str) -> dict[Bucket, _Limit]:
    """By code, and by name for the rest."""
    by_code = {entry.get("QuotaCode"): entry for entry in entries}
    found = {}
    for bucket in (*BUCKETS.values(), MERGED_P):
        entry = by_code.get(bucket.code) if bucket.code is not None else None
        if entry is None:
            named = (each for each in entries if re.fullmatch(bucket.pattern, each.get("QuotaName", "")))
            entry = next(named, None)
        if entry is not None:
            found[bucket] = _limit_of(bucket, entry, note)
    return found


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
        answer = session.ask(SERVICE, "get_service_quota", region, ServiceCode="ec2", QuotaCode=bucket.code)
    except NotFound:
        return None
    return _limit_of(bucket, answer["Quota"])


def _by_name(session: AwsSession, region: str, bucket: Bucket) -> _Limit | None:
    listed = _listed(session, region, "list_service_quotas")
    candidates = (bucket, MERGED_P) if bucket.market is Market.SPOT and bucket.family in MERGED else (bucket,)
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
        answer = session.ask(SERVICE, "get_aws_default_service_quota", region, ServiceCode="ec2", QuotaCode=bucket.code)
    except NotFound:
        return None
    return _limit_of(bucket, answer["Quota"], _DEFAULT)


def _limit_of(bucket: Bucket, entry: Mapping[str, Any], note: str = "") -> _Limit:
    return _Limit(
        bucket, entry.get("QuotaName") or bucket.name, entry.get("QuotaCode") or bucket.code, int(entry["Value"]), note
    )
