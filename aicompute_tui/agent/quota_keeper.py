"""The worker that keeps quotas fresh where they are of use, and follows what was asked for until it is answered."""

from __future__ import annotations

import logging
import os
from datetime import datetime, timedelta

from aicompute_tui.agent.rounds import Rounds
from aicompute_tui.agent.workers import MakeContext
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import LeaseLost
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.job import Lease
from aicompute_tui.services.context import Context
from aicompute_tui.services.quota_places import QuotaPlace, places_in_use
from aicompute_tui.services.quota_readings import refresh, stale
from aicompute_tui.store.database import Transaction

LOOK_SECONDS = 60.0
FIRST_LOOK_SECONDS = 20.0
"""A console that has just come asks other things of the clouds first."""
LEASE_SECONDS = 120.0
_LEASE = "quotas"
_CLOSELY_FOLLOWED = timedelta(hours=1)
"""AWS answers most requests within minutes; one that takes longer is looked at with the quotas."""

log = logging.getLogger(__name__)


class QuotaKeeper(Rounds):
    """Of several agents that share a store one asks: whoever holds the lease."""

    name = "quotas"

    def __init__(self, context: MakeContext, clock: Clock, host_id: str) -> None:
        super().__init__(clock)
        self._make_context = context
        self._holder = f"{host_id}:{os.getpid()}:{new_id(clock.now())}"
        self._lease: Lease | None = None

    async def run(self) -> None:
        await self._bell.sleep(FIRST_LOOK_SECONDS)
        await self._look_every(LOOK_SECONDS, self.look, "quotas could not be read")
        await self._give_up()

    async def look(self) -> None:
        """Reads what was not asked for ten minutes, and each minute where a request is young."""
        context = await self._make_context(None)
        places = await places_in_use(context)
        due = {place.key: place for place in (*await stale(context, places), *await _followed(context, places))}
        if not due or not await self._has_lease(context):
            return
        try:
            await refresh(context, due.values(), self._hold)
        except LeaseLost:
            log.info("another agent reads quotas now")
            self._lease = None

    async def _has_lease(self, context: Context) -> bool:
        async with context.store.write() as transaction:
            self._lease = await transaction.leases.acquire(_LEASE, self._holder, LEASE_SECONDS, self._clock.now())
        return self._lease is not None

    async def _hold(self, transaction: Transaction) -> None:
        """Raises LeaseLost where another has taken it."""
        if self._lease is None:
            raise LeaseLost("Another agent reads quotas now.", "Nothing is to be done.")
        self._lease = await transaction.leases.hold(self._lease, LEASE_SECONDS, self._clock.now())

    async def _give_up(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            context = await self._make_context(None)
            async with context.store.write() as transaction:
                await transaction.leases.release(lease)


async def _followed(context: Context, places: list[QuotaPlace]) -> list[QuotaPlace]:
    """Where something was asked for not long ago and is not answered."""
    async with context.store.read() as transaction:
        waiting = [each for each in await transaction.quota_requests.list() if each.is_open]
    now: datetime = context.clock.now()
    keys = {(each.cloud, each.account_id, each.region) for each in waiting if _is_young(each.created_at, now)}
    return [place for place in places if place.key in keys]


def _is_young(created_at: datetime, now: datetime) -> bool:
    return now - created_at < _CLOSELY_FOLLOWED
