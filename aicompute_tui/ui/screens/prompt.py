"""A dialog that asks for one line of text, and says at once what is wrong with it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.widgets.form_fields import Answer, LineInput, Rule


class PromptDialog(ModalScreen[str | None]):
    """The line typed, None when esc left things as they were."""

    AUTO_FOCUS = ""
    CSS_PATH = STYLES / "dialogs.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "keep", "keep it", show=False)]

    def __init__(
        self,
        question: str,
        *,
        value: str = "",
        help: str = "",  # noqa: A002
        placeholder: str = "",
        verb: str = "Save",
        rule: Rule | None = None,
        masked: bool = False,
    ) -> None:
        super().__init__()
        self.question = question
        self.value = value
        self.help = help
        self.placeholder = placeholder
        self.verb = verb
        self.rule = rule
        self.masked = masked

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(self.question), id="question")
            if self.help:
                yield Static(Text(self.help), id="prompt-help")
            yield self._line()
            yield Static("", id="problem", markup=False)
            with Horizontal(id="answers"):
                yield Answer("esc leave", id="safe")
                yield Answer(f"enter {self.verb}", id="go")

    def _line(self) -> LineInput:
        if self.masked:
            from aicompute_tui.ui.screens.secret_form import SecretInput

            return SecretInput(placeholder=self.placeholder, id="line")
        return LineInput(self.value, placeholder=self.placeholder, id="line", longest=4_000)

    def on_mount(self) -> None:
        line = self.query_one("#line", LineInput)
        self.set_focus(line)
        line.cursor_position = len(line.value)

    @on(Input.Changed, "#line")
    def clear_problem(self) -> None:
        self.query_one("#problem", Static).update("")

    @on(Input.Submitted, "#line")
    @on(Answer.Pressed, "#go")
    def take(self) -> None:
        value = self.query_one("#line", LineInput).value.strip()
        wrong = self.rule(value) if self.rule is not None else None
        if wrong:
            self.query_one("#problem", Static).update(Text(wrong))
        else:
            self._leave(value)

    @on(Answer.Pressed, "#safe")
    def action_keep(self) -> None:
        self._leave(None)

    def _leave(self, value: str | None) -> None:
        if self.masked:
            self.query_one("#line", LineInput).value = ""
        self.dismiss(value)
