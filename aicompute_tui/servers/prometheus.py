"""The few families that are wanted of a Prometheus page, summed or averaged over their labels."""

from __future__ import annotations

import math
from collections.abc import Iterable

from aicompute_tui.domain.errors import BadAnswer

_MOST_LINES = 20_000


class Page:
    """The samples of the wanted names; unknown is None."""

    def __init__(self, body: bytes, wanted: Iterable[str]) -> None:
        """Raises BadAnswer for what is no such page. Other lines, which are most of them, are not even parsed."""
        from prometheus_client.parser import text_string_to_metric_families

        names = tuple(wanted)
        text = body.decode("utf-8", "replace")
        lines = [line for line in text.split("\n", _MOST_LINES)[:_MOST_LINES] if line.startswith(names)]
        self._values: dict[str, list[float]] = {}
        try:
            for family in text_string_to_metric_families("\n".join(lines) + "\n"):
                for sample in family.samples:
                    if math.isfinite(sample.value):
                        self._values.setdefault(sample.name, []).append(sample.value)
        except (ValueError, KeyError, IndexError):
            raise BadAnswer("The server's metrics cannot be read.", "Look at its /metrics.") from None

    def total(self, *names: str) -> float | None:
        """The sum over all labels, of the first name that is there."""
        found = self._first(names)
        return sum(found) if found else None

    def mean(self, *names: str) -> float | None:
        found = self._first(names)
        return sum(found) / len(found) if found else None

    def _first(self, names: Iterable[str]) -> list[float] | None:
        return next((self._values[name] for name in names if name in self._values), None)
