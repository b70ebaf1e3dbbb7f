"""Every key and command of the place help was asked in, then of everywhere."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.help_text import HelpSection, sections
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_WIDE = 90
_TOLD = 56
"""From this width on a line has its sentence; below it keys and names alone are read."""


class HelpPage(Static):
    """The sections in columns: keys, what they do, words, and where there is room the sentence."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"help-page--title", "help-page--key", "help-page--dim"}

    def __init__(self, found: list[HelpSection]) -> None:
        super().__init__("")
        self._sections = found

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render(self) -> RenderableType:
        wide = self.content_size.width >= _WIDE
        parts: list[RenderableType] = []
        for section in self._sections:
            parts += [Text(section.title, self._style("title")), self._grid(section, wide), Text("")]
        return Group(*parts[:-1])

    def _grid(self, section: HelpSection, wide: bool) -> Table:
        told_of = self.content_size.width >= _TOLD
        grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
        grid.add_column(width=14 if wide else 12, no_wrap=True)
        grid.add_column(width=22 if wide else 18, no_wrap=not wide, overflow="ellipsis")
        if wide:
            grid.add_column(width=22)
        if told_of:
            grid.add_column(ratio=1)
        dim = self._style("dim")
        for line in section.lines:
            told = Text(line.help, dim)
            if not wide and line.words:
                told.append(f"  {line.words}", Style())
            cells = [Text(line.keys, self._style("key")), Text(line.title)]
            grid.add_row(*cells, *([Text(line.words)] if wide else []), *([told] if told_of else []))
        return grid

    def _style(self, name: str) -> Style:
        full = self.get_component_rich_style(f"help-page--{name}")
        return Style(color=full.color, bold=full.bold)


class HelpScreen(ModalScreen[None]):
    """Opened over a view; esc, q and ? close it."""

    CSS_PATH = STYLES / "pages.tcss"
    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "close", "close", show=False),
        Binding("j", "scroll(1)", "down", show=False),
        Binding("k", "scroll(-1)", "up", show=False),
    ]

    def __init__(self, session: Session, view: ConsoleScreen) -> None:
        super().__init__()
        self.place = view.crumbs[-1] if view.crumbs else "Here"
        has_table = bool(view.query(VirtualTable))
        has_log = bool(view.query("LogView"))
        self.found = sections(
            self.place,
            view.SCOPES,
            has_table=has_table,
            read_only=session.read_only,
            has_log=has_log,
            own=view.OWN_PLACES,
        )

    def compose(self) -> ComposeResult:
        with Vertical(id="page"):
            yield Static(Text(f"Help  {self.place}"), id="page-title")
            with VerticalScroll(id="page-body"):
                yield HelpPage(self.found)
            yield Static("↑↓ scroll   esc close", id="page-keys", markup=False)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_close(self) -> None:
        self.dismiss(None)
