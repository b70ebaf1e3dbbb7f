"""What is wrong with a container, as its row tells it: it runs out of memory, over and over, sick, or never began."""

from __future__ import annotations

from math import inf
from typing import Literal, NamedTuple

from aicompute_tui.domain.replacement_names import half_replaced
from aicompute_tui.store.rows import ContainerRow

TroubleKind = Literal["restart-loop", "out-of-memory", "unhealthy", "never-started", "half-replaced"]
WORST_FIRST: tuple[TroubleKind, ...] = ("restart-loop", "out-of-memory", "unhealthy", "never-started", "half-replaced")

LOOP_RESTARTS = 3
"""So many restarts, the last one a short while ago, are no accident."""
LOOP_SECONDS = 600.0
UNSTARTED_SECONDS = 60.0
"""Between making a container and starting it there is hardly a moment."""
KILLED_SHOWN_SECONDS = 86_400.0
_ENDED = ("exited", "dead")


class Trouble(NamedTuple):
    kind: TroubleKind
    text: str
    since: float | None = None


def trouble(row: ContainerRow, now: float) -> Trouble | None:
    """The worst that is known of it; None where it is well, or as its owner left it."""
    original = half_replaced(row.name, row.id)
    if original is not None:
        return Trouble("half-replaced", f"is half of a replacement of {original}: finish that, or put the old one back")
    if _restarts_over_and_over(row, now):
        return Trouble("restart-loop", _loop_text(row), row.started_at)
    if _was_killed_lately(row, now):
        return Trouble("out-of-memory", "was killed: it used up its memory", row.finished_at)
    if row.state == "running" and row.health == "unhealthy":
        return Trouble("unhealthy", "its own health check fails")
    if row.state == "created" and now >= _unstarted_at(row):
        return Trouble("never-started", row.error or "was made and never started", row.created_at)
    return None


def changes_at(row: ContainerRow, now: float) -> float:
    """When time alone makes `trouble` answer something else."""
    moments = []
    if row.state == "created":
        moments.append(_unstarted_at(row))
    elif row.state == "running" and row.started_at is not None:
        moments.append(row.started_at + LOOP_SECONDS)
    elif row.is_out_of_memory and row.finished_at is not None:
        moments.append(row.finished_at + KILLED_SHOWN_SECONDS)
    return min((moment for moment in moments if moment > now), default=inf)


def _restarts_over_and_over(row: ContainerRow, now: float) -> bool:
    if row.state == "restarting":
        return True
    often = row.restart_count is not None and row.restart_count >= LOOP_RESTARTS
    return row.state == "running" and often and row.started_at is not None and now - row.started_at < LOOP_SECONDS


def _was_killed_lately(row: ContainerRow, now: float) -> bool:
    if not row.is_out_of_memory or row.state not in _ENDED:
        return False
    return row.finished_at is None or now - row.finished_at < KILLED_SHOWN_SECONDS


def _unstarted_at(row: ContainerRow) -> float:
    return 0.0 if row.created_at is None else row.created_at + UNSTARTED_SECONDS


def _loop_text(row: ContainerRow) -> str:
    """`restarts over and over: 7 times, exit code 1`"""
    told = [f"{row.restart_count} times"] if row.restart_count else []
    if row.is_out_of_memory:
        told.append("it uses up its memory")
    elif row.exit_code:
        told.append(f"exit code {row.exit_code}")
    return "restarts over and over" + (f": {', '.join(told)}" if told else "")
