"""What could be a connection on this machine and in its environment; enter adds the one under the cursor."""

from __future__ import annotations

from typing import ClassVar

from textual import work

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.connection_finding import FOUND, variables
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.state import StateChange


class FoundScreen(RecordScreen):
    """Looked for anew with ctrl+r, and once a connection was added."""

    LIST = FOUND
    CRUMBS: ClassVar[tuple[str, ...]] = ("Connections", "Found")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "add it"),)
    HINTS: ClassVar[tuple[str, ...]] = ("go.json", "go.filter", "go.command", "go.help")

    @property
    def crumbs(self) -> tuple[str, ...]:
        return self.CRUMBS

    def load(self) -> None:
        self._find()

    @work(group="find", exclusive=True, exit_on_error=False)
    async def _find(self) -> None:
        self._load({"variables": await variables()})

    def asked_anew(self) -> None:
        self.say("This machine and its environment are looked through …", "dim")
        self.load()

    def state_changed(self, change: StateChange) -> None:
        if change.connections.added or change.connections.removed:
            self.load_soon()

    def open_selected(self) -> None:
        """The form stands filled in; a key is named there, and taken from its variable once the form is left."""
        row = self.selected_rows()[0]
        given: JsonObject = {
            name: row[key]
            for name, key in (("name", "name"), ("preset", "kind"), ("url", "base_url"), ("key_variable",) * 2)
            if row.get(key)
        }
        self.console.perform("connection.add", [], given)
