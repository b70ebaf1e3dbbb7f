"""Quotas and requests for more of them as programs see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.quota import KeptQuota, QuotaRequest, machines_that_fit
from aicompute_tui.services.quota_fit import chosen_type, vcpus_of
from aicompute_tui.services.views import moment_or_none


def kept_view(kept: KeptQuota, request: QuotaRequest | None, wanted: Sequence[str], now: datetime) -> JsonObject:
    """`fits_machines` counts machines of `type`, the first of `wanted` in this family or its smallest."""
    machine_type = chosen_type(kept.family, wanted)
    return {
        "id": kept.key,
        "region": kept.region,
        "market": kept.market.value,
        "family": kept.family,
        "name": kept.name,
        "code": kept.code,
        **_figures(kept.reading, machine_type, None if machine_type is None else vcpus_of(machine_type)),
        "request_state": None if request is None else request.state.value,
        "requested_vcpus": None if request is None else request.desired_vcpus,
        "request_id": None if request is None else request.id,
        "cloud": kept.cloud,
        "account_id": kept.account_id,
        "profile": kept.credential_id,
        "read_at": moment_or_none(kept.read_at),
        "age_seconds": None if kept.read_at is None else max(0, int((now - kept.read_at).total_seconds())),
        "note": kept.note or None,
    }


def reading_view(reading: QuotaReading, machine_type: str, vcpu_count: int | None) -> JsonObject:
    """Of a reading made for one machine type just now."""
    return {
        "name": reading.name,
        "code": reading.code,
        **_figures(reading, machine_type, vcpu_count),
        "age_seconds": None if reading.limit_vcpus is None and reading.used_vcpus is None else 0,
        "note": reading.note or None,
    }


def _figures(reading: QuotaReading, machine_type: str | None, vcpu_count: int | None) -> JsonObject:
    used, own = reading.used_vcpus, reading.own_vcpus
    return {
        "limit_vcpus": reading.limit_vcpus,
        "used_vcpus": used,
        "own_vcpus": own,
        "other_vcpus": None if used is None or own is None else used - own,
        "free_vcpus": reading.free_vcpus,
        "type": machine_type,
        "type_vcpus": vcpu_count,
        "fits_machines": machines_that_fit(reading.free_vcpus, vcpu_count),
    }


def request_view(request: QuotaRequest, limit_vcpus: int | None) -> JsonObject:
    """`limit_vcpus` is the limit as it was read last."""
    return {
        "id": request.id,
        "region": request.region,
        "market": request.market.value,
        "family": request.family,
        "state": request.state.value,
        "desired_vcpus": request.desired_vcpus,
        "limit_vcpus": limit_vcpus,
        "name": request.name,
        "code": request.code,
        "case_id": request.case_id,
        "asked_by": request.asked_by or None,
        "created_at": moment_or_none(request.created_at),
        "updated_at": moment_or_none(request.updated_at),
        "answered_at": moment_or_none(request.answered_at),
        "account_id": request.account_id,
        "profile": request.credential_id,
    }
