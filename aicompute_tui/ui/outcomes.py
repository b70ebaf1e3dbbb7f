"""What a job that is done has led to, in one sentence: which machine, and what ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.states import DesiredState
from aicompute_tui.services.attention import job_subject
from aicompute_tui.store.rows import InstanceRow, JobRow
from aicompute_tui.ui.format import span
from aicompute_tui.ui.state import ConsoleState


def outcome(job: JobRow, state: ConsoleState, now: float) -> str:
    """A machine is told of as it stands now; a job about something else by its title."""
    rows = state.machines_of(job)
    if job.action_id == "instance.forward" and job.progress:
        return job.progress[:1].upper() + job.progress[1:]
    told = _TOLD.get(job.action_id)
    if told is not None and rows:
        return told(rows, now)
    action = ACTIONS.get(job.action_id)
    title = action.title if action is not None else job.action_id
    about = job_subject(job, rows) if rows else state.title_of(job.subject or "")
    if about and action is not None and action.scope == "containers":
        title = action.command[-1].capitalize()
    return f"{title} {about}".rstrip() + ": done"


def ending(row: InstanceRow, now: float) -> str:
    """`ends by itself in 7h59`"""
    if row.expires_at is None:
        return "never ends by itself"
    left = row.expires_at - now
    return f"ends by itself in {span(left)}" if left > 0 else "should have ended"


def _launched(rows: list[InstanceRow], now: float) -> str:
    if len(rows) == 1:
        return f"Launched {rows[0].name}, which {ending(rows[0], now)}"
    return f"Launched {len(rows)} machines: {', '.join(row.name for row in rows)}; the first {ending(rows[0], now)}"


def _terminated(rows: list[InstanceRow], _: float) -> str:
    gone = [row for row in rows if row.is_final]
    names = ", ".join(row.name for row in rows)
    if len(gone) == len(rows):
        return f"{names}: terminated, the cloud says it is gone"
    return f"{names}: terminating, listed until the cloud says it is gone"


def _extended(rows: list[InstanceRow], now: float) -> str:
    return f"{rows[0].name} now {ending(rows[0], now)}"


def _protected(rows: list[InstanceRow], _: float) -> str:
    return f"{rows[0].name} is {'protected: ending it wants its name typed' if rows[0].protected else 'unprotected'}"


def _stopped(rows: list[InstanceRow], _: float) -> str:
    wanted = "is to stop" if rows[0].desired_state == DesiredState.STOPPED else f"is {rows[0].state}"
    return f"{rows[0].name} {wanted if rows[0].state != 'stopped' else 'is stopped'}; its volume is still billed"


_TOLD: Mapping[str, Callable[[list[InstanceRow], float], str]] = {
    "instance.launch": _launched,
    "instance.terminate": _terminated,
    "instance.extend": _extended,
    "instance.protect": _protected,
    "instance.stop": _stopped,
}
