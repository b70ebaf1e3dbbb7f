"""The one line that names the sections of a place; the one that is open stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message

from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.text_line import TextLine

_GAP = 3


class SectionLine(TextLine):
    """Where the names do not fit, the open one alone and its number."""

    @dataclass
    class Clicked(Message):
        section: int

    def __init__(self, names: Sequence[str], at: int, glyphs: Glyphs, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._names = names
        self._at = at
        self._glyphs = glyphs
        self._starts: list[int] = []

    def on_mount(self) -> None:
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def turn_to(self, at: int) -> None:
        """Another one is open."""
        self._at = at
        self._fill()

    def _fill(self) -> None:
        self._starts = []
        whole = sum(map(len, self._names)) + _GAP * (len(self._names) - 1)
        if whole > self.expected_width:
            name = self._names[self._at]
            self.show(
                Content.assemble(
                    (f"{self._glyphs.left} ", "$foreground-muted"),
                    (name, "bold $accent"),
                    (f" {self._glyphs.right}  {self._at + 1} of {len(self._names)}", "$foreground-muted"),
                )
            )
            return
        parts: list[tuple[str, str] | str] = []
        column = 0
        for place, name in enumerate(self._names):
            self._starts.append(column)
            parts += [" " * _GAP] if place else []
            parts.append((name, "bold $accent" if place == self._at else "$foreground-muted"))
            column += len(name) + _GAP
        self.show(Content.assemble(*parts))

    def on_click(self, event: events.Click) -> None:
        for place, start in enumerate(self._starts):
            if start <= event.x < start + len(self._names[place]):
                self.post_message(self.Clicked(place))
