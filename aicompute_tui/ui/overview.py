"""What all rows come to at a glance, worked out once for each reading and minute."""

from __future__ import annotations

from typing import NamedTuple

from aicompute_tui.services.attention import Attention, Need
from aicompute_tui.services.figures import Figures, figures
from aicompute_tui.services.known_rows import Known
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui.state import ConsoleState


class Sums(NamedTuple):
    """What the rows of one reading come to in one minute."""

    minute: float
    figures: Figures
    needs: list[Need]
    spent_by_day: list[int]


def summed(attention: Attention, known: Known, snapshot: Snapshot, now: float) -> Sums:
    """Costs a look at every row: for the thread that reads them."""
    minute = _minute(now)
    needs = attention.needs(known, minute)
    return Sums(minute, figures(snapshot, minute), needs, snapshot.spent_by_day_nano_usd(minute))


class Overview:
    """Figures of the header and what needs a person; `figures` is None before the first reading."""

    def __init__(self, state: ConsoleState) -> None:
        self._state = state
        self._attention = Attention()
        self._worked_out: tuple[int, float] | None = None
        self._figures: Figures | None = None
        self._needs: list[Need] = []
        self._days_worked_out: tuple[int, float] | None = None
        self._days: list[int] = []

    def take(self, sums: Sums) -> None:
        """What was worked out beforehand of the reading that the state has just taken over."""
        self._worked_out = self._days_worked_out = (self._state.revision, sums.minute)
        self._figures, self._needs, self._days = sums.figures, sums.needs, sums.spent_by_day

    def figures(self, now: float) -> Figures | None:
        self._work_out(_minute(now))
        return self._figures

    def needs(self, now: float) -> list[Need]:
        """The worst first."""
        self._work_out(_minute(now))
        return self._needs

    def spent_by_day(self, now: float) -> list[int]:
        """In nano-dollars, today last; empty before the first reading."""
        snapshot, key = self._state.snapshot, (self._state.revision, _minute(now))
        if key != self._days_worked_out:
            self._days_worked_out = key
            self._days = [] if snapshot is None else snapshot.spent_by_day_nano_usd(key[1])
        return self._days

    def _work_out(self, minute: float) -> None:
        key = (self._state.revision, minute)
        if key != self._worked_out:
            self._worked_out = key
            snapshot = self._state.snapshot
            self._figures = None if snapshot is None else figures(snapshot, minute)
            self._needs = self._attention.needs(self._state, minute)


def _minute(now: float) -> float:
    return now - now % 60
