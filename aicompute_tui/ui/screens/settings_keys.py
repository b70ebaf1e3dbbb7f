"""Every command with its keys, and a key changed by pressing the new one."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from aicompute_tui.actions.keyed import keyed_commands
from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.keymap import Keymap, checked_key, refuse_conflict, shown
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import records
from aicompute_tui.ui.own_keys import own_keys, use_keymap
from aicompute_tui.ui.rebinding import bind_anew
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.settings_lists import KEYS
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.form_fields import Answer


def wrong_key(command_id: str, key: str) -> str:
    """Why a command cannot have this key, in a sentence; empty where it can."""
    commands = keyed_commands()
    held = {each: own if (own := own_keys(each)) is not None else commands[each].keys for each in commands}
    try:
        refuse_conflict(command_id, [checked_key(key, commands[command_id])], held, commands)
    except AicError as error:
        return f"{error.message} {error.next_step}".strip()
    return ""


class KeyDialog(ModalScreen[str | None]):
    """The key that was pressed, None when esc left things as they were."""

    CSS_PATH = STYLES / "dialogs.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012

    def __init__(self, command_id: str, title: str) -> None:
        super().__init__()
        self._command_id = command_id
        self._title = title
        self._pressed = ""

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(f"Which key for “{self._title}”?"), id="question")
            yield Static(Text("Press it."), id="prompt-help")
            yield Static("", id="problem", markup=False)
            with Horizontal(id="answers"):
                yield Answer("esc keep it", id="safe")
                yield Answer("enter take it", id="go")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        if event.key == "escape":
            self.dismiss(None)
        elif event.key == "enter":
            if self._pressed:
                self.dismiss(self._pressed)
        else:
            self._try(event.key)

    def _try(self, key: str) -> None:
        wrong = wrong_key(self._command_id, key)
        self._pressed = "" if wrong else key
        self.query_one("#prompt-help", Static).update(Text(shown(key)))
        self.query_one("#problem", Static).update(Text(wrong))

    def on_answer_pressed(self, event: Answer.Pressed) -> None:
        if event.answer.id == "safe":
            self.dismiss(None)
        elif self._pressed:
            self.dismiss(self._pressed)


class KeysScreen(SettingsScreen):
    LIST = KEYS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "keys")
    HINTS: ClassVar[tuple[str, ...]] = ("key.set", "key.reset", "settings.next", "go.filter", "go.json", "go.help")

    def action_perform(self, action_id: str) -> None:
        rows = self.selected_rows()
        if action_id == "key.set" and rows:
            self._change(rows[0])
        elif action_id == "key.reset" and rows:
            self._reset(rows[0])
        else:
            super().action_perform(action_id)

    @work(group="submit", exit_on_error=False)
    async def _change(self, row: JsonObject) -> None:
        command_id, title = records.text(row, "id"), records.text(row, "title")
        key = await self.console.push_screen_wait(KeyDialog(command_id, title))
        if key is not None:
            told = f"{title} gets {shown(key)}: handed to the agent."
            await self.hand_over("key.set", {"id": command_id, "keys": [key]}, told)

    @work(group="submit", exit_on_error=False)
    async def _reset(self, row: JsonObject) -> None:
        if records.text(row, "source") != "file":
            self.say("It has its usual keys.", "dim")
            return
        told = f"{records.text(row, 'title')} gets its usual keys: handed to the agent."
        await self.hand_over("key.reset", {"id": records.text(row, "id")}, told)

    def state_changed(self, change: StateChange) -> None:
        if change.jobs:
            self._take_keys()

    @work(group="keys", exclusive=True, thread=True, exit_on_error=False)
    def _take_keys(self) -> None:
        """The file may say something else now: every open view follows it."""
        own = self.session.own
        if own is not None:
            found = own.keymap()
            self.app.call_from_thread(self._use, found)

    def _use(self, found: Keymap) -> None:
        if use_keymap(found.changed):
            bind_anew(self.console)
        self.load_soon()
