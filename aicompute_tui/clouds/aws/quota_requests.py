"""Asking AWS for more of a quota, and how far what was asked is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aicompute_tui.clouds.aws.quota import SERVICE
from aicompute_tui.clouds.aws.quota_buckets import bucket_by_code
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.domain.errors import NotFound
from aicompute_tui.domain.quota import FamilyAnswer, QuotaAnswer, RequestState

_STATES = {
    "PENDING": RequestState.PENDING,
    "CASE_OPENED": RequestState.CASE_OPENED,
    "APPROVED": RequestState.APPROVED,
    "DENIED": RequestState.DENIED,
    "NOT_APPROVED": RequestState.DENIED,
    "CASE_CLOSED": RequestState.CLOSED,
    "INVALID_REQUEST": RequestState.INVALID,
}


def ask_for_more(session: AwsSession, region: str, code: str, vcpus: int) -> QuotaAnswer:
    """One call, never repeated by itself. Raises Conflict where a request for this quota is open already."""
    answer = session.ask(
        SERVICE,
        "request_service_quota_increase",
        region,
        once=True,
        ServiceCode="ec2",
        QuotaCode=code,
        DesiredValue=float(vcpus),
    )
    return _answer(answer["RequestedQuota"])


def requests(session: AwsSession, region: str) -> list[FamilyAnswer]:
    """Everything asked for in a region, by whomever, of the quotas we know."""
    pages = session.pages(SERVICE, "list_requested_service_quota_change_history", region, ServiceCode="ec2")
    try:
        entries = [entry for page in pages for entry in page.get("RequestedQuotas", [])]
    except NotFound:
        return []
    found = []
    for entry in entries:
        bucket = bucket_by_code(entry["QuotaCode"], entry.get("QuotaName", ""))
        if bucket is not None:
            found.append(FamilyAnswer(family=bucket.family, market=bucket.market, answer=_answer(entry)))
    return found


def _answer(entry: Mapping[str, Any]) -> QuotaAnswer:
    return QuotaAnswer(
        request_id=entry["Id"],
        code=entry["QuotaCode"],
        name=entry.get("QuotaName", ""),
        desired_vcpus=int(entry["DesiredValue"]),
        state=_STATES.get(entry["Status"], RequestState.UNKNOWN),
        case_id=entry.get("CaseId"),
        created_at=entry["Created"],
        updated_at=entry.get("LastUpdated") or entry["Created"],
    )
