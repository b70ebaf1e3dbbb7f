"""The stable shapes that programs see: snake_case keys, units in the names, ISO times, None for not known."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from aicompute_tui.domain.instance import RUNNING_STATES, Instance, InstanceState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.launch import Check, LaunchAttempt
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.money import usd_from_nano
from aicompute_tui.domain.node import NodeReport, present_step
from aicompute_tui.domain.remote import Sighting


def moment_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)


def usd_or_none(amount: Decimal | None) -> float | None:
    """Dollars as a JSON number, rounded to six places."""
    return None if amount is None else float(round(amount, 6))


def cost_usd(instance: Instance, now: datetime) -> float | None:
    cost = instance.cost_nano_usd(now)
    return None if cost is None else usd_or_none(usd_from_nano(cost))


def instance_view(instance: Instance, now: datetime, host_id: str, report: NodeReport | None = None) -> JsonObject:
    """`endpoint` is what a program on `host_id` can call now, `node_endpoint` the address on the machine.

    `idle_ends_at` and `setup_stage` come from the machine's own `report`, None where there is none.
    """
    stage = None if report is None else present_step(report.steps)
    until = instance.ended_at or now
    up_seconds = None if instance.launched_at is None else max(0, int((until - instance.launched_at).total_seconds()))
    in_doubt = instance.state is InstanceState.UNKNOWN
    return {
        "id": instance.id,
        "name": instance.name,
        "cloud": instance.cloud,
        "remote_id": instance.remote_id,
        "region": instance.region,
        "zone": instance.zone,
        "instance_type": instance.instance_type,
        "market": instance.market.value,
        "state": instance.state.value,
        "desired_state": instance.desired_state.value,
        "price_usd_per_hour": usd_or_none(instance.price_usd_per_hour),
        "price_source": instance.price_source,
        "price_as_of": moment_or_none(instance.price_as_of),
        "cost_usd": cost_usd(instance, now),
        "may_cost_usd_per_hour": usd_or_none(instance.price_usd_per_hour) if in_doubt else None,
        "endpoint": instance.endpoint if instance.host_id == host_id else None,
        "node_endpoint": instance.node_endpoint,
        "expires_at": moment_or_none(instance.expires_at),
        "node_expires_at": moment_or_none(instance.node_expires_at),
        "max_expires_at": moment_or_none(instance.max_expires_at),
        "ttl_seconds": instance.ttl_seconds,
        "idle_seconds": instance.idle_seconds,
        "idle_ends_at": moment_or_none(idle_ends_at(instance, report)),
        "setup_stage": None if stage is None else stage.stage.value,
        "protected": instance.protected,
        "owner": instance.owner,
        "account_id": instance.account_id,
        "credential_id": instance.credential_id,
        "gpu_name": instance.gpu_name,
        "gpu_count": instance.gpu_count,
        "gpu_memory_mib": instance.gpu_memory_mib,
        "framework": instance.framework,
        "models": list(instance.models),
        "uptime_seconds": up_seconds,
        **_past_view(instance),
    }


def _past_view(instance: Instance) -> JsonObject:
    """Its moments, addresses and what went wrong."""
    return {
        "requested_at": moment_or_none(instance.requested_at),
        "launched_at": moment_or_none(instance.launched_at),
        "ready_at": moment_or_none(instance.ready_at),
        "ended_at": moment_or_none(instance.ended_at),
        "end_reason": instance.end_reason,
        "public_address": instance.public_address,
        "private_address": instance.private_address,
        "last_seen_at": moment_or_none(instance.last_seen_at),
        "error_kind": instance.error_kind,
        "error_message": instance.error_message,
        "version": instance.version,
    }


def idle_ends_at(instance: Instance, report: NodeReport | None) -> datetime | None:
    """When idleness ends a machine; None while it works or is not known to be idle. An extension moves it at once."""
    activity = None if report is None else report.activity
    if activity is None or activity.idle_ends_at is None or instance.state not in RUNNING_STATES:
        return None
    awake_until = instance.awake_until
    return activity.idle_ends_at if awake_until is None else max(activity.idle_ends_at, awake_until)


def attempt_view(attempt: LaunchAttempt) -> JsonObject:
    return {
        "number": attempt.number,
        "zone": attempt.zone,
        "state": attempt.state.value,
        "client_token": attempt.client_token,
        "error_kind": attempt.error_kind,
        "error_message": attempt.error_message,
        "written_at": moment_or_none(attempt.written_at),
        "ended_at": moment_or_none(attempt.ended_at),
    }


def sighting_view(sighting: Sighting) -> JsonObject:
    return {
        "remote_id": sighting.remote_id,
        "ownership": sighting.ownership.value,
        "name": sighting.name,
        "cloud": sighting.cloud,
        "account_id": sighting.account_id,
        "region": sighting.region,
        "zone": sighting.zone,
        "instance_type": sighting.instance_type,
        "market": sighting.market.value,
        "state": sighting.state.value,
        "owner": sighting.owner,
        "store_id": sighting.store_id,
        "launched_at": moment_or_none(sighting.launched_at),
        "expires_at": sighting.expires_at,
        "first_seen_at": moment_or_none(sighting.first_seen_at),
        "last_seen_at": moment_or_none(sighting.last_seen_at),
    }


def check_view(check: Check) -> JsonObject:
    return {
        "name": check.name,
        "verdict": check.verdict.value,
        "reason": check.reason,
        "next_step": check.next_step,
        "error_kind": check.error_kind,
    }
