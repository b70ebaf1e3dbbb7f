"""How many machines of an offer the quotas leave, by what was last read of them; what is not known stays unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.quota import counts, machines_that_fit, quota_family
from aicompute_tui.services.context import Context

_SHARED = "P"
"""Where an account's on-demand P machines are counted together, whatever their number."""


@dataclass(frozen=True, slots=True)
class QuotaRoom:
    """Free vCPUs by cloud, region, market and family; of several accounts those of the one with the most."""

    free: Mapping[tuple[str, str, Market, str], int]

    def by_row(self, table: OfferTable) -> Callable[[int, Market], int | None] | None:
        """None where no quota is known at all."""
        if not self.free:
            return None
        clouds, regions, types = (table.column(name) for name in ("cloud", "region", "machine_type"))
        known: dict[tuple[int, int, int, Market], int | None] = {}

        def machines(row: int, market: Market) -> int | None:
            key = (clouds.codes[row], regions.codes[row], types.codes[row], market)
            if key not in known:
                cloud, region, name = clouds.words[key[0]], regions.words[key[1]], types.words[key[2]]
                free = self._free(cloud, region, name, market)
                known[key] = None if free is None else machines_that_fit(free[1], table.figure("vcpu_count", row))
            return known[key]

        return machines

    def words(self, offer: ListedOffer, market: Market, machines: int | None) -> str | None:
        """`3 more by quota`, or why there is no room for one."""
        found = self._free(offer.cloud, offer.region, offer.machine_type, market)
        if machines is None or found is None:
            return None
        if machines:
            return f"{machines} more by quota"
        family, free = found
        return (
            f"beyond the {market.value} quota of {family} in {offer.region}: {free} of the {offer.vcpu_count} vCPUs "
            "it takes are free"
        )

    def _free(self, cloud: str, region: str, name: str, market: Market) -> tuple[str, int] | None:
        own = quota_family(name, market.value)
        families = [*([own] if own else []), *([_SHARED] if counts(_SHARED, name) else [])]
        return next(
            ((each, self.free[key]) for each in families if (key := (cloud, region, market, each)) in self.free), None
        )


async def quota_room(context: Context) -> QuotaRoom:
    """Asks nobody: the keeper of quotas does."""
    free: dict[tuple[str, str, Market, str], int] = {}
    async with context.store.read() as transaction:
        for kept in await transaction.quotas.list():
            vcpus = kept.reading.free_vcpus
            if vcpus is not None:
                key = (kept.cloud, kept.region, kept.market, kept.family)
                free[key] = max(vcpus, free.get(key, 0))
    return QuotaRoom(free)
