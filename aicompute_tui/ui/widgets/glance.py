"""The lower part of home: what the last days cost, and beside it how the model servers fare and what happened last."""

from __future__ import annotations

from datetime import UTC

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from aicompute_tui.ui.server_columns import trouble_first
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.last_events import event_lines
from aicompute_tui.ui.widgets.server_lines import server_lines
from aicompute_tui.ui.widgets.spend_chart import EVERY_LABEL, SpendChart

LEAST_HIGH = 6
"""Lines below which it says too little to stand there."""
_AROUND_BARS = 3
"""Title, axis and days of the chart."""
_MOST_BARS = 8
_MOST_SERVERS = 4
_LEAST_EVENTS = 3
"""Lines of events, title included, that servers leave."""
_GAP = 5
_BESIDE = 96
"""Narrower windows have no room beside the chart."""


class Glance(Horizontal):
    """Made after the first paint; nothing of it is needed to act."""

    def __init__(self, session: Session) -> None:
        super().__init__(id="glance")
        self._session = session
        self._chart = SpendChart(session.glyphs)
        self._servers = ContentLines(id="home-servers")
        self._events = ContentLines(id="last-events")

    def compose(self) -> ComposeResult:
        yield self._chart
        with Vertical(id="told"):
            yield self._servers
            yield self._events

    def show(self, width: int, height: int) -> None:
        """What there is to say in `width` and `height`; nothing where nothing was ever spent or done."""
        state, now = self._session.state, self._session.now()
        snapshot = state.snapshot
        spent = self._session.overview.spent_by_day(now.timestamp())
        self._chart.display = any(spent)
        if self._chart.display:
            bars = min(_MOST_BARS, height - _AROUND_BARS)
            bars -= bars % 2 if bars > EVERY_LABEL else 0  # else the topmost would have none
            self._chart.show_days(spent, now.astimezone(UTC).date(), bars)
        is_wide = width >= _BESIDE
        room = width - 4 - (self._chart.cells_wide + _GAP if self._chart.display else 0)
        height = min(_MOST_BARS + _AROUND_BARS, height)
        if is_wide:
            height -= self._show_servers(room, height)
        events = snapshot.events if snapshot is not None else []
        self._servers.display = self._servers.display and is_wide
        self._events.display = bool(events) and is_wide and height > 1
        if self._events.display:
            glyphs, utc = self._session.glyphs, self._session.utc
            self._events.show_lines(event_lines(events[: height - 1], room, glyphs, utc=utc, now=now.timestamp()))

    def _show_servers(self, width: int, height: int) -> int:
        """Lines they take, with the space below them; none where there is no server or no room for events besides."""
        rows = list(trouble_first(self._session.state.servers.values()).values())
        count = min(len(rows), _MOST_SERVERS, height - _LEAST_EVENTS - 2)
        self._servers.display = count > 0
        if count <= 0:
            return 0
        now, state = self._session.now().timestamp(), self._session.state
        shown = [(row, state.unchecked_for(row, now)) for row in rows[:count]]
        self._servers.show_lines(server_lines(shown, width, self._session.glyphs, now))
        return count + 2
