"""What this installation is, in one block that a bug report can hold."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from aicompute_tui.domain.json import Json
from aicompute_tui.ui import records
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.settings_lists import ABOUT, about_rows


class AboutScreen(SettingsScreen):
    LIST = ABOUT
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("c", "copy it all"),)
    HINTS: ClassVar[tuple[str, ...]] = ("settings.next", "go.command", "go.help")

    def compose_below(self) -> ComposeResult:
        yield from ()

    def fill(self, answer: Json) -> None:
        rows: list[Json] = [*about_rows(answer)]
        super().fill(rows)

    def copied_text(self) -> tuple[str, str]:
        """All of it, whatever row the cursor is on."""
        rows = [self.table.rows[row_id] for row_id in self.table.order]
        width = max((len(records.text(row, "name")) for row in rows), default=0)
        lines = [f"{records.text(row, 'name'):<{width}}  {records.text(row, 'value')}".rstrip() for row in rows]
        return "\n".join(lines), "the whole block"
