"""The lower part of home: what the last days cost, and beside it what happened last."""

from __future__ import annotations

from datetime import UTC

from textual.app import ComposeResult
from textual.containers import Horizontal

from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.last_events import event_lines
from aicompute_tui.ui.widgets.spend_chart import BARS_HIGH, SpendChart

HIGH = BARS_HIGH + 3
_GAP = 5
_BESIDE = 96
"""Narrower windows have no room beside the chart."""


class Glance(Horizontal):
    """Made after the first paint; nothing of it is needed to act."""

    def __init__(self, session: Session) -> None:
        super().__init__(id="glance")
        self._session = session
        self._chart = SpendChart(session.glyphs)
        self._events = ContentLines(id="last-events")

    def compose(self) -> ComposeResult:
        yield self._chart
        yield self._events

    def show(self, width: int) -> None:
        """What there is to say in a window of `width`; nothing where nothing was ever spent or done."""
        state, now = self._session.state, self._session.now()
        snapshot = state.snapshot
        spent = self._session.overview.spent_by_day(now.timestamp())
        self._chart.display = any(spent)
        if self._chart.display:
            self._chart.show_days(spent, now.astimezone(UTC).date())
        events = snapshot.events if snapshot is not None else []
        self._events.display = bool(events) and width >= _BESIDE
        if self._events.display:
            room = width - 4 - (self._chart.cells_wide + _GAP if self._chart.display else 0)
            shown = events[: HIGH - 1]
            glyphs, utc = self._session.glyphs, self._session.utc
            self._events.show_lines(event_lines(shown, room, glyphs, utc=utc, now=now.timestamp()))
