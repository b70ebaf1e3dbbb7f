"""A form of one-line fields that may ask for a secret: masked while typed, and nowhere once the form is closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.widgets.form_fields import Answer, FormRow, LineInput, TurnField


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """What was typed; the repr shows none of it."""

    arguments: JsonObject
    secret: Secret | None = None

    def __repr__(self) -> str:
        return "Given(…)"


class SecretInput(LineInput):
    """Masked, also while it is typed, and never copied from."""

    def __init__(self, *, placeholder: str = "", id: str) -> None:  # noqa: A002
        super().__init__("", placeholder=placeholder, longest=8_192, id=id)
        self.password = True

    def action_copy(self) -> None:
        return

    def action_cut(self) -> None:
        return


class FormFields(VerticalScroll, inherit_bindings=False):
    """Scrolls to the field in focus; the arrows go from field to field."""


class SecretForm(ModalScreen[Given | None]):
    """None when esc left everything as it was. A field called N is `PREFIX-N`, and its row `row-N`."""

    PREFIX: ClassVar[str]
    QUESTION: ClassVar[str]
    VERB: ClassVar[str]
    CSS_PATH = [STYLES / "dialogs.tcss", STYLES / "forms.tcss"]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "keep", "leave", show=False),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "previous", show=False),
        Binding("ctrl+l", "take", "hand over", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._stood: dict[str | None, str] = {}
        self._typed: set[str | None] = set()
        self._has_warned = False

    # -- what a form says of itself

    @property
    def question(self) -> str:
        return self.QUESTION

    @property
    def verb(self) -> str:
        return self.VERB

    def compose_fields(self) -> ComposeResult:
        """Rows of fields, each a `FormRow`."""
        yield from ()

    def asked(self) -> Sequence[str]:
        """The fields that there is a use for now, by name; all others are hidden."""
        return self._names

    def given(self) -> Given:
        """What the fields say. Raises AicError naming what is wrong with them."""
        raise NotImplementedError

    # -- around the fields

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(self.question), id="question")
            with FormFields(id="form-fields", can_focus=False):
                yield from self.compose_fields()
            yield Static("", id="problem", markup=False)
            with Horizontal(id="answers"):
                yield Answer("esc leave", id="safe")
                yield Answer(f"ctrl+l {self.verb}", id="go")

    def on_mount(self) -> None:
        self._stood = {field.id: field.value for field in self.query(Input)}
        self.show_fields()

    def text(self, name: str) -> str:
        """What stands in a field."""
        return self.query_one(f"#{self.PREFIX}-{name}", Input).value.strip()

    @property
    def _names(self) -> list[str]:
        return [(row.id or "").removeprefix("row-") for row in self.query(FormRow)]

    @on(TurnField.Changed)
    def show_fields(self) -> None:
        rows = self.query(FormRow)
        if not rows:
            return  # left before it stood, or not there yet
        try:
            asked = frozenset(self.asked())
        except NoMatches:
            if self in self.app.screen_stack:
                raise
            return  # left while it was made
        for row in rows:
            row.display = (row.id or "").removeprefix("row-") in asked

    @on(Input.Changed)
    def note_typing(self, event: Input.Changed) -> None:
        """What a form fills in by itself is no loss; what somebody typed is."""
        if event.input is self.focused:
            is_new = event.value != self._stood.get(event.input.id, "")
            (self._typed.add if is_new else self._typed.discard)(event.input.id)
            self._has_warned = False

    @on(Input.Changed)
    def forget_problem(self) -> None:
        for problem in self.query("#problem").results(Static):
            problem.update("")
        self.show_fields()

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """The last field leads to the answer."""
        shown = [each for each in self.query(Input) if each.parent is not None and each.parent.display]
        if event.input is shown[-1]:
            self.query_one("#go").focus()
        else:
            self.focus_next()

    def on_key(self, event: events.Key) -> None:
        """Enter goes on from a turned field as from a text."""
        if event.key == "enter" and isinstance(self.focused, TurnField):
            event.stop()
            self.focus_next()

    @on(Answer.Pressed, "#go")
    def action_take(self) -> None:
        """From any field: what nobody needs to fill in need not be walked through."""
        if not self.is_mounted:
            return  # typed before its fields stood
        try:
            given = self.given()
        except AicError as error:
            self.query_one("#problem", Static).update(Text(f"{error.message} {error.next_step}".strip()))
            return
        self._leave(given)

    @on(Answer.Pressed, "#safe")
    def action_keep(self) -> None:
        """Twice where something was typed: it is kept nowhere."""
        if self._typed and not self._has_warned:
            self._has_warned = True
            self.query_one("#problem", Static).update("What you typed is kept nowhere. esc again leaves.")
            return
        self._leave(None)

    def _leave(self, given: Given | None) -> None:
        for field in self.query(SecretInput):
            field.value = ""
        self.dismiss(given)
