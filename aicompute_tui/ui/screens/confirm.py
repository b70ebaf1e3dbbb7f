"""The one dialog before anything that costs or destroys: the safe answer first, the other named by its verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.damage import Damage
from aicompute_tui.ui.widgets.form_fields import Answer, LineInput


class ConfirmDialog(ModalScreen[bool]):
    """True when the dangerous answer was given; esc, and enter at first, keep things as they are."""

    CSS_PATH = STYLES / "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "keep", "keep it", show=False),
        Binding("left,right,up,down", "other", "other answer", show=False),
    ]

    def __init__(
        self, question: str, damage: Sequence[str], verb: str, typed_name: str | None = None, *, safe: str = "keep it"
    ) -> None:
        super().__init__()
        self.question = question
        self.damage = tuple(damage)
        self.verb = verb
        self.typed_name = typed_name
        self.safe = safe

    @classmethod
    def of(cls, damage: Damage) -> ConfirmDialog:
        return cls(damage.question, damage.lines, damage.verb, damage.typed_name)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(self.question), id="question")
            with VerticalScroll(id="damage", can_focus=False):
                for line in self.damage:
                    yield from _damage_line(line)
            if self.typed_name is not None:
                with Horizontal(id="typed"):
                    yield Static(_wanted(self.typed_name), id="wanted")
                    yield LineInput(id="typed-name", longest=len(self.typed_name) + 64)
            with Horizontal(id="answers"):
                yield Answer(f"esc {self.safe}", id="safe")
                yield Answer(self.verb, id="dangerous")

    def on_mount(self) -> None:
        self.query_one("#dangerous", Answer).disabled = self.typed_name is not None
        self.query_one("#typed-name" if self.typed_name is not None else "#safe").focus()

    @on(Input.Changed, "#typed-name")
    def weigh_name(self) -> None:
        self.query_one("#dangerous", Answer).disabled = not self._is_typed()

    @on(Input.Submitted, "#typed-name")
    def take_name(self) -> None:
        if self._is_typed():
            self.dismiss(True)

    def _is_typed(self) -> bool:
        typed = self.query_one("#typed-name", LineInput).value
        return self.typed_name is not None and typed.split() == self.typed_name.split()

    @on(Answer.Pressed, "#safe")
    def action_keep(self) -> None:
        self.dismiss(False)

    @on(Answer.Pressed, "#dangerous")
    def go_on(self) -> None:
        self.dismiss(True)

    def action_other(self) -> None:
        dangerous, safe = self.query_one("#dangerous", Answer), self.query_one("#safe", Answer)
        (safe if self.focused is dangerous or dangerous.disabled else dangerous).focus()


def _damage_line(line: str) -> ComposeResult:
    """`word  sentence` stands in two columns, so that a long sentence wraps under itself."""
    word, gap, sentence = line.partition("  ")
    if gap and " " not in word:
        with Horizontal(classes="damage-line"):
            yield Static(Text(word), classes="damage-word")
            yield Static(Text(sentence.strip()), classes="damage-text")
    else:
        yield Static(Text(line), classes="damage-line")


def _wanted(name: str) -> Text:
    if " " in name:
        return Text.assemble("protected: type their names to go on: ", (name, "bold"))
    return Text("protected: type its name to go on")
