"""A job: one mutating action as a row, from whichever door it came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_JOB_STATES = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
JOB_LEASE_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`parameters_json` and `result_json` are JSON texts; a secret never stands in either."""

    id: str
    owner: str
    created_by: str
    version: int = 1
    action_id: str
    parameters_json: str
    subject: str | None = None
    """The id of the thing it is about, where there is one."""
    state: JobState = JobState.QUEUED
    progress: str = ""
    result_json: str | None = None
    error_kind: str | None = None
    error_message: str | None = None
    error_next_step: str | None = None
    host_id: str | None = None
    """The host that must run it, None where any may."""
    credential_id: str | None = None
    holder: str | None = None
    lease_expires_at: datetime | None = None
    fence: int = 0
    cancel_requested: bool = False
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_JOB_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A named piece of work held by one process at a time; `fence` grows with every new holder."""

    name: str
    holder: str
    fence: int
    expires_at: datetime
