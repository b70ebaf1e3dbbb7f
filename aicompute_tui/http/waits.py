"""How long a server wants to be left alone, in every form that is in use; moments count from its own clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_WAIT = 86_400.0
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS = (3_600.0, 60.0, 1.0, 0.001)
_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 1e9, 1e12
"""A greater number is no time to wait but a moment."""
_LAST_SECOND = 2e11


def wait_of(headers: Mapping[str, str], body_seconds: float | None = None) -> float | None:
    """Seconds: what is asked for by header, then by the answer's body, else until what is used up is filled again."""
    asked = _retry_after(headers)
    found = body_seconds if asked is None else asked
    found = _until_filled(headers) if found is None else found
    return None if found is None else min(max(found, 0.0), _LONGEST_WAIT)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Milliseconds, seconds, a duration or a date; the longest of several."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        waits = [_wait(part.strip(), scale) for part in headers.get(name, "").split(",")]
        known = [wait for wait in waits if wait is not None]
        if len(known) == len(waits):  # else it is a date, which holds a comma, or nothing
            return max(known)
    return _seconds_until(_date(headers.get("retry-after")), headers)


def _until_filled(headers: Mapping[str, str]) -> float | None:
    """Of the limits of which nothing remains the one that lasts longest; None where none is told."""
    waits = [
        wait
        for name, value in headers.items()
        if "ratelimit" in name and "reset" in name
        and headers.get(name.replace("reset", "remaining"), "").strip() == "0"
        and (wait := _reset(value.strip(), headers)) is not None
    ]  # fmt: skip
    return max(waits, default=None)


def _reset(value: str, headers: Mapping[str, str]) -> float | None:
    """A duration like `6m0s`, seconds, a moment since 1970, or a date."""
    duration = _duration(value)
    if duration is not None:
        return duration
    number = _number(value)
    if number is None:
        return _seconds_until(_date(value), headers)
    if number < _EPOCH_SECONDS:
        return number
    seconds = number / 1_000 if number >= _EPOCH_MILLISECONDS else number
    return _seconds_until(datetime.fromtimestamp(seconds, UTC), headers) if seconds < _LAST_SECOND else None


def _wait(text: str, scale: float) -> float | None:
    number = _number(text)
    return _duration(text) if number is None else number * scale


def _duration(text: str) -> float | None:
    parts = _DURATION.fullmatch(text)
    if not text or parts is None:
        return None
    return sum(float(part) * unit for part, unit in zip(parts.groups("0"), _UNITS, strict=True))


def _number(text: str | None) -> float | None:
    """None for what is none, lies below 0, or has no end."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _seconds_until(moment: datetime | None, headers: Mapping[str, str]) -> float | None:
    now = _date(headers.get("date"))
    return None if moment is None or now is None else (moment - now).total_seconds()


def _date(text: str | None) -> datetime | None:
    """As HTTP writes it, or as RFC 3339 does."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text or "")
        except (ValueError, OverflowError):
            continue
        if moment.tzinfo is not None:
            return moment
    return None
