"""The settings: one place with sections beside each other, each a list of its own."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.widgets import Static

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.bindings import navigation_bindings
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.section_line import SectionLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

SECTIONS = (
    ("credentials", "credential.list"),
    ("preferences", "setting.list"),
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

    CSS_PATH = [STYLES / "records.tcss", STYLES / "settings.tcss"]  # noqa: RUF012

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        held = dict(self._bindings.key_to_bindings)
        held |= BindingsMap(navigation_bindings("settings")).key_to_bindings
        self._bindings.key_to_bindings = held

    @property
    def section(self) -> int:
        return [action_id for _, action_id in SECTIONS].index(self.LIST.question)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Settings", SECTIONS[self.section][0])

    def compose_body(self) -> ComposeResult:
        yield SectionLine([name for name, _ in SECTIONS], self.section, self.session.glyphs, id="sections")
        yield from self.compose_section()

    def compose_section(self) -> ComposeResult:
        yield SectionTable(
            self._columns, id="records", empty_message="asking …", glyphs=self.session.glyphs, marks=self.LIST.marks
        )
        yield Static("", id="record-told", markup=False)

    def action_section(self, by: int) -> None:
        self.console.open_view(SECTIONS[(self.section + by) % len(SECTIONS)][1])

    @on(SectionLine.Clicked)
    def go_to_section(self, event: SectionLine.Clicked) -> None:
        if event.section != self.section:
            self.console.open_view(SECTIONS[event.section][1])
