"""Which of its own ends a machine came to that powered itself off: its time, or idleness, as it had told last."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.instance import RUNNING_STATES, DesiredState, Instance, InstanceState
from aicompute_tui.domain.ledger import ENDED_BY_ITSELF
from aicompute_tui.domain.node import NodeReport
from aicompute_tui.store.database import Transaction

AT_ITS_TIME = "powered itself off at the end of its time"
_GRAIN = timedelta(minutes=3)
"""A machine looks each minute whether its end has come, and tells of itself each half minute."""


async def with_own_end(transaction: Transaction, before: Instance, after: Instance, now: datetime) -> Instance:
    """`after` with the words for its end, where the cloud only knows that it came from within.

    They are found while it shuts down unasked: once it is gone, what it had told is gone with it.
    """
    goes = after.state is InstanceState.TERMINATING and before.state in RUNNING_STATES
    if goes and before.desired_state is DesiredState.RUNNING:
        words = own_end(before, await transaction.node_reports.get(before.id), now)
        return after if words == ENDED_BY_ITSELF else replace(after, end_reason=words)
    if not after.is_final or after.end_reason != ENDED_BY_ITSELF:
        return after
    if before.end_reason is not None and before.state is InstanceState.TERMINATING:
        return replace(after, end_reason=before.end_reason)
    return replace(after, end_reason=own_end(before, await transaction.node_reports.get(before.id), now))


def own_end(instance: Instance, report: NodeReport | None, now: datetime) -> str:
    """What nothing speaks for is told as the cloud tells it."""
    idle = idle_end(instance, report)
    read_at = None if report is None else report.read_at
    # What was told long before cannot know what the machine did since.
    if idle is not None and read_at is not None and min(now, read_at) >= idle - _GRAIN:
        after = "" if instance.idle_seconds is None else f" after {format_duration(instance.idle_seconds)} without work"
        return f"powered itself off{after}"
    time = instance.node_expires_at
    return AT_ITS_TIME if time is not None and now >= time - _GRAIN else ENDED_BY_ITSELF


def idle_end(instance: Instance, report: NodeReport | None) -> datetime | None:
    """When idleness ends it by its own last word, an extension counted in; None where it was busy."""
    activity = None if report is None else report.activity
    if activity is None or activity.idle_ends_at is None:
        return None
    return max(activity.idle_ends_at, instance.awake_until or activity.idle_ends_at)


def ends_now(instance: Instance, report: NodeReport | None, now: datetime) -> bool:
    """One of its own ends has come, or all but."""
    ends = (instance.expires_at, instance.node_expires_at, idle_end(instance, report))
    return any(end is not None and now >= end - _GRAIN for end in ends)
