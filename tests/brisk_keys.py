"""A key of a pilot waits for its console to be done with it, and not longer: two waits of 20 ms at each are most of it.

A look that came late says nothing: this computer stood still, and the console with it.
"""

from __future__ import annotations

import asyncio
from time import monotonic, process_time
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot

_LOOK_SECONDS = 0.01
_PAUSE_SECONDS = 0.02
"""Textual's own, of a pause."""
_LATE_SECONDS = 0.02
_BUSY_SHARE = 0.05
"""Of the time between two looks: who works less is idle, as Textual has it."""
_MOST_LOOKS = 100
_MOST_SECONDS = 10.0


async def _wait_for_idle(look_seconds: float) -> None:
    end = monotonic() + _MOST_SECONDS
    looks = 0
    while looks < _MOST_LOOKS and monotonic() < end:
        worked, began = process_time(), monotonic()
        await asyncio.sleep(look_seconds)
        if monotonic() - began > look_seconds + _LATE_SECONDS:
            continue
        looks += 1
        if process_time() - worked < _BUSY_SHARE * look_seconds:
            return


async def _briskly(_: float = 0.0, __: float = 1.0) -> None:
    await _wait_for_idle(_LOOK_SECONDS)


async def _as_asked(_: float = 0.0, __: float = 1.0) -> None:
    await _wait_for_idle(_PAUSE_SECONDS)


_wait_for_screen = Pilot._wait_for_screen


async def _wait_for_keys_and_screen(pilot: Pilot[Any], timeout: float = 30.0) -> bool:
    """Keys that wait for earlier ones stand in no part's queue yet."""
    order = getattr(pilot.app, "_key_order", None)
    for _ in range(round(_MOST_SECONDS / _LOOK_SECONDS)):
        if order is None or not (order._settling or order._waiting) or not pilot.app.is_running:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return await _wait_for_screen(pilot, timeout)


def make_keys_brisk() -> None:
    """For the whole process; a pause that a test asks for stays as long as it is."""
    patch("textual.app.wait_for_idle", _briskly).start()
    patch("textual.pilot.wait_for_idle", _as_asked).start()
    patch.object(Pilot, "_wait_for_screen", _wait_for_keys_and_screen).start()
