"""A launch kept by a name, to be launched again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchTemplate:
    """`arguments_json` holds launch parameters as JSON; a secret never stands in it."""

    id: str
    owner: str
    created_by: str
    version: int = 1
    name: str
    arguments_json: str
    created_at: datetime
    saved_at: datetime
