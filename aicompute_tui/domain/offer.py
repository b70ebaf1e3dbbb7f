"""What a cloud offers: regions, machine types, prices and quotas, each figure with its source and moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    code: str
    name: str
    country: str | None
    enabled: bool | None
    """False for an opt-in region the account has not enabled, None where it could not be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineType:
    """Memory is in MiB as the cloud reports it, per GPU; `gpu_count` is a fraction for a partitioned GPU."""

    cloud: str
    name: str
    gpu_name: str | None
    gpu_count: float
    gpu_memory_mib: int
    vcpu_count: int
    memory_mib: int
    architecture: str
    has_spot: bool
    disabled_reason: str | None = None
    """Why it cannot be launched here (no known driver image, say), None where it can."""
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceQuote:
    """Dollars per hour for one type, market and region; `by_zone` holds zone → price where they differ."""

    usd_per_hour: Decimal
    source: str
    as_of: datetime | None
    """None where the source has no date of its own."""
    by_zone: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaReading:
    """In vCPUs for one family, market, account and region. None is not known, never nothing."""

    name: str
    code: str | None
    limit_vcpus: int | None
    used_vcpus: int | None
    own_vcpus: int | None = None
    """What machines of this store use of it."""
    note: str = ""

    @property
    def free_vcpus(self) -> int | None:
        if self.limit_vcpus is None or self.used_vcpus is None:
            return None
        return max(0, self.limit_vcpus - self.used_vcpus)
