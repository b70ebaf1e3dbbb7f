"""A figure over time for a line of bars: means of even stretches, the oldest forgotten."""

from __future__ import annotations


class Stretches:
    """Times are in seconds; `kept` is how many stretches are held."""

    def __init__(self, seconds: int, kept: int) -> None:
        self._seconds = seconds
        self._kept = kept
        self._sums: dict[int, tuple[float, int]] = {}

    def add(self, value: float, at: float) -> None:
        place = int(at // self._seconds)
        total, count = self._sums.get(place, (0.0, 0))
        self._sums[place] = (total + value, count + 1)
        if len(self._sums) > self._kept:
            del self._sums[min(self._sums)]

    def line(self, count: int, now: float) -> list[float | None]:
        """The last `count` stretches up to now; None for one without a value."""
        last = int(now // self._seconds)
        found = [self._sums.get(place) for place in range(last - count + 1, last + 1)]
        return [None if each is None else each[0] / each[1] for each in found]
