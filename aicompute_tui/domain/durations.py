"""Durations as people write them: `8h`, `30m`, `1h30m`, `2d`."""

from __future__ import annotations

import re

from aicompute_tui.domain.errors import InvalidInput

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(?:\d+[dhms])+")
_PART = re.compile(r"(\d+)([dhms])")


def parse_duration(text: str) -> int:
    """Seconds. Raises InvalidInput for anything but digits with d, h, m or s, and for zero."""
    cleaned = text.strip().lower().replace(" ", "")
    if not _WHOLE.fullmatch(cleaned):
        raise InvalidInput(f"“{text}” is not a duration.", "Write it like 8h, 30m or 1h30m.")
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(cleaned))
    if not 0 < seconds <= 3660 * 86_400:
        raise InvalidInput(f"“{text}” is out of range.", "Give more than nothing and at most ten years.")
    return seconds


def format_duration(seconds: float) -> str:
    """Two units at most, the way ages stand in a table: `45s`, `3m`, `2h10`, `4d`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m"
    if whole < 86_400:
        hours, minutes = divmod(whole // 60, 60)
        return f"{hours}h{minutes:02d}" if minutes else f"{hours}h"
    days, hours = divmod(whole // 3_600, 24)
    return f"{days}d{hours:02d}" if hours else f"{days}d"


def span(seconds: float) -> str:
    """As `format_duration`, `<1m` for what has only begun: ages stand at minute grain."""
    return "<1m" if seconds < 60 else format_duration(seconds)
