"""Whose accounts can be used: found and stored credentials, tested, shown by their ends, added and removed."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.timer import Timer

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import records
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens.settings import SettingsScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.settings_lists import CREDENTIALS
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.text_line import TextLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

SHOWN_SECONDS = 15.0
"""How long the ends of a secret stay on the screen."""


class CredentialsScreen(SettingsScreen):
    LIST = CREDENTIALS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "credentials")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("settings", "credentials")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "test"),)
    HINTS: ClassVar[tuple[str, ...]] = (
        "credentials.add", "credential.show", "credential.remove", "settings.next", "go.filter", "go.help",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._hiding: Timer | None = None
        self._shown_id = ""

    def compose_below(self) -> ComposeResult:
        yield TextLine(id="revealed")
        yield from super().compose_below()

    def action_perform(self, action_id: str) -> None:
        if action_id == "credential.show" and self._hiding is not None:
            self._hide()
        else:
            super().action_perform(action_id)

    def tell_answer(self, action_id: str, row: JsonObject, answer: Json) -> None:
        if action_id == "credential.test" and isinstance(answer, dict):
            self._tell_test(self.called(row), answer)
        elif action_id == "credential.show" and isinstance(answer, dict):
            self._show(self.called(row), answer)
            self._shown_id = records.text(row, "id")
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

    # -- so much of a secret that it is known again

    def _show(self, name: str, answer: JsonObject) -> None:
        """For a short time, and not beyond this view."""
        if self.app.screen is not self:
            return
        unknown = self.session.glyphs.unknown
        key, secret = records.text(answer, "key_id"), records.text(answer, "secret_ends")
        told = records.text(answer, "note") or f"key {key or unknown}   secret {secret or unknown}"
        line = f"{told}   {name} from {records.text(answer, 'comes_from')}"
        self.query_one("#revealed", TextLine).show(Content(plain(line)))
        self.say("Shown for a moment; s hides it.", "dim")
        if self._hiding is not None:
            self._hiding.stop()
        self._hiding = self.set_timer(SHOWN_SECONDS, self._hide)

    @on(VirtualTable.SelectionChanged)
    def _hide_elsewhere(self) -> None:
        if self.table.cursor_id != self._shown_id:
            self._hide()

    def _hide(self) -> None:
        if self._hiding is not None:
            self._hiding.stop()
            self._hiding = None
            self.query_one("#revealed", TextLine).show(Content(""))
            self.say("", "dim")

    def on_screen_suspend(self) -> None:
        self._hide()

    # -- adding one

    @work(group="add", exclusive=True, exit_on_error=False)
    async def action_add(self) -> None:
        if self.session.read_only:
            self.say("This console is read-only.", "warn", next_step="Start it without --read-only.")
            return
        from aicompute_tui.ui.screens.credential_form import CredentialForm

        given = await self.console.push_screen_wait(CredentialForm(self.session.glyphs))
        if given is None or given.secret is None:
            return
        name = records.text(given.arguments, "name")
        try:
            await self.session.submit_secret("credential.set", given.arguments, given.secret)
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        self.say(f"{name} is sealed and handed to the agent. enter tests it.", "dim")
        self.load_soon()


class AddCredentialScreen(CredentialsScreen):
    """The credentials, with the form open at once: where `:credential-set` leads."""

    def on_mount(self) -> None:
        self.action_add()
