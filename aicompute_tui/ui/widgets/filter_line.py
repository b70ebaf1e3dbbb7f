"""The line behind `/` or `&`: narrows or searches while it is typed, and says what it cannot read."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Size
from textual.message import Message
from textual.reactive import Reactive
from textual.widgets import Input, Static


class FilterInput(Input):
    """The text itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("down", "submit", show=False),
    ]
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))
    """It grows with each letter, and its place on the screen does not: nothing is to be laid out anew."""

    def action_leave(self) -> None:
        self.post_message(FilterLine.Closed(""))


class FilterLine(Horizontal):
    """Hidden until opened. Enter keeps the filter, escape takes it back."""

    class Changed(Message):
        """Each letter."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Closed(Message):
        """The filter to keep; empty where it was taken back."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(id="filter")
        self.display = False
        self._problem = ""

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-mark", markup=False)
        yield Static("", id="filter-problem", markup=False)

    def _entry(self) -> FilterInput:
        """Made when the line is first opened: an input is among the dearest things to lay out at a start."""
        for entry in self.query(FilterInput).results():
            return entry
        entry = FilterInput(id="filter-text", max_length=200, compact=True, select_on_focus=False)
        entry.cursor_blink = False
        self.mount(entry, after="#filter-mark")
        return entry

    def open(self, text: str, mark: str = "/") -> None:
        self.display = True
        self.query_one("#filter-mark", Static).update(mark)
        entry = self._entry()
        with self.prevent(Input.Changed):
            entry.value = text
        entry.cursor_position = len(text)
        self.screen.set_focus(entry)

    def close(self) -> None:
        self.display = False
        self.say("")

    def say(self, problem: str) -> None:
        """What is wrong with the text; empty where nothing is."""
        if problem != self._problem:  # an update lays the whole screen out anew, and each letter comes by here
            self._problem = problem
            self.query_one("#filter-problem", Static).update(problem)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Closed(event.value))
