"""Lines of styled text that scroll; a line is painted again only when it says something else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual


class ContentLines(ScrollView, inherit_bindings=False):
    """`show_lines` gives it what to say, already cut to its width: nothing wraps here."""

    DEFAULT_CSS = """
    ContentLines {
        height: auto;
        overflow-x: hidden;
        overflow-y: auto;
        background: transparent;
        scrollbar-size-vertical: 1;
        scrollbar-background: $background;
        scrollbar-color: $panel;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "up", show=False),
        Binding("down,j", "scroll_down", "down", show=False),
        Binding("pageup", "page_up", "page up", show=False),
        Binding("pagedown", "page_down", "page down", show=False),
        Binding("home,g", "scroll_home", "first", show=False),
        Binding("end,G", "scroll_end", "last", show=False),
    ]

    def __init__(self, *, id: str | None = None, can_focus: bool = False) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, can_focus=can_focus)
        self._lines: list[Content] = []
        self._strips: dict[int, Strip] = {}
        self._width = 0

    @property
    def text(self) -> str:
        """All of it, also what is out of view."""
        return "\n".join(line.plain for line in self._lines)

    def show_lines(self, lines: Sequence[Content]) -> None:
        before, self._lines = self._lines, list(lines)
        changed = [
            place
            for place, (old, new) in enumerate(zip_longest(before, self._lines))
            if old is None or new is None or old != new or old.spans != new.spans
        ]
        for place in changed:
            self._strips.pop(place, None)
        if len(before) != len(self._lines):
            self.virtual_size = Size(0, len(self._lines))
            self.refresh(layout=True)
            return
        for place in changed:
            if 0 <= place - self.scroll_offset.y < self.size.height:
                self.refresh_line(place)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        width = max(1, self.scrollable_content_region.width)
        if width != self._width:
            self._width = width
            self._strips.clear()
        place = self.scroll_offset.y + y
        if place >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        strip = self._strips.get(place)
        if strip is None:
            line = self._lines[place].truncate(width)
            made = Visual.to_strips(self, line, width, 1, self.visual_style, pad=True)
            strip = self._strips[place] = made[0] if made else Strip.blank(width, self.rich_style)
        return strip
