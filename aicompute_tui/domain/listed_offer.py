"""A machine as a price list has it: what it holds, what it costs in each market, and what that makes per GPU."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from aicompute_tui.domain.gpu_share import WHOLE, gpus_of
from aicompute_tui.domain.instance import Market


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOffer:
    """`gpu_count` counts a share of a GPU as one; `gpu_memory_mib` is then that of the share. None is not known."""

    cloud: str
    region: str
    machine_type: str
    gpu_name: str
    gpu_count: int
    gpu_memory_mib: int
    vcpu_count: int | None
    memory_mib: int | None
    on_demand_usd_per_hour: Decimal | None
    spot_usd_per_hour: Decimal | None
    source: str
    read_at: datetime
    """The moment of its figures: the source's own where `is_dated`, else when the source was read."""
    is_dated: bool = False
    gpu_parts: int | None = WHOLE
    """Into how many parts each GPU is cut of which `gpu_count` are rented."""
    zone: str = ""
    """Where the spot price holds; empty where it is that of a whole region."""
    architecture: str = ""
    interruption_index: int | None = None
    """From 0, rarely taken back, to 4."""
    interruption_band: str = ""
    """What share was taken back within a month: `5-10%`; empty where it is not known."""
    advised_saving_percent: int | None = None

    @property
    def gpus(self) -> float | None:
        """How many whole GPUs it comes to: 0.125 for an eighth of one."""
        return gpus_of(self.gpu_count, self.gpu_parts)

    @property
    def gpu_memory_total_mib(self) -> int:
        return self.gpu_count * self.gpu_memory_mib

    def usd_per_hour(self, market: Market | None) -> Decimal | None:
        """Of one market; without one the lower of what is known."""
        if market is Market.SPOT:
            return self.spot_usd_per_hour
        if market is Market.ON_DEMAND:
            return self.on_demand_usd_per_hour
        known = [price for price in (self.spot_usd_per_hour, self.on_demand_usd_per_hour) if price is not None]
        return min(known, default=None)

    @property
    def saving_percent(self) -> int | None:
        """What spot costs less than on-demand."""
        if self.spot_usd_per_hour is None or not self.on_demand_usd_per_hour:
            return None
        return round(100 * (1 - self.spot_usd_per_hour / self.on_demand_usd_per_hour))
