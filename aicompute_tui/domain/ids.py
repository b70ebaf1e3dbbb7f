"""Identifiers: UUID version 7 (RFC 9562), sortable by the time they were made."""

from __future__ import annotations

import os
import uuid
from datetime import datetime


def new_id(now: datetime) -> str:
    """A UUIDv7 for `now` (UTC-aware), as 36 characters."""
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    tail = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 7 << 76 | (tail >> 68) << 64 | 2 << 62 | tail & ((1 << 62) - 1)
    return str(uuid.UUID(int=value))
