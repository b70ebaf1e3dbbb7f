"""Reading what an engine or a server answered: any member may be absent, null or of another type."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from aicompute_tui.domain.json import Json, JsonObject

_YEAR_ONE = "0001-01-01"
_LATEST = 200_000_000_000
"""Seconds since 1970 in the year 8307; what is beyond is no moment."""


def member(value: Json, *path: str) -> Json:
    """What lies under `path`, None where one step is missing."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text(value: Json, *path: str) -> str:
    found = member(value, *path)
    return found if isinstance(found, str) else ""


def integer(value: Json, *path: str) -> int | None:
    found = member(value, *path)
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        return None
    return int(found)


def truth(value: Json, *path: str) -> bool:
    return member(value, *path) is True


def mapping(value: Json, *path: str) -> JsonObject:
    found = member(value, *path)
    return found if isinstance(found, dict) else {}


def items(value: Json, *path: str) -> list[Json]:
    found = member(value, *path)
    return found if isinstance(found, list) else []


def texts(value: Json, *path: str) -> tuple[str, ...]:
    return tuple(each for each in items(value, *path) if isinstance(each, str))


def moment(value: Json, *path: str) -> datetime | None:
    """An RFC 3339 time or seconds since 1970; None for the year one, with which engines say "never"."""
    found = member(value, *path)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return datetime.fromtimestamp(found, UTC) if 0 < found < _LATEST else None
    if not isinstance(found, str) or not found or found.startswith(_YEAR_ONE):
        return None
    head, dot, rest = found.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        found = f"{head}.{rest[: min(digits, 6)]:0<6}{rest[digits:]}" if digits else found
    try:
        parsed = datetime.fromisoformat(found)
    except ValueError:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
