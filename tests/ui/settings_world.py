"""A console whose settings are written by the test: rows of every section, and a session that remembers secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.pilot import Pilot

from aicompute_tui.actions.keyed import keyed_commands
from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.keymap import key_rows
from aicompute_tui.services.preferences import setting_rows
from aicompute_tui.services.regions import known_rows
from aicompute_tui.settings.keymap import Keymap
from aicompute_tui.settings.preferences import MergedPreferences
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.screens.settings import SettingsScreen
from tests.ui.dialog_world import Answer, WrittenSession, keys_for, until

TEAM: JsonObject = {
    "id": "aws:profile:team", "name": "team", "method": "shared-credentials-file", "account_id": None,
    "region": "ca-central-1", "checked_at": None, "arn": None, "error_message": None,
}  # fmt: skip
SHOWN: JsonObject = {
    **TEAM, "comes_from": "profile team in the AWS credentials file", "key_id": "AKIA…MPLE", "secret_ends": "…EY12",
}  # fmt: skip
THEMES: list[Json] = [
    {"theme": "", "name": "follow the terminal", "is_chosen": True, "about": "As the terminal says.", "problem": None},
    {"theme": "dark", "name": "dark", "is_chosen": False, "about": "Dark.", "problem": None},
    {"theme": "light", "name": "light", "is_chosen": False, "about": "Light.", "problem": None},
    {"theme": None, "name": "cannot be used", "is_chosen": False, "about": "",
     "problem": "sand.toml, line 3: accent is no colour.", "next_step": "Write it like accent = …"},
]  # fmt: skip
ABOUT: JsonObject = {
    "version": "0.1.0", "python": "3.11", "textual": "8.2.8", "database": "/home/ana/aic-tui.db", "store_id": "0193-s",
    "agent": {"version": "0.1.0", "pid": 4711, "since": "2026-11-20T08:00:00Z"},
}  # fmt: skip
PREFERENCES = MergedPreferences(
    environment={"ttl": "4h"}, file={"time_zone": "utc"}, database={"ttl": "2h", "region": "eu-west-1"}
)


def answers() -> dict[str, Answer]:
    regions = known_rows(PREFERENCES, "No agent answers.")
    for row in regions:
        row["enabled"] = {"ca-central-1": True, "ca-west-1": False}.get(str(row["code"]))
    return {
        "credential.list": [TEAM],
        "credential.show": SHOWN,
        "credential.test": {"ok": True, "id": "aws:profile:team", "account_id": "123456789012"},
        "setting.list": [*setting_rows(PREFERENCES)],
        "region.list": [*regions],
        "key.list": [*key_rows(keyed_commands(), Keymap({"instance.stop": ("f4",)}))],
        "theme.list": THEMES,
        "about.show": ABOUT,
        "job.list": [],
    }


class SettingsSession(WrittenSession):
    """Also remembers the secrets it was given to seal."""

    def __init__(self, more: Mapping[str, Answer] | None = None, *, read_only: bool = False) -> None:
        super().__init__({**answers(), **(more or {})}, read_only=read_only)
        self.sealed: list[tuple[dict[str, Json], Secret]] = []

    async def submit_secret(self, action_id: str, arguments: Mapping[str, Json], secret: Secret) -> str:
        if self.refusal is not None:
            raise self.refusal
        assert action_id == "credential.set"
        self.sealed.append((dict(arguments), secret))
        return "0193-job"


async def section(pilot: Pilot[int], app: ConsoleApp, word: str) -> Any:
    """The section behind `:word`, its rows there."""
    await pilot.press("colon", *keys_for(word), "enter")
    await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and app.screen.table.rows)
    await pilot.pause()
    return app.screen


async def cursor_on(pilot: Pilot[int], app: ConsoleApp, row_id: str) -> None:
    screen = app.screen
    assert isinstance(screen, SettingsScreen)
    assert screen.table.move_to_row(row_id)
    await pilot.pause()
