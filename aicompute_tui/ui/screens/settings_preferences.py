"""Every setting with its value, where it comes from and its rule: what a new machine gets unless told otherwise."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import work

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.keys import check_value, setting_named
from aicompute_tui.ui import records
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.settings_lists import SETTINGS


class PreferencesScreen(SettingsScreen):
    LIST = SETTINGS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "settings")
    HINTS: ClassVar[tuple[str, ...]] = ("setting.set", "setting.get", "settings.next", "go.filter", "go.help")

    def action_perform(self, action_id: str) -> None:
        rows = self.selected_rows()
        if action_id == "setting.set" and rows:
            self._edit_setting(rows[0])
        else:
            super().action_perform(action_id)

    @work(group="submit", exit_on_error=False)
    async def _edit_setting(self, row: JsonObject) -> None:
        key = records.text(row, "key")
        if row.get("shared") is False:
            step = f"Set {records.text(row, 'variable')} or config.toml."
            self.say(f"{key} is each console's own.", "warn", next_step=step)
            return
        value = await self.console.push_screen_wait(
            PromptDialog(
                f"Change {key}",
                value=records.text(row, "value"),
                help=_about_setting(row),
                verb="change it",
                rule=partial(_wrong_value, key),
            )
        )
        if value is None or value == records.text(row, "value"):
            return
        if await self._hand_over("setting.set", {"key": key, "value": value}):
            self.say(f"{key}: handed to the agent.", "dim")
            self.load_soon()


def _about_setting(row: JsonObject) -> str:
    choices, source = row.get("choices"), records.text(row, "source")
    told = [records.text(row, "help")]
    if isinstance(choices, list) and choices:
        told.append(f"One of {', '.join(map(str, choices))}.")
    told.append(f"Empty takes it back to {records.text(row, 'default') or 'nothing'}.")
    if source not in ("built-in", "database", ""):
        told.append(f"What stands here comes from the {source} and goes before the database.")
    return " ".join(told)


def _wrong_value(key: str, value: str) -> str | None:
    try:
        check_value(setting_named(key), value)
    except AicError as error:
        return f"{error.message} {error.next_step}".strip()
    return None
