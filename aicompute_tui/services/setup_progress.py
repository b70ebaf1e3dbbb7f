"""How far a machine's set-up is, in the shape programs see: its steps, its link, and what idleness will do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.node import (
    NodeActivity,
    NodeReport,
    SetupStage,
    SetupStep,
    Tunnel,
    failed_step,
    is_set_up,
    present_step,
)
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.views import moment_or_none

TypicalSeconds = dict[tuple[SetupStage, str], int]


async def setup(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.setup`. A typical time is the median of set-ups measured here, None where there is none."""
    async with context.store.read() as transaction:
        row = await transaction.instances.find(required_text(arguments, "name"))
        report = await transaction.node_reports.get(row.id)
        typical = await transaction.setup_times.typical(row.framework)
    return {
        "name": row.name,
        "id": row.id,
        "state": row.state.value,
        "framework": row.framework,
        **setup_view(row, report, typical),
        "link": link_view(report, context.clock.now()),
    }


def setup_view(row: Instance, report: NodeReport | None, typical: TypicalSeconds) -> JsonObject:
    """`problem` is why a step failed, else why nothing is known of the machine."""
    steps = report.steps if report is not None else ()
    failed = failed_step(steps)
    present = present_step(steps)
    return {
        "stage": None if present is None else present.stage.value,
        "is_set_up": is_set_up(steps),
        "problem": _problem(report, failed),
        "log_hint": f"aic-tui instance logs {row.name} --source setup" if failed is not None else None,
        "steps": [step_view(step, typical.get((step.stage, step.name))) for step in steps],
    }


def usual_seconds(typical: TypicalSeconds, models: Sequence[str]) -> int | None:
    """How long a set-up with these models usually takes; None where a part of it was never measured here."""
    by_stage: dict[SetupStage, int] = {}
    for (stage, _), seconds in typical.items():
        if stage is not SetupStage.MODEL:
            by_stage[stage] = max(by_stage.get(stage, 0), seconds)
    fetched = [typical.get((SetupStage.MODEL, model)) for model in models]
    if SetupStage.READY not in by_stage or any(seconds is None for seconds in fetched):
        return None
    return sum(by_stage.values()) + sum(seconds for seconds in fetched if seconds is not None)


def step_view(step: SetupStep, typical_seconds: int | None = None) -> JsonObject:
    return {
        "stage": step.stage.value,
        "state": step.state.value,
        "name": step.name,
        "percent": step.percent,
        "elapsed_seconds": step.elapsed_seconds,
        "typical_seconds": typical_seconds,
        "detail": step.detail,
    }


def link_view(report: NodeReport | None, now: datetime) -> JsonObject:
    """How this store's host stands to the machine's ssh, and how old what it knows is."""
    if report is None:
        return {"state": "never", "read_at": None, "age_seconds": None, "problem": None, "next_step": None}
    age = None if report.read_at is None else max(0, round((now - report.read_at).total_seconds()))
    return {
        "state": report.link.value,
        "read_at": moment_or_none(report.read_at),
        "age_seconds": age,
        "problem": report.problem or None,
        "next_step": report.next_step or None,
    }


def idle_view(row: Instance, activity: NodeActivity | None) -> JsonObject:
    """`busy_because` is a phrase while it is busy; what the machine has not told yet is None."""
    return {
        "limit_seconds": row.idle_seconds,
        "since": None if activity is None else moment_or_none(activity.idle_since),
        "busy_because": None if activity is None else activity.busy_because or None,
        "awake_until": moment_or_none(row.awake_until),
        "checked_at": None if activity is None else moment_or_none(activity.checked_at),
        "notice": None if activity is None else activity.notice or None,
    }


def activity_view(activity: NodeActivity) -> JsonObject:
    models: list[Json] = [*activity.loaded_models]
    return {
        "checked_at": moment_or_none(activity.checked_at),
        "idle_since": moment_or_none(activity.idle_since),
        "idle_ends_at": moment_or_none(activity.idle_ends_at),
        "busy_because": activity.busy_because,
        "requests_running": activity.requests_running,
        "requests_waiting": activity.requests_waiting,
        "kv_cache_percent": activity.kv_cache_percent,
        "loaded_models": models,
        "notice": activity.notice,
    }


def tunnel_view(tunnel: Tunnel) -> JsonObject:
    return {
        "remote_port": tunnel.remote_port,
        "local_port": tunnel.local_port,
        "host_id": tunnel.host_id,
        "is_endpoint": tunnel.is_endpoint,
        "state": tunnel.state.value,
        "problem": tunnel.problem or None,
    }


def _problem(report: NodeReport | None, failed: SetupStep | None) -> str | None:
    """The step's own reason first: a link that is down later does not explain it away."""
    if failed is not None:
        return failed.detail or f"The step {failed.stage.value} failed."
    return report.problem or None if report is not None else None
