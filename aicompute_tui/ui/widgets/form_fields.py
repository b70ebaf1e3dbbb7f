"""One-line fields of a form: a text, a choice turned by the arrows, a row with its label, and an answer."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from aicompute_tui.ui.glyphs import UNICODE, Glyphs

LONGEST_VALUE = 500
_LONGEST_PASTE_LOOKED_AT = 10_000


def one_line(text: str, longest: int) -> str:
    """The first line of pasted text that has any, without control and direction characters, cut to `longest`."""
    for line in text[:_LONGEST_PASTE_LOOKED_AT].splitlines():
        clean = "".join(each for each in line if unicodedata.category(each) not in ("Cc", "Cf", "Cs")).strip()
        if clean:
            return clean[:longest]
    return ""


class LineInput(Input):
    """An input one line high whose cursor does not blink, and which takes a paste of any size."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # Multiplexers take ctrl+a for themselves; the home key stays.
        Binding("home", "home", "start", show=False),
    ]

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        longest: int = LONGEST_VALUE,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(value, placeholder=placeholder, max_length=longest, id=id, compact=True, select_on_focus=False)
        self.cursor_blink = False
        self.longest = longest

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        start, end = sorted(self.selection)
        room = self.longest - len(self.value) + (end - start)
        self.replace(one_line(event.text, max(0, room)), start, end)


class TurnField(Static, can_focus=True):
    """One of a few words, turned with left, right and space, or by typing its first letter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "previous", show=False),
        Binding("right,space", "turn(1)", "next", show=False),
    ]
    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        field: TurnField
        value: str

        @property
        def control(self) -> TurnField:
            return self.field

    def __init__(
        self,
        choices: Sequence[tuple[str, str]],
        value: str,
        *,
        glyphs: Glyphs = UNICODE,
        id: str | None = None,  # noqa: A002
    ) -> None:
        """`choices` are (value, the word shown)."""
        super().__init__(id=id)
        self._glyphs = glyphs
        self.choices = tuple(choices)
        self.set_reactive(TurnField.value, value if value in dict(choices) else self.choices[0][0])

    def render(self) -> Text:
        word = dict(self.choices)[self.value]
        return Text.assemble((f"{self._glyphs.left} ", "dim"), word, (f" {self._glyphs.right}", "dim"), no_wrap=True)

    def offer(self, choices: Sequence[tuple[str, str]], value: str) -> None:
        """Other words or other choices, and the one that stands; one that is not among them is the first."""
        if tuple(choices) != self.choices:
            self.choices = tuple(choices)
            self.refresh(layout=True)
        self.value = value if value in dict(self.choices) else self.choices[0][0]

    def watch_value(self) -> None:
        self.post_message(self.Changed(self, self.value))

    def action_turn(self, step: int) -> None:
        values = [value for value, _ in self.choices]
        self.value = values[(values.index(self.value) + step) % len(values)]

    def on_click(self) -> None:
        self.action_turn(1)

    def on_key(self, event: events.Key) -> None:
        """The next choice that begins with the letter typed."""
        if event.character is None or not event.character.isalnum():
            return
        values = [value for value, _ in self.choices]
        at = values.index(self.value)
        words = dict(self.choices)
        for value in (*values[at + 1 :], *values[: at + 1]):
            if words[value].lower().startswith(event.character.lower()):
                event.stop()
                self.value = value
                return


class FormRow(Horizontal):
    """A label and its field on one line; the label turns red while the field is wrong."""

    def __init__(self, label: str, field: Widget, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.label_text = label
        self.field = field

    def compose(self) -> ComposeResult:
        yield Static(self.label_text, classes="form-label", markup=False)
        yield self.field

    def mark(self, wrong: bool) -> None:
        self.set_class(wrong, "-wrong")


class Answer(Static, can_focus=True):
    """A dialog's answer, named by its verb: one line, chosen with enter, space or a click."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", "choose", show=False)]

    @dataclass
    class Pressed(Message):
        answer: Answer

        @property
        def control(self) -> Answer:
            return self.answer

    def __init__(self, words: str, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(Text(words, no_wrap=True, overflow="ellipsis"), id=id, classes=classes)
        self.words = words

    def say(self, words: str) -> None:
        if words != self.words:
            self.words = words
            self.update(Text(words, no_wrap=True, overflow="ellipsis"))

    def action_press(self) -> None:
        if not self.disabled:
            self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        self.action_press()


Rule = Callable[[str], str | None]
"""A value → what is wrong with it in one sentence, None where nothing is."""
