"""What a model server told of its load: the last minutes as they come, and stored samples for longer stretches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.stretches import Stretches

FIGURES = (
    "requests_running", "requests_waiting", "cache_share", "tokens_per_second", "first_token_seconds",
    "memory_used_bytes", "memory_total_bytes",
)  # fmt: skip
"""By the names of `server.watch` and `server.metrics`."""
LIVE_SECONDS = 2
_LIVE_KEPT = 240


class Stretch(NamedTuple):
    """How far the charts reach back; `seconds` None is as far as was watched."""

    word: str
    told: str
    seconds: int | None = None


STRETCHES = (
    Stretch("now", "the last minutes"),
    Stretch("1h", "the last hour", 3_600),
    Stretch("24h", "the last 24 hours", 86_400),
    Stretch("7d", "the last 7 days", 7 * 86_400),
    Stretch("30d", "the last 30 days", 30 * 86_400),
    Stretch("1y", "the last year", 365 * 86_400),
)


class FigureHistory:
    """Figures of one server by name; what it never told has no line."""

    def __init__(self) -> None:
        self._live: dict[str, Stretches] = {}
        self._stored: dict[str, list[tuple[float, float]]] = {}
        self._drawn: dict[tuple[str, int, int, int], list[float | None]] = {}
        self.newest: dict[str, float] = {}
        self.at: float | None = None
        """When the newest was read."""

    @property
    def told(self) -> frozenset[str]:
        """Names of the figures there is anything of."""
        return frozenset({*self._live, *self._stored, *self.newest})

    def take_live(self, item: Mapping[str, Json]) -> None:
        """One item of `server.watch`."""
        at, figures = _sample(item)
        if at is None:
            return
        self.at, self.newest = at, figures
        for name, value in figures.items():
            self._live.setdefault(name, Stretches(LIVE_SECONDS, _LIVE_KEPT)).add(value, at)

    def take_stored(self, rows: Iterable[JsonObject]) -> None:
        """All samples of `server.metrics` for the stretch that is shown."""
        self._drawn.clear()
        self._stored.clear()
        for row in rows:
            at, figures = _sample(row)
            if at is not None:
                for name, value in figures.items():
                    self._stored.setdefault(name, []).append((at, value))

    def line(self, name: str, count: int, now: float, stretch: Stretch) -> list[float | None]:
        """The means of `count` equal parts up to now; None for one without a value."""
        if stretch.seconds is None:
            found = self._live.get(name)
            return [None] * count if found is None else found.line(count, now)
        place = int(now // 60)
        key = (name, count, stretch.seconds, place)
        if key not in self._drawn:
            self._drawn[key] = _means(self._stored.get(name, ()), count, now, stretch.seconds)
        return self._drawn[key]


def _means(samples: Iterable[tuple[float, float]], count: int, now: float, seconds: int) -> list[float | None]:
    sums, counts = [0.0] * count, [0] * count
    for at, value in samples:
        part = count - 1 - int((now - at) * count // seconds)
        if 0 <= part < count or (part >= count and at <= now + seconds / count):
            sums[min(part, count - 1)] += value
            counts[min(part, count - 1)] += 1
    return [total / number if number else None for total, number in zip(sums, counts, strict=True)]


def _sample(row: Mapping[str, Json]) -> tuple[float | None, dict[str, float]]:
    moment = parse_moment(str(row.get("at") or ""))
    values = ((name, row.get(name)) for name in FIGURES)
    known = {
        name: float(value) for name, value in values if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return (None if moment is None else moment.timestamp()), known
