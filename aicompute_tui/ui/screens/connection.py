"""One connection: how it answers, what is wrong with it, and everything that is kept of it."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import connection_changes
from aicompute_tui.ui.connection_page import ConnectionView, head_lines, kept_lines
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.health_panel import HealthPanel

_MARGIN = 4


class ConnectionScreen(ConsoleScreen):
    """Painted at once from its row; the ends of its key come from the agent."""

    CSS_PATH: ClassVar[str | None] = str(STYLES / "connections.tcss")
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "connections")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("connection",)
    HINTS: ClassVar[tuple[str, ...]] = (
        "connection.test", "connection.ask", "connection.edit", "connections.switch", "connection.remove", "go.copy",
        "go.help",
    )  # fmt: skip
    AUTO_FOCUS = "#connection-kept"

    def __init__(self, session: Session, row_id: str) -> None:
        super().__init__(session)
        self.row_id = row_id
        self._row = session.state.connections.get(row_id)
        self._shown: JsonObject = {}
        self._head = ContentLines(id="connection-head")
        self._health = HealthPanel(session, "connection.health", row_id)
        self._kept = ContentLines(id="connection-kept", can_focus=True)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Connections", self._row.name if self._row is not None else self.row_id)

    def compose_body(self) -> ComposeResult:
        with Vertical(id="connection"):
            yield self._head
            yield self._health
            yield self._kept

    def selected_ids(self) -> list[str]:
        return [self.row_id]

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._fill()
        self._ask()
        self._health.ask()

    def on_resize(self) -> None:
        self._fill()

    def tick(self) -> None:
        self._fill()
        self._health.ask()

    def state_changed(self, change: StateChange) -> None:
        connections = change.connections
        if self.row_id in connections.present | connections.removed:
            self._row = self.session.state.connections.get(self.row_id, self._row)
            self._fill()
            self._ask()
            self._health.ask()

    @work(group="connection", exclusive=True, exit_on_error=False)
    async def _ask(self) -> None:
        """Without an agent the page tells what the store does."""
        if self._row is None or not self._row.has_key:
            self._shown = {}
            return
        try:
            answer = await self.session.query("connection.show", {"name": self.row_id})
        except AicError:
            return
        self._shown = answer if isinstance(answer, dict) else {}
        self._fill()

    def _fill(self) -> None:
        row = self._row
        if row is None:
            self._head.show_lines([Content.styled("This connection is not known here.", "$foreground-muted")])
            return
        width = max(20, self.size.width - _MARGIN)
        view = ConnectionView(row, self._shown, self.session)
        is_gone = self.session.state.snapshot is not None and self.row_id not in self.session.state.connections
        gone = [Content.styled("It was removed; this is what was kept of it.", "$warning")] if is_gone else []
        self._head.show_lines([*gone, *head_lines(view, width)])
        self._health.show(width)
        self._kept.show_lines(kept_lines(view, width))
        self.refresh_frame()

    # -- what can be done

    def copied_text(self) -> tuple[str, str]:
        return (self._row.base_url, "address") if self._row is not None else ("", "address")

    def action_switch(self) -> None:
        connection_changes.switch(self.console, [self.row_id])

    def action_flag(self, flag: str) -> None:
        connection_changes.turn_flag(self.console, [self.row_id], flag)
