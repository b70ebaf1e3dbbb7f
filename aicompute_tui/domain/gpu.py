"""One reading of one GPU, and what a chart keeps of many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReading:
    """`None` is what the driver does not tell, never zero. Memory in MiB as the driver counts it."""

    index: int
    uuid: str | None = None
    name: str | None = None
    driver_version: str | None = None
    utilisation_percent: float | None = None
    memory_used_mib: float | None = None
    memory_total_mib: float | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuSample:
    """One GPU over `span_seconds` from `at` on: means of utilisation and power, maxima of memory and temperature."""

    instance_id: str
    gpu_index: int
    at: datetime
    span_seconds: int
    utilisation_percent: float | None = None
    memory_used_mib: float | None = None
    memory_total_mib: float | None = None
    temperature_celsius: float | None = None
    power_watts: float | None = None
