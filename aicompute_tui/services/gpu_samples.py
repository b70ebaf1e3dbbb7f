"""What GPUs did, for charts: readings become samples of half a minute, and old samples coarser ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import fmean

from aicompute_tui.domain.gpu import GpuReading, GpuSample
from aicompute_tui.services.context import Context

SPAN_SECONDS = 30
_KEPT_AFTER_END = timedelta(days=30)
_LEASE = "gpu-samples"
_EVERY_SECONDS = 3_600


class SampleGatherer:
    """Readings of one machine: one that stands for a whole span is a sample at once, faster ones are averaged."""

    def __init__(self, instance_id: str) -> None:
        self._instance_id = instance_id
        self._since: datetime | None = None
        self._readings: dict[int, list[GpuReading]] = {}

    def take(self, gpus: Sequence[GpuReading], now: datetime, interval_seconds: float) -> list[GpuSample]:
        """The samples that are complete with this reading."""
        if self._since is None:
            self._since = now
        for gpu in gpus:
            self._readings.setdefault(gpu.index, []).append(gpu)
        if (now - self._since).total_seconds() + interval_seconds < SPAN_SECONDS:
            return []
        at = self._since.replace(microsecond=0)
        samples = [_sample(self._instance_id, index, at, readings) for index, readings in self._readings.items()]
        self.forget()
        return samples

    def forget(self) -> None:
        """A pause: what is half gathered is no sample."""
        self._since = None
        self._readings = {}


def _sample(instance_id: str, index: int, at: datetime, readings: Sequence[GpuReading]) -> GpuSample:
    return GpuSample(
        instance_id=instance_id,
        gpu_index=index,
        at=at,
        span_seconds=SPAN_SECONDS,
        utilisation_percent=_mean(reading.utilisation_percent for reading in readings),
        memory_used_mib=_most(reading.memory_used_mib for reading in readings),
        memory_total_mib=_most(reading.memory_total_mib for reading in readings),
        temperature_celsius=_most(reading.temperature_celsius for reading in readings),
        power_watts=_mean(reading.power_watts for reading in readings),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


async def thin_out(context: Context) -> int:
    """Merges and forgets old samples, once an hour however many agents share the store; says how many it took."""
    now = context.clock.now()
    holder = f"{context.actor.host_id}:{now.timestamp()}"
    async with context.store.write() as transaction:
        if await transaction.leases.acquire(_LEASE, holder, _EVERY_SECONDS, now) is None:
            return 0
        dropped = await transaction.gpu_samples.drop_of_ended(now - _KEPT_AFTER_END)
        dropped += await transaction.calls.thin_out(now)
        return dropped + await transaction.gpu_samples.thin_out(now)
