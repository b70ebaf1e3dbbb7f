"""What one container used lately: its figures over time, and speeds worked out from counters that only grow."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.domain.gpu import GpuReading
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.services.node_figures import figures_in
from aicompute_tui.ui.gpu_history import GpuHistory
from aicompute_tui.ui.stretches import Stretches

STRETCH_SECONDS = 2
KEPT_SECONDS = 240
_LEVELS = ("cpu_percent", "memory_bytes")
_COUNTERS = ("received_bytes", "sent_bytes", "read_bytes", "written_bytes")


class StatsHistory:
    """Figures by the names of `container.stats`; of a counter it is bytes a second."""

    def __init__(self) -> None:
        self._lines: dict[str, Stretches] = {}
        self._counted: dict[str, tuple[float, float]] = {}
        self.newest: dict[str, float] = {}
        """The figures of the last item; what it did not tell is missing."""
        self.limit: float | None = None
        """Memory it may use."""
        self.processes: int | None = None
        self.at: float | None = None
        self.gpus: tuple[GpuReading, ...] = ()
        self.gpu_problem = ""
        """Why it sees none of those it asked for."""
        self.gpu_history = GpuHistory()

    def take(self, item: Mapping[str, Json]) -> None:
        """One item of `container.stats`."""
        moment = parse_moment(str(item.get("at") or ""))
        if moment is None:
            return
        at = self.at = moment.timestamp()
        self.limit = _number(item.get("memory_limit_bytes"))
        processes = _number(item.get("processes"))
        self.processes = None if processes is None else int(processes)
        figures = figures_in(item)
        self.gpus, self.gpu_problem = figures.gpus, figures.gpu_problem
        self.gpu_history.take(item)
        found = {name: _number(item.get(name)) for name in _LEVELS}
        found |= {name: self._speed(name, _number(item.get(name)), at) for name in _COUNTERS}
        self.newest = {name: value for name, value in found.items() if value is not None}
        for name, value in self.newest.items():
            self._lines.setdefault(name, Stretches(STRETCH_SECONDS, KEPT_SECONDS // STRETCH_SECONDS)).add(value, at)

    def _speed(self, name: str, count: float | None, at: float) -> float | None:
        """None at first, and where the counter began anew with the container."""
        before = self._counted.get(name)
        if count is None:
            self._counted.pop(name, None)
            return None
        self._counted[name] = (count, at)
        if before is None or count < before[0] or at <= before[1]:
            return self.newest.get(name) if before is not None and at <= before[1] else None
        return (count - before[0]) / (at - before[1])

    def line(self, name: str, count: int, now: float) -> list[float | None]:
        found = self._lines.get(name)
        return [None] * count if found is None else found.line(count, now)


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
