"""What needs a person now: machines in doubt, lost, overdue or endless, orphans, failed jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from aicompute_tui.domain.instance import DesiredState, InstanceState
from aicompute_tui.store.rows import InstanceRow, JobRow
from aicompute_tui.ui.format import STATE_LOOKS, StateLook, span, state_look
from aicompute_tui.ui.state import FAILED_JOB, ORPHAN, ConsoleState

ENDING_SOON = 15 * 60.0
SLOW_END = 10 * 60.0
JOB_ERROR_SHOWN = 30 * 60.0

_BAD = STATE_LOOKS[InstanceState.FAILED]
_WARN = STATE_LOOKS[InstanceState.DEGRADED]


@dataclass(frozen=True, slots=True)
class Need:
    """One line: what is wrong with what, and what to press. `row_id` is the row it is about, where there is one."""

    level: Literal["bad", "warn"]
    look: StateLook
    name: str
    text: str
    hint: str
    row_id: str | None = None


def needs(state: ConsoleState, now: float) -> list[Need]:
    """The worst first."""
    found = [need for instance in state.instances.values() for need in _of_instance(instance, now)]
    found += [*_of_sightings(state), *_of_jobs(state, now)]
    return sorted(found, key=lambda need: need.level)


def _of_instance(instance: InstanceRow, now: float) -> Iterator[Need]:
    if instance.is_final or instance.acknowledged_at is not None:
        return
    look = state_look(instance.state)
    if instance.state == InstanceState.UNKNOWN:
        text = f"may exist{_may_burn(instance)}"
        yield Need("bad", look, instance.name, text, "is being looked for", instance.id)
    elif instance.state == InstanceState.LOST:
        yield Need("bad", look, instance.name, "the cloud no longer knows it", "a acknowledge", instance.id)
    elif instance.desired_state == DesiredState.TERMINATED:
        yield from _of_ending(instance, now)
    else:
        yield from _of_living(instance, now)


def _of_ending(instance: InstanceRow, now: float) -> Iterator[Need]:
    if instance.error_message:
        yield Need("bad", _BAD, instance.name, f"not ended yet: {instance.error_message}", "t again", instance.id)
    elif now - instance.state_since > SLOW_END and instance.state == InstanceState.TERMINATING:
        text = f"has been ending for {span(now - instance.state_since)}"
        yield Need("warn", _WARN, instance.name, text, "d details", instance.id)


def _of_living(instance: InstanceRow, now: float) -> Iterator[Need]:
    if instance.expires_at is None:
        yield Need("bad", _BAD, instance.name, f"never ends by itself{_burns(instance)}", "t terminate", instance.id)
    elif instance.expires_at <= now:
        late = span(now - instance.expires_at)
        yield Need("bad", _BAD, instance.name, f"should have ended {late} ago", "t terminate", instance.id)
    elif instance.expires_at - now <= ENDING_SOON:
        left = span(instance.expires_at - now)
        yield Need("warn", _WARN, instance.name, f"ends in {left}", "+ extend", instance.id)
    if instance.state == InstanceState.DEGRADED:
        yield Need("warn", _WARN, instance.name, "the cloud's own checks fail", "d details", instance.id)


def _of_sightings(state: ConsoleState) -> Iterator[Need]:
    orphans = [row for row in state.sightings.values() if row.ownership == ORPHAN]
    if orphans:
        names = ", ".join(row.name or row.remote_id for row in orphans[:3])
        one = len(orphans) == 1
        text = f"{'runs' if one else 'run'} without a row here: {names}"
        yield Need("bad", _BAD, f"{len(orphans)} orphan{'' if one else 's'}", text, ":reap or o adopt")


def _of_jobs(state: ConsoleState, now: float) -> Iterator[Need]:
    failed = [
        job
        for job in state.jobs.values()
        if job.state == FAILED_JOB and job.ended_at is not None and now - job.ended_at <= JOB_ERROR_SHOWN
    ]
    for job in sorted(failed, key=lambda job: job.created_at, reverse=True)[:3]:
        yield Need("warn", _BAD, job_subject(job, state), job_failure(job), "0 jobs", job.subject)


def job_subject(job: JobRow, state: ConsoleState) -> str:
    """The name of what a job is about, of several the first, else its verb."""
    rows = state.machines_of(job)
    if not rows:
        return job.action_id.partition(".")[2]
    return rows[0].name + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")


def job_failure(job: JobRow) -> str:
    verb = job.action_id.partition(".")[2]
    return f"{verb} failed: {job.error_message or 'no reason is known'}"


def _burns(instance: InstanceRow) -> str:
    price = instance.price_usd_per_hour
    return "" if price is None else f", burns ${price:,.2f}/h"


def _may_burn(instance: InstanceRow) -> str:
    price = instance.price_usd_per_hour
    return ", cost unknown" if price is None else f", may burn ${price:,.2f}/h"
