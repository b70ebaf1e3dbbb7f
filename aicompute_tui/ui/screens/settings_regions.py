"""Where machines can be rented: what the account has enabled, and which region is the default."""

from __future__ import annotations

from typing import ClassVar

from textual import work

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui import records
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.settings_lists import REGIONS


class RegionsScreen(SettingsScreen):
    LIST = REGIONS
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "default"),)
    HINTS: ClassVar[tuple[str, ...]] = ("settings.next", "go.json", "go.filter", "go.command", "go.help")

    def open_selected(self) -> None:
        rows = self.selected_rows()
        if rows:
            self._choose(rows[0])

    @work(group="submit", exit_on_error=False)
    async def _choose(self, row: JsonObject) -> None:
        code = records.text(row, "code")
        if row.get("is_default"):
            self.say(f"{code} is the default already.", "dim")
        elif row.get("enabled") is False:
            step = "Enable it in the AWS account settings, or choose another one."
            self.say(f"{code} is not enabled for this account.", "warn", next_step=step)
        else:
            told = f"{code} becomes the default: handed to the agent."
            await self.hand_over("setting.set", {"key": "region", "value": code}, told)
