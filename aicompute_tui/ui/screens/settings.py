"""The settings: one place with sections beside each other, each a list of its own."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.types import CSSPathType

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.own_console import ALONE
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.section_line import SectionLine
from aicompute_tui.ui.widgets.told_lines import ToldLines
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

SECTIONS = (
    ("credentials", "credential.list"),
    ("preferences", "setting.list"),
    ("regions", "region.list"),
    ("keys", "key.list"),
    ("theme", "theme.list"),
    ("about", "about.show"),
)
"""Name and the action that fills it, in the order they are walked."""


class SectionTable(VirtualTable[JsonObject]):
    """Its columns always fit, so that left and right lead to the sections beside it."""

    def _bind(self) -> None:
        super()._bind()
        for key in ("left", "right"):
            self._bindings.key_to_bindings.pop(key, None)


class SettingsScreen(RecordScreen):
    """One section. `LIST.question` says which."""

    CSS_PATH: ClassVar[CSSPathType | None] = [STYLES / "records.tcss", STYLES / "settings.tcss"]
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("settings",)

    @property
    def section(self) -> int:
        return [action_id for _, action_id in SECTIONS].index(self.LIST.question)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Settings", SECTIONS[self.section][0])

    def compose_body(self) -> ComposeResult:
        yield SectionLine([name for name, _ in SECTIONS], self.section, self.session.glyphs, id="sections")
        yield SectionTable(
            self._columns, id="records", empty_message="asking …", glyphs=self.session.glyphs, marks=self.LIST.marks
        )
        yield from self.compose_below()

    def compose_below(self) -> ComposeResult:
        """The row under the cursor in full."""
        yield ToldLines(self.session.glyphs, id="record-told")

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _load(self, arguments: JsonObject) -> None:
        """Asks the agent; what is this person's own, and what can be told without an agent, is read here."""
        self._loads_soon = False
        question = self.LIST.question
        try:
            if self.session.own is not None and question in ALONE:
                answer = await self._own_answer()
            else:
                answer = await self.session.query(question, arguments)
        except AicError as error:
            answer = await self._own_answer()
            if answer is None:
                self._cannot_load(error)
                return
            self.say(error.message, "warn", next_step=error.next_step)
        self.fill(answer)

    async def _own_answer(self) -> Json:
        own = self.session.own
        if own is None:
            return None
        return await asyncio.to_thread(own.answer, self.LIST.question, self.session.state.snapshot)

    def state_changed(self, change: StateChange) -> None:
        """Whoever changes a setting leaves a job behind."""
        if change.jobs:
            self.load_soon()

    async def hand_over(self, action_id: str, arguments: JsonObject, told: str) -> bool:
        """Submits, and says so; a refusal is said instead."""
        if self.session.read_only:
            self.say("This console is read-only.", "warn", next_step="Start it without --read-only.")
            return False
        if not await self._hand_over(action_id, arguments):
            return False
        self.say(told, "dim")
        self.load_soon()
        return True

    def action_section(self, by: int) -> None:
        self.open_section((self.section + by) % len(SECTIONS))

    @on(SectionLine.Clicked)
    def go_to_section(self, event: SectionLine.Clicked) -> None:
        if event.section != self.section:
            self.open_section(event.section)

    def open_section(self, section: int) -> None:
        self.console.open_view(SECTIONS[section][1])
