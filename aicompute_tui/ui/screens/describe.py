"""One row field by field, in words: what a person reads where JSON is what a program reads."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.clipboard import copy
from aicompute_tui.ui.record_lines import field_lines, flat_fields
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.record_pane import RecordPane


class DescribeScreen(ModalScreen[None]):
    """Opened by `d`; c copies it, y shows the same as JSON, esc closes."""

    CSS_PATH = STYLES / "pages.tcss"
    AUTO_FOCUS = "RecordPane"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,d", "close", "close", show=False),
        Binding("c", "copy", "copy", show=False),
        Binding("y", "json", "json", show=False),
    ]

    def __init__(self, session: Session, title: str, record: JsonObject) -> None:
        super().__init__()
        self.session = session
        self.heading = title
        self.record = record

    def compose(self) -> ComposeResult:
        pane = RecordPane(id="page-body")
        pane.tell(self._lines)
        with Vertical(id="page"):
            yield Static(Text(fit(self.heading, 60).rstrip(), no_wrap=True), id="page-title")
            yield pane
            yield Static("↑↓ scroll   c copy   y json   esc close", id="page-keys", markup=False)

    def _lines(self, width: int) -> list[Content]:
        return field_lines(flat_fields(self.record, self.session), width)

    def action_copy(self) -> None:
        told = "\n".join(f"{each.label}: {each.value}" for each in flat_fields(self.record, self.session))
        copy(self.app, told, "description")

    def action_json(self) -> None:
        from aicompute_tui.ui.screens.json_view import JsonScreen

        self.app.switch_screen(JsonScreen(self.session, self.heading, self.record))

    def action_close(self) -> None:
        self.dismiss(None)
