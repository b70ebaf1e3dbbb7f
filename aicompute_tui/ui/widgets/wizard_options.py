"""The options of a wizard: one field a line, and below them what the field in focus means or what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Input, Static

from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField
from aicompute_tui.ui.widgets.wizard_list import FieldChanged, StepChosen
from aicompute_tui.ui.wizard_form import YES, FormField, FormT


class OptionsStep(Vertical, Generic[FormT]):
    """Every field has a default, so enter goes on from any of them. Subclasses say which fields there are."""

    OPTIONS: Sequence[FormField] = ()

    def __init__(self, session: Session, form: FormT, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, classes="wizard-step")
        self.session = session
        self.form = form

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="wizard-fields", can_focus=False):
            for each in self.OPTIONS:
                yield FormRow(each.label, self._field(each), id=f"row-{each.name}")
        yield Static("", classes="wizard-told", id="option-told", markup=False)

    def choices(self, each: FormField) -> Sequence[tuple[str, str]]:
        """(value, the word shown) of a field that is turned; nothing where it takes a text."""
        if each.is_flag:
            return (("", "no"), (YES, "yes"))
        return [(choice, choice) for choice in each.choices]

    def empty(self, each: FormField) -> str:
        """In dim words what happens without a value."""
        return each.empty

    def weigh(self) -> None:
        """Shows only fields that mean something; called when the form has changed."""

    def _field(self, each: FormField) -> Widget:
        value, choices = self.form.values.get(each.name, ""), self.choices(each)
        if choices:
            return TurnField(choices, value, glyphs=self.session.glyphs, id=each.name)
        return LineInput(value, placeholder=self.empty(each), id=each.name)

    def show(self, form: FormT) -> None:
        self.form = form
        for each in self.OPTIONS:
            field = self.query_one(f"#{each.name}")
            value = form.values.get(each.name, "")
            with self.prevent(Input.Changed, TurnField.Changed):
                if isinstance(field, TurnField):
                    field.offer(self.choices(each), value)
                elif isinstance(field, LineInput):
                    field.placeholder = self.empty(each)
                    if field.value != value:
                        field.value = value
                        field.cursor_position = len(value)
        self._weigh()

    def focus_first(self) -> None:
        """The first that is wrong, else the first of all."""
        problems = self.form.problems()
        name = next((each.name for each in self.OPTIONS if each.name in problems), self.OPTIONS[0].name)
        self.query_one(f"#{name}").focus()

    @on(Input.Changed)
    def take_text(self, event: Input.Changed) -> None:
        event.stop()
        # What stands in the field now: the message may be older than a form taken over since.
        self._take(event.input.id or "", event.input.value)

    @on(TurnField.Changed)
    def take_turn(self, event: TurnField.Changed) -> None:
        event.stop()
        self._take(event.field.id or "", event.field.value)

    def _take(self, name: str, value: str) -> None:
        if self.form.values.get(name) != value:
            self.form = self.form.changed(name, value)
            self.post_message(FieldChanged(name, value))
            self._weigh()

    def _weigh(self) -> None:
        """Marks what is wrong."""
        problems = self.form.problems()
        for each in self.OPTIONS:
            self.query_one(f"#row-{each.name}", FormRow).mark(each.name in problems)
        self.weigh()
        self._tell()

    @on(DescendantFocus)
    def _tell(self) -> None:
        problems = self.form.problems()
        focused = self.screen.focused.id if self.screen.focused is not None else None
        message = problems.get(focused or "") or next(iter(problems.values()), "")
        line = self.query_one("#option-told", Static)
        line.set_class(bool(message), "-wrong")
        line.update(Text(message or next((each.told for each in self.OPTIONS if each.name == focused), "")))

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(StepChosen({}))
