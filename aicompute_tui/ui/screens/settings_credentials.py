"""Whose accounts can be used: found and stored credentials, tested, and removed."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import records
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.settings_lists import CREDENTIALS


class CredentialsScreen(SettingsScreen):
    LIST = CREDENTIALS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "credentials")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "test"),)
    HINTS: ClassVar[tuple[str, ...]] = ("credential.remove", "settings.next", "go.json", "go.filter", "go.help")

    def tell_answer(self, action_id: str, row: JsonObject, answer: Json) -> None:
        if action_id == "credential.test" and isinstance(answer, dict):
            self._tell_test(self.called(row), answer)
        else:
            super().tell_answer(action_id, row, answer)

    def _tell_test(self, name: str, answer: JsonObject) -> None:
        if answer.get("error_message") or answer.get("ok") is False:
            self.say(f"{name}: {records.text(answer, 'error_message')}", "bad")
        else:
            self.say(f"{name} opens account {records.text(answer, 'account_id')}.", "good")
        rows = {row_id: row for row_id, row in self.table.rows.items() if row.get("id") == answer.get("id")}
        self.table.update_rows({row_id: {**row, **answer} for row_id, row in rows.items()})
        self._tell()
