"""Every setting with its value, where it comes from and its rule: what a new machine gets unless told otherwise."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui import records
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.settings_lists import SETTINGS
from aicompute_tui.ui.widgets.setting_line import SettingLine


class PreferencesScreen(SettingsScreen):
    LIST = SETTINGS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "settings")
    HINTS: ClassVar[tuple[str, ...]] = ("setting.set", "setting.reset", "settings.next", "go.filter", "go.help")

    @property
    def line(self) -> SettingLine | None:
        """What is being edited."""
        return next(iter(self.query(SettingLine)), None)

    def action_perform(self, action_id: str) -> None:
        rows = self.selected_rows()
        if action_id == "setting.set" and rows:
            self._edit(rows[0])
        elif action_id == "setting.reset" and rows:
            self._reset(rows[0])
        else:
            super().action_perform(action_id)

    def _edit(self, row: JsonObject) -> None:
        if self.line is not None or self._is_by_hand(row):
            return
        if records.text(row, "key") == "theme":
            self.console.open_view("theme.list")
            return
        self.query_one("#record-told").display = False
        self.mount(SettingLine(row, self.session.glyphs), after=self.table)

    def _is_by_hand(self, row: JsonObject) -> bool:
        if row.get("by_hand"):
            step = f"Write it into config.toml, or set {records.text(row, 'variable')}."
            self.say(f"{records.text(row, 'key')} is set by hand alone.", "warn", next_step=step)
        return bool(row.get("by_hand"))

    def action_section(self, by: int) -> None:
        if self.line is None:
            super().action_section(by)

    @on(SettingLine.Left)
    async def leave(self) -> None:
        line = self.line
        if line is not None:
            await line.remove()
        self.query_one("#record-told").display = True
        self.table.focus()

    @on(SettingLine.Taken)
    async def take(self, event: SettingLine.Taken) -> None:
        row = self.table.rows.get(event.key)
        await self.leave()
        if row is not None and event.value != records.text(row, "value"):
            self._keep(event.key, event.value)

    @work(group="submit", exit_on_error=False)
    async def _keep(self, key: str, value: str) -> None:
        told = f"{key} becomes {value}: handed to the agent." if value else f"{key} is taken back: handed to the agent."
        if await self.hand_over("setting.set", {"key": key, "value": value}, told) and key == "time_zone":
            self.session.utc = (value or "local") == "utc"

    @work(group="submit", exit_on_error=False)
    async def _reset(self, row: JsonObject) -> None:
        key = records.text(row, "key")
        if not self._is_by_hand(row):
            await self.hand_over("setting.reset", {"key": key}, f"{key} is taken back: handed to the agent.")
