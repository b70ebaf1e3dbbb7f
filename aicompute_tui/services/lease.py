"""Keeping a lease while its work goes on: renewed well before it would end, until somebody else has it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError, LeaseLost

RENEW_SECONDS = 10

log = logging.getLogger(__name__)


async def keep(
    clock: Clock, what: str, renew: Callable[[], Awaitable[None]], ends_at: Callable[[], datetime | None]
) -> None:
    """Returns when the lease is lost; a busy database gets tries until it would have ended."""
    pause = float(RENEW_SECONDS)
    while True:
        await clock.sleep(pause)
        try:
            await renew()
        except LeaseLost:
            return
        except AicError as error:
            log.warning("the lease of %s could not be renewed: %s", what, error.message)
            end = ends_at()
            if end is None or clock.now() >= end:
                return
            pause = 1.0
        else:
            pause = float(RENEW_SECONDS)
