"""What each GPU did lately, in even stretches of time, from stored samples and a live stream alike."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.domain.json import Json
from aicompute_tui.domain.moments import parse_moment

STRETCH_SECONDS = 30
"""As long as a stored sample, so that stored and live ones make one line."""
KEPT_SECONDS = 3_600


class GpuHistory:
    """Means of the utilisation, by GPU and stretch."""

    def __init__(self) -> None:
        self._sums: dict[int, dict[int, tuple[float, int]]] = {}

    def take(self, item: Mapping[str, Json]) -> None:
        """One item of `instance.metrics`, stored or live."""
        at = parse_moment(str(item.get("at") or ""))
        gpus = item.get("gpus")
        if at is None or not isinstance(gpus, list):
            return
        for gpu in gpus:
            if isinstance(gpu, dict):
                self._add(gpu, at.timestamp())

    def _add(self, gpu: Mapping[str, Json], at: float) -> None:
        index, value = gpu.get("index"), gpu.get("utilisation_percent")
        if not isinstance(index, int) or not isinstance(value, int | float):
            return
        stretches, place = self._sums.setdefault(index, {}), int(at // STRETCH_SECONDS)
        total, count = stretches.get(place, (0.0, 0))
        stretches[place] = (total + value, count + 1)
        if len(stretches) > KEPT_SECONDS // STRETCH_SECONDS:
            del stretches[min(stretches)]

    def line(self, index: int, count: int, now: float) -> list[float | None]:
        """The last `count` stretches up to now; None for one without a sample."""
        stretches, last = self._sums.get(index, {}), int(now // STRETCH_SECONDS)
        found = [stretches.get(place) for place in range(last - count + 1, last + 1)]
        return [None if each is None else each[0] / each[1] for each in found]
