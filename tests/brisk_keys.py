"""A key of a pilot waits less for its console to be idle: two waits of 20 ms at each are most of a test's time."""

from __future__ import annotations

import asyncio
from time import monotonic, process_time
from unittest.mock import patch

_LOOK_SECONDS = 0.01
_BUSY_SHARE = 0.05
"""Of the time between two looks: who works less is idle, as Textual has it."""


async def _wait_for_idle(_: float = 0.0, most_seconds: float = 1.0) -> None:
    end = monotonic() + most_seconds
    while True:
        worked = process_time()
        await asyncio.sleep(_LOOK_SECONDS)
        if process_time() - worked < _BUSY_SHARE * _LOOK_SECONDS or monotonic() >= end:
            return


def make_keys_brisk() -> None:
    """For the whole process; a pause that a test asks for stays as long as it is."""
    patch("textual.app.wait_for_idle", _wait_for_idle).start()
