"""The line on top of a wizard: its steps with what is chosen in each, and which of them this is."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message

from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.text_line import TextLine, spread

_LONGEST = 16
_SHORTEST = 6


class StepLine(TextLine):
    """A click goes to the step."""

    class Clicked(Message):
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, steps: Sequence[str], more: str) -> None:
        super().__init__(id="wizard-steps")
        self._names = tuple(steps)
        self._more = more
        self._chosen: Sequence[str] = self._names
        self._at = 1
        self._spans: list[tuple[int, int, int]] = []

    def show_steps(self, chosen: Sequence[str], at: int) -> None:
        """What is chosen in each step, and the number of this one: one past the last while the work is under way."""
        self._chosen, self._at = chosen, at
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        width = self.expected_width
        if not width:
            return
        steps = len(self._names)
        count = Content.styled(f"{min(self._at, steps)} of {steps} ", "$foreground-muted")
        if self._at > steps:
            count = Content("")
        self.show(spread(self._steps(width - count.cell_length - 2), count, width, self._more))

    def _steps(self, room: int) -> Content:
        words = self._words(room)
        self._spans, column = [], 1
        parts: list[str | tuple[str, str]] = []
        for number, word in enumerate(words, 1):
            shown = f"{number} {word}"
            style = "bold $primary" if number == self._at else "" if number < self._at else "$foreground-muted"
            parts += ["  " if parts else " ", (shown, style)]
            length = Content(shown).cell_length
            self._spans.append((column, column + length, number))
            column += length + 2
        return Content.assemble(*parts)

    def _words(self, room: int) -> Sequence[str]:
        """What is chosen where it is known, shortened until it fits; on the narrowest screen the numbers alone."""
        at = self._at
        words = [each if place + 1 < at else self._names[place] for place, each in enumerate(self._chosen)]
        for longest in range(_LONGEST, _SHORTEST - 1, -1):
            cut = [word if len(word) <= longest else fit(word, longest, more=self._more) for word in words]
            if sum(len(word) + 4 for word in cut) <= room:
                return cut
        return [word if place + 1 == at else "" for place, word in enumerate(words)]

    def on_click(self, event: events.Click) -> None:
        for start, end, number in self._spans:
            if start <= event.x < end:
                self.post_message(self.Clicked(number))
