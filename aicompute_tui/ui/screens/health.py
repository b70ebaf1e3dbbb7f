"""The health of connections and of servers as lists, and a check of connections; enter opens the row's page."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui import health_lists
from aicompute_tui.ui.records import text
from aicompute_tui.ui.references import find_row
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session


class HealthScreen(RecordScreen):
    """Asked anew each minute while it is looked at, and with ctrl+r."""

    OF: ClassVar[str]
    """What its rows are: `connections` or `servers`."""
    PAGE: ClassVar[str]
    """The action that shows one of them."""
    HINTS: ClassVar[tuple[str, ...]] = ("go.open", "go.json", "go.filter", "go.export", "go.command", "go.help")

    @property
    def crumbs(self) -> tuple[str, ...]:
        row = self.session.state.title_of(find_row(self.session.state, text(self.arguments, "name"), self.OF) or "")
        return (self.OF.capitalize(), *([row] if row else []), self.LIST.title)

    def tick(self) -> None:
        super().tick()
        self.load()

    def asked_anew(self) -> None:
        self.load()

    def open_selected(self) -> None:
        rows = self.selected_rows()
        if rows:
            self.console.perform(self.PAGE, [self.row_of(rows[0])])

    def row_of(self, row: JsonObject) -> str:
        return text(row, "id")


class ConnectionHealthScreen(HealthScreen):
    LIST = health_lists.CONNECTION_HEALTH
    OF, PAGE = "connections", "connection.show"


class ServerHealthScreen(HealthScreen):
    LIST = health_lists.SERVER_HEALTH
    OF, PAGE = "servers", "server.show"


class ConnectionChecksScreen(HealthScreen):
    """Each asking is a check: it is asked once, and again with ctrl+r alone."""

    LIST = health_lists.CONNECTION_CHECKS
    OF, PAGE = "connections", "connection.show"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._is_asked = False

    def load(self) -> None:
        if not self._is_asked:
            self._is_asked = True
            super().load()

    def asked_anew(self) -> None:
        self.say("asking them …", "dim")
        self._is_asked = False
        self.load()

    def row_of(self, row: JsonObject) -> str:
        """A check's row has no id."""
        return find_row(self.session.state, text(row, "name"), self.OF) or ""
