"""A record as JSON, as the command line prints it: to read, to scroll and to copy."""

from __future__ import annotations

import json
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Static

from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.clipboard import copy
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit, plain

_LONGEST_LINE = 10_000


class JsonLines(ScrollView, can_focus=True):
    """The text line by line; only visible lines are painted, keys and values told apart by weight alone."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"json-lines--key"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "down", show=False),
        Binding("k", "scroll_up", "up", show=False),
        Binding("g", "scroll_home", "first", show=False),
        Binding("G", "scroll_end", "last", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__(id="page-body")
        self.lines = [plain(line)[:_LONGEST_LINE] for line in text.split("\n")]
        self.virtual_size = Size(max(map(len, self.lines), default=0), len(self.lines))

    def render_line(self, y: int) -> Strip:
        width, style = self.scrollable_content_region.width, self.rich_style
        place = self.scroll_offset.y + y
        if place >= len(self.lines):
            return Strip.blank(width, style)
        line = self.lines[place]
        key, colon, rest = line.partition('": ')
        if not colon:
            key, rest = "", line
        dim = self.get_component_rich_style("json-lines--key")
        strip = Strip([Segment(key + colon, style + Style(color=dim.color)), Segment(rest, style)])
        start = self.scroll_offset.x
        return strip.crop_extend(start, start + width, style)


class JsonScreen(ModalScreen[None]):
    """Opened by `y`; c copies all of it, esc closes."""

    CSS_PATH = STYLES / "pages.tcss"
    AUTO_FOCUS = "JsonLines"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,y", "close", "close", show=False),
        Binding("c", "copy", "copy", show=False),
    ]

    def __init__(self, session: Session, title: str, value: Json) -> None:
        super().__init__()
        self.session = session
        self.heading = title
        # A broken name may hold half a character, which no terminal and no clipboard takes.
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
        self.text = text.encode("utf-8", "replace").decode("utf-8")

    def compose(self) -> ComposeResult:
        with Vertical(id="page"):
            yield Static(Text(fit(self.heading, 60).rstrip(), no_wrap=True), id="page-title")
            yield JsonLines(self.text)
            yield Static("↑↓ scroll   c copy   esc close", id="page-keys", markup=False)

    def action_copy(self) -> None:
        copy(self.app, self.text, "record")

    def action_close(self) -> None:
        self.dismiss(None)
