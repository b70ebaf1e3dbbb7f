"""The machine types of a region as a table, from which a launch begins."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.ui import records
from aicompute_tui.ui.screens.records import RecordScreen


class TypesScreen(RecordScreen):
    """What can be rented; enter opens the launch form with the type under the cursor."""

    LIST = records.TYPES
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "launch"),)
    HINTS: ClassVar[tuple[str, ...]] = ("go.json", "go.copy", "go.filter", "go.command", "go.help")

    def open_selected(self) -> None:
        row = self.selected_rows()[0]
        reason = records.text(row, "disabled_reason")
        if self.session.read_only:
            self.action_json()
        elif reason:
            self.say(reason, "bad")
        else:
            self.console.open_view("instance.launch", {**self.arguments, "type": records.text(row, "name")})
