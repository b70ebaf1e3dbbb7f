"""The options of a launch: one field a line, and below them what the field in focus means or what is wrong."""

from __future__ import annotations

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Input, Static

from aicompute_tui.ui.launch_form import OPTIONS, YES, FormField, LaunchForm
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField
from aicompute_tui.ui.widgets.launch_list import FieldChanged, StepChosen

_SPOT_ONLY = "max_price"
_NEVER_ONLY = "ttl_none_confirm"


class OptionsStep(Vertical):
    """Every field has a default, so enter goes on from any of them."""

    def __init__(self, session: Session, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, classes="launch-step")
        self.session = session
        self.form = LaunchForm()

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="launch-fields", can_focus=False):
            for each in OPTIONS:
                yield FormRow(each.label, self._field(each), id=f"row-{each.name}")
        yield Static("", classes="launch-told", id="option-told", markup=False)

    def _field(self, each: FormField) -> Widget:
        value = self.form.values[each.name]
        if each.is_flag:
            return TurnField((("", "no"), (YES, "yes")), value, glyphs=self.session.glyphs, id=each.name)
        if each.choices:
            choices = [(choice, choice) for choice in each.choices]
            return TurnField(choices, value, glyphs=self.session.glyphs, id=each.name)
        return LineInput(value, placeholder=each.empty, id=each.name)

    def show(self, form: LaunchForm) -> None:
        self.form = form
        for each in OPTIONS:
            field = self.query_one(f"#{each.name}")
            if isinstance(field, (LineInput, TurnField)) and field.value != form.values[each.name]:
                with self.prevent(Input.Changed, TurnField.Changed):
                    field.value = form.values[each.name]
                if isinstance(field, LineInput):
                    field.cursor_position = len(field.value)
        self._weigh()

    def focus_first(self) -> None:
        """The first that is wrong, else the first of all."""
        problems = self.form.problems()
        name = next((each.name for each in OPTIONS if each.name in problems), OPTIONS[0].name)
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
        """Marks what is wrong, and shows only fields that mean something."""
        problems = self.form.problems()
        for each in OPTIONS:
            self.query_one(f"#row-{each.name}", FormRow).mark(each.name in problems)
        self.query_one(f"#row-{_NEVER_ONLY}").display = self.form.never_ends
        self.query_one("#row-ttl").set_class(self.form.never_ends, "-never")
        self.query_one(f"#row-{_SPOT_ONLY}").display = self.form["market"] == "spot" or bool(self.form[_SPOT_ONLY])
        self._tell()

    @on(DescendantFocus)
    def _tell(self) -> None:
        problems = self.form.problems()
        focused = self.screen.focused.id if self.screen.focused is not None else None
        message = problems.get(focused or "") or next(iter(problems.values()), "")
        line = self.query_one("#option-told", Static)
        line.set_class(bool(message), "-wrong")
        line.update(Text(message or next((each.told for each in OPTIONS if each.name == focused), "")))

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(StepChosen({}))
