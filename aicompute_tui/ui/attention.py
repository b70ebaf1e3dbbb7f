"""What needs a person now: machines in doubt, lost, overdue, idle or cut off, failed set-ups, orphans, failed jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from aicompute_tui.domain.errors import SetupFailed
from aicompute_tui.domain.instance import DesiredState, InstanceState
from aicompute_tui.domain.node import TunnelState, describe_failure
from aicompute_tui.store.rows import InstanceRow, JobRow, NodeRow, TunnelRow
from aicompute_tui.ui.format import STATE_LOOKS, StateLook, span, state_look
from aicompute_tui.ui.node_figures import (
    IDLE_SOON,
    failed_setup,
    lost_link,
    next_end,
    notice,
    waiting_step,
)
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
    found: list[Need] = []
    for instance in state.instances.values():
        node = state.nodes.get(instance.id)
        found += _of_instance(instance, node, now)
        if node is not None:
            found += _of_node(instance, node, now)
        found += _of_tunnels(instance, state.tunnels.get(instance.id, ()))
    found += [*_of_sightings(state), *_of_jobs(state, now)]
    return sorted(found, key=lambda need: need.level)


def _of_instance(instance: InstanceRow, node: NodeRow | None, now: float) -> Iterator[Need]:
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
        yield from _of_living(instance, node, now)


def _of_ending(instance: InstanceRow, now: float) -> Iterator[Need]:
    if instance.error_message:
        yield Need("bad", _BAD, instance.name, f"not ended yet: {instance.error_message}", "t again", instance.id)
    elif now - instance.state_since > SLOW_END and instance.state == InstanceState.TERMINATING:
        text = f"has been ending for {span(now - instance.state_since)}"
        yield Need("warn", _WARN, instance.name, text, "d details", instance.id)


def _of_living(instance: InstanceRow, node: NodeRow | None, now: float) -> Iterator[Need]:
    end = next_end(instance, node)
    if end is None:
        yield Need("bad", _BAD, instance.name, f"never ends by itself{_burns(instance)}", "t terminate", instance.id)
    elif not end.is_idle and end.at <= now:
        late = span(now - end.at)
        yield Need("bad", _BAD, instance.name, f"should have ended {late} ago", "t terminate", instance.id)
    elif not end.is_idle and end.at - now <= ENDING_SOON:
        yield Need("warn", _WARN, instance.name, f"ends in {span(end.at - now)}", "+ extend", instance.id)
    if instance.state == InstanceState.DEGRADED and instance.error_kind == SetupFailed.__name__:
        text = instance.error_message or "its set-up failed"
        yield Need("bad", _BAD, instance.name, text, "l its log", instance.id)
    elif instance.state == InstanceState.DEGRADED:
        yield Need("warn", _WARN, instance.name, "the cloud's own checks fail", "d details", instance.id)


def _of_node(instance: InstanceRow, node: NodeRow, now: float) -> Iterator[Need]:
    """What the machine itself says, or that it cannot be reached."""
    if instance.is_final or instance.desired_state == DesiredState.TERMINATED:
        return
    failed, waiting, taken = failed_setup(instance, node), waiting_step(instance, node), notice(instance, node)
    is_told = instance.state == InstanceState.DEGRADED and instance.error_kind == SetupFailed.__name__
    if taken:
        yield Need("bad", _BAD, instance.name, taken, "d details", instance.id)
    if failed is not None and not is_told:
        yield Need("bad", _BAD, instance.name, describe_failure(failed), "l its log", instance.id)
    elif waiting is not None:
        yield Need("warn", _WARN, instance.name, f"set-up {waiting.detail}", "l its log", instance.id)
    if lost_link(instance, node):
        text = node.problem or "it does not answer over ssh"
        if node.problem_kind == "Unreachable":
            yield Need("warn", _WARN, instance.name, text, "w ssh rule", instance.id)
        else:
            yield Need("bad", _BAD, instance.name, text, "d details", instance.id)
    end = next_end(instance, node)
    if end is not None and end.is_idle and end.at - now <= IDLE_SOON:
        yield Need("warn", _WARN, instance.name, _idle_text(instance, node, end.at, now), "+ extend", instance.id)


def _idle_text(instance: InstanceRow, node: NodeRow, ends_at: float, now: float) -> str:
    """`idle 24m of 30m, ends in 6m`; an extension is no part of the idle time."""
    left = f"ends in {span(ends_at - now)}"
    if instance.idle_seconds is None or node.idle_since is None or (instance.awake_until or 0.0) >= ends_at:
        return f"idle, {left}"
    return f"idle {span(now - node.idle_since)} of {span(instance.idle_seconds)}, {left}"


def _of_tunnels(instance: InstanceRow, tunnels: Iterable[TunnelRow]) -> Iterator[Need]:
    for tunnel in tunnels:
        if tunnel.state == TunnelState.FAILED:
            text = f"port {tunnel.local_port} here does not lead to it: {tunnel.problem or 'no reason is known'}"
            yield Need("warn", _WARN, instance.name, text, "f forward", instance.id)


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
