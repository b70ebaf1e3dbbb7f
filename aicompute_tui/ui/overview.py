"""What all rows come to at a glance, worked out once for each reading and minute."""

from __future__ import annotations

from aicompute_tui.services.attention import Attention, Need
from aicompute_tui.services.figures import Figures, figures
from aicompute_tui.ui.state import ConsoleState


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

    def figures(self, now: float) -> Figures | None:
        self._work_out(now)
        return self._figures

    def needs(self, now: float) -> list[Need]:
        """The worst first."""
        self._work_out(now)
        return self._needs

    def spent_by_day(self, now: float) -> list[int]:
        """In nano-dollars, today last; empty before the first reading. Worked out once for each reading and minute."""
        snapshot, key = self._state.snapshot, (self._state.revision, now - now % 60)
        if key != self._days_worked_out:
            self._days_worked_out = key
            self._days = [] if snapshot is None else snapshot.spent_by_day_nano_usd(now)
        return self._days

    def _work_out(self, now: float) -> None:
        key = (self._state.revision, now)
        if key != self._worked_out:
            self._worked_out = key
            snapshot = self._state.snapshot
            self._figures = None if snapshot is None else figures(snapshot, now)
            self._needs = self._attention.needs(self._state, now)
