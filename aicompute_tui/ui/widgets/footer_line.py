"""The line at the bottom: the few keys that matter here, also by mouse."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content

from aicompute_tui.ui.widgets.text_line import TextLine

Hint = tuple[str, str, str]
"""Key as Textual names it (empty where a click does nothing), key as shown, word."""


class FooterLine(TextLine):
    """Hints that do not fit are left out from the end, the last one (help) never."""

    def __init__(self) -> None:
        super().__init__(id="footer")
        self._hints: Sequence[Hint] = ()
        self._spans: list[tuple[int, int, str]] = []

    def show_hints(self, hints: Sequence[Hint]) -> None:
        self._hints = hints
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        hints = fitting(self._hints, self.expected_width - 2)
        self._spans = []
        parts: list[tuple[str, str] | str] = []
        column = 1
        for key, shown, word in hints:
            length = len(shown) + 1 + len(word)
            self._spans.append((column, column + length, key))
            parts += ["  " if parts else " ", (shown, "bold $accent"), (f" {word}", "$foreground-muted")]
            column += length + 2
        self.show(Content.assemble(*parts))

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._spans:
            if start <= event.x < end and key:
                self.app.simulate_key(key)


def fitting(hints: Sequence[Hint], width: int) -> list[Hint]:
    """As many hints as fit, the last one kept."""
    kept = list(hints)
    while len(kept) > 1 and sum(len(shown) + len(word) + 3 for _, shown, word in kept) - 2 > width:
        del kept[-2]
    return kept
