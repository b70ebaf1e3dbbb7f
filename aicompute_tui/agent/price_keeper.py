"""The worker that keeps price lists new: merged at the start, and each feed asked when its time has come."""

from __future__ import annotations

import asyncio
import logging

from aicompute_tui.agent.rounds import Rounds
from aicompute_tui.agent.workers import MakeContext
from aicompute_tui.domain.clock import Clock
from aicompute_tui.services.offers import merge_feeds
from aicompute_tui.services.price_feeds import refresh_due

LOOK_SECONDS = 60.0
FIRST_SECONDS = 20.0
"""A console that was just opened has other needs than price lists."""

log = logging.getLogger(__name__)


class PriceKeeper(Rounds):
    """Every agent keeps the lists of its own home: they lie in its cache."""

    name = "prices"

    def __init__(self, context: MakeContext, clock: Clock) -> None:
        super().__init__(clock)
        self._make_context = context
        self._is_merged = False

    async def run(self) -> None:
        await self._bell.sleep(FIRST_SECONDS)
        await self._look_every(LOOK_SECONDS, self._look, "prices could not be kept new")

    async def _look(self) -> None:
        context = await self._make_context(None)
        if not self._is_merged:  # of this version's lists, for whoever reads them without asking
            await asyncio.to_thread(merge_feeds, context.places.cache)
            self._is_merged = True
        for row in await refresh_due(context):
            if isinstance(row, dict) and row.get("problem"):
                log.info("price feed %s: %s", row.get("feed"), row.get("problem"))
