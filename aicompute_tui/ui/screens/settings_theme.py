"""The colours: each theme is worn while the cursor is on it, and kept by enter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.timer import Timer

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.settings.themes import find_themes
from aicompute_tui.ui import records
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.settings_lists import THEMES
from aicompute_tui.ui.themes import register, theme_for
from aicompute_tui.ui.widgets.text_line import TextLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_REST_SECONDS = 0.08
"""How long the cursor rests on a theme before it is put on: every style is made anew for it."""


class ThemeScreen(SettingsScreen):
    LIST = THEMES
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "keep it"),)
    HINTS: ClassVar[tuple[str, ...]] = ("settings.next", "go.json", "go.command", "go.help")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._kept = ""
        """The theme that is worn again when nothing was chosen."""
        self._wanted = ""
        self._resting: Timer | None = None

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """A theme named after the word is put on and kept."""
        self._wanted = str(arguments.get("name") or "")

    def compose_below(self) -> ComposeResult:
        yield TextLine(id="theme-sample")
        yield from super().compose_below()

    def on_mount(self) -> None:
        self._kept = self.app.theme
        self.query_one("#theme-sample", TextLine).show(_sample(self.session.glyphs.unicode))

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._rest()

    def on_screen_suspend(self) -> None:
        self._wear(self._kept)

    def on_unmount(self) -> None:
        self._wear(self._kept)

    def fill(self, answer: Json) -> None:
        first = not self.table.rows
        super().fill(answer)
        worn = next((row_id for row_id, row in self.table.rows.items() if row.get("is_chosen")), None)
        if first and worn is not None:
            self.table.move_to_row(worn)
        self._register()
        if self._wanted:
            wanted, self._wanted = self._wanted, ""
            self._keep_named(wanted)

    @work(group="themes", exclusive=True, exit_on_error=False)
    async def _register(self) -> None:
        """Files may have changed since: what they say now is what is worn."""
        own = self.session.own
        if own is not None:
            found = await asyncio.to_thread(find_themes, own.config_folder)
            register(self.console, found.themes.values())

    def _keep_named(self, name: str) -> None:
        row = next((row_id for row_id, row in self.table.rows.items() if name in (row.get("theme"), row_id)), None)
        if row is None:
            known = ", ".join(records.text(row, "theme") for row in self.table.rows.values() if row.get("theme"))
            self.say(f"There is no theme “{name}”.", "warn", next_step=f"There are {known}.")
            return
        self.table.move_to_row(row)
        self.open_selected()

    @on(VirtualTable.SelectionChanged)
    def _rest(self) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_REST_SECONDS, self._try_on)

    def _try_on(self) -> None:
        if self.is_current and self._under_cursor() is not None:
            self._wear(self._under_cursor() or "")

    def _under_cursor(self) -> str | None:
        """The theme's name, empty for the one that follows the terminal; None for a file that cannot be used."""
        row = self.table.rows.get(self.table.cursor_id or "")
        return None if row is None or row.get("theme") is None else str(row["theme"])

    def _wear(self, name: str) -> None:
        worn = theme_for(name, self.app.available_themes, self.console.environment)
        if worn != self.app.theme:
            self.app.theme = worn

    def open_selected(self) -> None:
        name = self._under_cursor()
        if name is not None:
            self._keep(name)

    @work(group="submit", exit_on_error=False)
    async def _keep(self, name: str) -> None:
        self._wear(name)
        self._kept = self.app.theme
        if self.session.read_only:
            self.say("Worn until this console is left: it is read-only.", "dim")
            return
        try:
            await self.session.submit("setting.set", {"key": "theme", "value": name})
        except AicError as error:
            self.say(f"Worn until this console is left. {error.message}", "warn", next_step=error.next_step)
            return
        self.say(f"{name or 'What the terminal says'} is kept.", "good")
        self.load_soon()


def _sample(unicode: bool) -> Content:
    """What the colours mean."""
    dot, warning, failed = ("●", "⚠", "✕") if unicode else ("o", "!", "x")
    return Content.assemble(
        (f"{dot} ready", "$success"), "   ", (f"{warning} degraded", "$warning"), "   ", (f"{failed} failed", "$error"),
        "   ", ("focus", "bold $accent"), "   ", "text   ", ("aside", "$foreground-muted"),
    )  # fmt: skip
