"""The audit: who did what to which thing, what it was before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    id: str
    at: datetime
    actor: str
    """`user@host` for a person, `agent@host` for the agent, `cloud` for what the cloud did by itself."""
    kind: str
    """Dotted, past tense at the end: `instance.launched`, `credential.set`."""
    subject_kind: str
    subject_id: str
    subject_name: str
    message: str
    level: str = "info"
    """`info`, `warning` or `error`."""
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


LEVELS = ("info", "warning", "error")
"""The least first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are asked for; what is None narrows nothing."""

    actor: str | None = None
    """Part of who did it."""
    kind: str | None = None
    """Part of what happened."""
    subject: str | None = None
    """The id or the name of what it happened to."""
    since: datetime | None = None
    level: str | None = None
    """This level and those above it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the change feed."""

    number: int
    table: str
    row_id: str
