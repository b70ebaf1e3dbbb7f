"""What each GPU did lately, in even stretches of time, from stored samples and a live stream alike."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.domain.json import Json
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.stretches import Stretches

STRETCH_SECONDS = 30
"""As long as a stored sample, so that stored and live ones make one line."""
KEPT_SECONDS = 3_600


class GpuHistory:
    """Means of the utilisation, by GPU and stretch."""

    def __init__(self) -> None:
        self._lines: dict[int, Stretches] = {}

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
        if isinstance(index, int) and isinstance(value, int | float):
            line = self._lines.setdefault(index, Stretches(STRETCH_SECONDS, KEPT_SECONDS // STRETCH_SECONDS))
            line.add(value, at)

    def line(self, index: int, count: int, now: float) -> list[float | None]:
        """The last `count` stretches up to now; None for one without a sample."""
        found = self._lines.get(index)
        return [None] * count if found is None else found.line(count, now)
