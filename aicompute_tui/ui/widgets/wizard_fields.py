"""A list of a wizard with fields below it, which what is chosen in the list may want filled in."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput
from aicompute_tui.ui.widgets.wizard_list import FieldChanged, ListStep, StepChosen
from aicompute_tui.ui.wizard_form import FormField, FormT


class FieldsStep(ListStep[FormT]):
    """Subclasses say which fields there are and what a chosen row means to them."""

    def fields(self) -> Sequence[FormField]:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        yield from super().compose()
        for each in self.fields():
            yield FormRow(each.label, LineInput(id=each.name, placeholder=each.empty), id=f"row-{each.name}")

    def field(self, name: str) -> LineInput:
        return self.query_one(f"#{name}", LineInput)

    def focus_field(self, name: str) -> None:
        self.field(name).focus()

    def show(self, form: FormT) -> None:
        for each in self.fields():
            field = self.field(each.name)
            with self.prevent(Input.Changed):
                field.value = form.values.get(each.name, "")
            field.cursor_position = len(field.value)
        super().show(form)

    @on(Input.Changed)
    def take_text(self, event: Input.Changed) -> None:
        event.stop()
        name = event.input.id or ""
        if event.input.value != self.form.values.get(name, ""):
            self.form = self.form.changed(name, event.input.value)
            self.post_message(FieldChanged(name, event.input.value))

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        """On to the next step with what stands there now."""
        event.stop()
        self.post_message(StepChosen({event.input.id or "": event.value}))
