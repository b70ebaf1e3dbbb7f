"""Moments at which something was begun, in a file that every process of this home writes to in turn."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aicompute_tui.store.kept_answers import write_whole
from aicompute_tui.store.turns import turn

_TURN_SECONDS = 5.0


async def begin_within(path: Path, now: datetime, span: timedelta, most: int) -> float | None:
    """Writes `now` down where fewer than `most` were begun within `span`; else the seconds until one may be.

    Raises Conflict where others do not let go of the file, Refused where it cannot be written.
    """
    async with turn(path.with_name(f"{path.name}.lock"), _TURN_SECONDS):
        return await asyncio.to_thread(_begin, path, now, span, most)


def _begin(path: Path, now: datetime, span: timedelta, most: int) -> float | None:
    # others that waited for their turn may have looked at the clock later; further ahead a clock stood wrong
    recent = sorted(at for at in _read(path) if abs(at - now) < span)
    if len(recent) >= most:
        return (recent[-most] + span - now).total_seconds()
    write_whole(path, ["".join(f"{at.isoformat()}\n" for at in (*recent, now)).encode("ascii")])
    return None


def _read(path: Path) -> list[datetime]:
    """None of what is no moment: a file that was written by hand, or by a newer program."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            at = datetime.fromisoformat(line)
        except ValueError:
            continue
        found.append(at if at.tzinfo is not None else at.replace(tzinfo=UTC))
    return found
