"""One-line fields of a form: text, a choice turned by the arrows, and a text whose values are listed beside it."""

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
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

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


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of a list beside a field; `reason` says why it cannot be chosen."""

    value: str
    line: Text
    reason: str = ""

    def matches(self, text: str) -> bool:
        return all(part in f"{self.value} {self.line.plain}".lower() for part in text.lower().split())


class ListField(LineInput):
    """A text whose known values are listed in a pane beside the form: enter or typing opens it, esc closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "move(-10)", "page up", show=False),
        Binding("pagedown", "move(10)", "page down", show=False),
    ]

    @dataclass
    class Opened(Message):
        field: ListField

    @dataclass
    class Closed(Message):
        field: ListField

    @dataclass
    class Filtered(Message):
        field: ListField
        text: str

    @dataclass
    class Moved(Message):
        field: ListField
        step: int

    @dataclass
    class Chosen(Message):
        """Enter in the open list."""

        field: ListField

    def __init__(self, value: str, *, placeholder: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id)
        self.is_open = False
        self._value_before = value

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            if self.is_open:
                self.post_message(self.Chosen(self))
            else:
                self.open()
            return
        if event.key == "escape" and self.is_open:
            event.stop()
            event.prevent_default()
            self.close(self._value_before)
            return
        before = self.value
        await super()._on_key(event)
        if event.is_printable and self.value != before:
            self._filter()

    def _filter(self) -> None:
        if not self.is_open:
            self.open()
        self.post_message(self.Filtered(self, self.value))

    def action_delete_left(self) -> None:
        super().action_delete_left()
        if self.is_open:
            self._filter()

    def action_move(self, step: int) -> None:
        if self.is_open:
            self.post_message(self.Moved(self, step))
        elif step in (-1, 1):
            self.screen.focus_next() if step > 0 else self.screen.focus_previous()

    def open(self) -> None:
        if not self.is_open:
            self.is_open = True
            self._value_before = self.value
            self.post_message(self.Opened(self))

    def close(self, value: str) -> None:
        """Takes `value` and shuts the list."""
        self.is_open = False
        self.value = value
        self.cursor_position = len(value)
        self.post_message(self.Closed(self))

    def on_blur(self) -> None:
        if self.is_open:
            self.is_open = False
            self.post_message(self.Closed(self))


class ChoicePane(Widget):
    """The list a `ListField` opens: filtered by what is typed, moved from the field, clicked with the mouse."""

    @dataclass
    class Picked(Message):
        """A line was clicked."""

        choice: Choice

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._choices: Sequence[Choice] = ()
        self._shown: list[Choice] = []
        self._filter = ""

    def compose(self) -> ComposeResult:
        yield Static("", id="choice-title", markup=False)
        choices = OptionList(id="choices", markup=False, compact=True)
        choices.can_focus = False
        yield choices

    @property
    def highlighted(self) -> Choice | None:
        at = self.query_one(OptionList).highlighted
        return self._shown[at] if at is not None and at < len(self._shown) else None

    def show(self, title: str, choices: Sequence[Choice], *, at: str = "", text: str = "") -> None:
        """Lists `choices`, the cursor on the value `at`."""
        self.query_one("#choice-title", Static).update(Text(title, no_wrap=True, overflow="ellipsis"))
        self._choices = choices
        self.narrow(text, at=at)

    def say(self, sentence: str) -> None:
        self.show(sentence, ())

    def narrow(self, text: str, *, at: str = "") -> None:
        self._shown = [choice for choice in self._choices if choice.matches(text)]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(choice.line, disabled=bool(choice.reason)) for choice in self._shown)
        places = [place for place, choice in enumerate(self._shown) if not choice.reason]
        exact = [place for place in places if self._shown[place].value == (at or text)]
        options.highlighted = next(iter((*exact, *places)), None)

    def move(self, step: int) -> None:
        options = self.query_one(OptionList)
        turn = options.action_cursor_down if step > 0 else options.action_cursor_up
        for _ in range(abs(step)):
            before = options.highlighted
            turn()
            # The list goes round at its ends, which a page must not.
            wrapped = (
                before is not None and options.highlighted is not None and (options.highlighted - before) * step < 0
            )
            if wrapped and abs(step) > 1:
                options.highlighted = before
                return

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Picked(self._shown[event.option_index]))


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
