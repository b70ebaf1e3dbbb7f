"""Everything that answers prompts in one live table: what fails first, how each answers, for whom it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import work
from textual.app import ComposeResult

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui import connection_changes, connection_finding
from aicompute_tui.ui.bindings import key_text, keys_of
from aicompute_tui.ui.connection_columns import (
    FILTER_COLUMNS,
    SearchedTexts,
    connection_columns,
    filter_value,
    trouble_first,
)
from aicompute_tui.ui.filter_language import filter_for, parse_filter
from aicompute_tui.ui.format import this_minute
from aicompute_tui.ui.navigation import Place, commands
from aicompute_tui.ui.references import go_to_named
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.connection_cards import ConnectionCards, counted
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class ConnectionsScreen(ConsoleScreen):
    """Rows come from the store, as the agent's checks write them; nothing is asked of a provider from here."""

    CSS_PATH: ClassVar[str | None] = str(STYLES / "connections.tcss")
    CRUMBS: ClassVar[tuple[str, ...]] = ("Connections",)
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "connections")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("connections", "connection")
    HINTS: ClassVar[tuple[str, ...]] = (
        "connections.add", "connection.test", "connection.ask", "connection.edit", "connections.switch",
        "connection.remove", "go.help",
    )  # fmt: skip
    AUTO_FOCUS = "#connections"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._searched = SearchedTexts()
        self._cards = ConnectionCards(id="connection-cards")
        self._table: VirtualTable[ConnectionRow] = VirtualTable(
            connection_columns(session.glyphs, self._now, self._unchecked), glyphs=session.glyphs, id="connections"
        )
        self._wanted = ""
        """The row that the cursor is to stand on, as it was opened with."""
        self._found = ""
        """What could be a connection here; looked for where there is none yet."""

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._wanted = str(arguments.get("name") or "")
        self.filter_text = filter_for(arguments, ("kind", "status", "tag", "flag", "source"))

    def compose_body(self) -> ComposeResult:
        yield self._cards
        yield self._table

    def on_mount(self) -> None:
        if self.filter_text:
            self._filter(self.filter_text)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._fill()
        if not self.session.state.connections and not self.session.read_only:
            self._look_around()

    @work(group="find", exclusive=True, exit_on_error=False)
    async def _look_around(self) -> None:
        try:
            self._found = connection_finding.named(await connection_finding.found(self.session))
        except AicError:
            return
        self._say_empty()

    def on_resize(self) -> None:
        self._show_cards()

    def state_changed(self, change: StateChange) -> None:
        if change.connections:
            self._fill()
        else:
            self._say_empty()

    def tick(self) -> None:
        self._table.refresh_texts()
        self._show_cards()

    def apply_filter(self, text: str) -> None:
        found = parse_filter(text, FILTER_COLUMNS)
        self._table.set_filter(found.predicate(self._searched, filter_value(self._now)))
        self.filter_text = text.strip()
        go_to_named(self._table, self.filter_text)
        self._say_empty()

    def copied_text(self) -> tuple[str, str]:
        """The address: what a program is pointed at."""
        rows = self.session.state.connections
        urls = [rows[row_id].base_url for row_id in self.selected_ids() if row_id in rows]
        return "\n".join(urls), "address" if len(urls) == 1 else f"{len(urls)} addresses"

    def on_virtual_table_row_opened(self, event: VirtualTable.RowOpened) -> None:
        self.console.perform("connection.show", [event.row_id])

    def action_add(self) -> None:
        self.console.perform("connection.add", [])

    def action_find(self) -> None:
        self.console.perform("connection.find", [])

    def action_switch(self) -> None:
        if not self.has_slipped():
            connection_changes.switch(self.console, self.selected_ids())

    def action_flag(self, flag: str) -> None:
        if not self.has_slipped():
            connection_changes.turn_flag(self.console, self.selected_ids(), flag)

    def _now(self) -> float:
        return this_minute(self.session.now())

    def _unchecked(self, row: ConnectionRow) -> float | None:
        return self.session.state.unchecked_for(row, self._now())

    def _fill(self) -> None:
        self._table.set_rows(trouble_first(self.session.state.connections.items()))
        if self._wanted and self._table.order:
            self._table.move_to_row(self._wanted)
            self._wanted = ""
        self._show_cards()
        self._say_empty()

    def _show_cards(self) -> None:
        rows = self.session.state.connections.values()
        self._cards.show_counts(counted(rows, lambda row: self._unchecked(row) is not None))

    def _say_empty(self) -> None:
        state = self.session.state
        if self.filter_text:
            told = "No connection matches.  esc shows all"
        elif state.problem:
            told = state.problem
        elif self.session.read_only:
            told = "No connection is known."
        else:
            add, find = (key_text(keys_of(commands()[f"connections.{verb}"])[0]) for verb in ("add", "find"))
            told = f"No connection is known.  {add} adds one, {find} looks for what is here"
            if self._found:
                told = f"No connection yet.  {find} adds {self._found}"
        self._table.set_empty_message(told)
