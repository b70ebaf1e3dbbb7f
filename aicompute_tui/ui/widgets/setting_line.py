"""One setting being edited in the line below its list: choices are turned, everything else is typed and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.keys import Setting, check_value, setting_named
from aicompute_tui.ui import records
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.form_fields import LineInput, TurnField


class SettingLine(Vertical):
    """The field and its rule; enter takes the value, esc leaves it as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "take it", show=False),
        Binding("escape", "leave", "leave it", show=False),
    ]

    @dataclass
    class Taken(Message):
        key: str
        value: str

    @dataclass
    class Left(Message):
        pass

    def __init__(self, row: JsonObject, glyphs: Glyphs) -> None:
        super().__init__(id="setting-line")
        self.setting: Setting = setting_named(records.text(row, "key"))
        self._value = records.text(row, "value")
        self._glyphs = glyphs
        self._problem = ""

    @property
    def choices(self) -> tuple[str, ...]:
        return ("false", "true") if self.setting.kind == "flag" else self.setting.choices

    def compose(self) -> ComposeResult:
        with Horizontal(id="setting-field"):
            yield Static(f"{self.setting.key} ", id="setting-key", markup=False)
            yield self._field()
        yield Static(self._rule(), id="setting-rule", markup=False)

    def _field(self) -> Widget:
        if self.choices:
            shown = [(each, each) for each in self.choices]
            return TurnField(shown, self._value, glyphs=self._glyphs, id="setting-value")
        return LineInput(self._value, placeholder=self.setting.default or "nothing", id="setting-value")

    def on_mount(self) -> None:
        field = self.query_one("#setting-value")
        field.focus()
        if isinstance(field, LineInput):
            field.cursor_position = len(field.value)

    @property
    def value(self) -> str:
        field = self.query_one("#setting-value")
        return field.value.strip() if isinstance(field, LineInput | TurnField) else ""

    def _rule(self) -> str:
        if self.choices:
            return f"{self._glyphs.left} {self._glyphs.right} turns it   enter keeps it   esc leaves it"
        return f"{self.setting.rule} Empty takes it back.   enter keeps it   esc leaves it".strip()

    @on(Input.Changed)
    def check(self) -> None:
        """Says at once what is wrong with what stands there."""
        self._say(self._wrong())

    def _wrong(self) -> str:
        try:
            check_value(self.setting, self.value)
        except AicError as error:
            return f"{error.message} {error.next_step}".strip()
        return ""

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self.set_class(bool(problem), "-wrong")
            self.query_one("#setting-rule", Static).update(Text(problem or self._rule()))

    @on(Input.Submitted)
    def action_take(self) -> None:
        wrong = self._wrong()
        self._say(wrong)
        if not wrong:
            self.post_message(self.Taken(self.setting.key, check_value(self.setting, self.value)))

    def action_leave(self) -> None:
        self.post_message(self.Left())
