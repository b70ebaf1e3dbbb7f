"""What is asked of a person about a container beside yes and no: a choice within the dialog, and a new name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from aicompute_tui.actions.damage import Damage
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.widgets.form_fields import FormRow, TurnField

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
"""What engines take for a container's name."""


class Choice(NamedTuple):
    """A parameter turned within the dialog: (its value as a word, what is shown), the harmless one first."""

    parameter: str
    options: Sequence[tuple[str, str]]
    is_flag: bool = False


CHOICES: dict[str, Choice] = {
    "container.remove": Choice(
        "volumes", (("", "keep them"), ("true", "remove those made for it alone")), is_flag=True
    ),
    "container.kill": Choice(
        "signal",
        (
            ("KILL", "KILL: at once"),
            ("TERM", "TERM: asks it to end"),
            ("INT", "INT: as ctrl+c does"),
            ("HUP", "HUP: reads its settings again, often"),
            ("QUIT", "QUIT: ends with a dump"),
            ("USR1", "USR1: what its program says"),
            ("USR2", "USR2: what its program says"),
        ),
    ),
}


class ChoiceDialog(ConfirmDialog):
    """The question, its damage, and a line of choice between that and the answers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right", "other", "other answer", show=False),
        Binding("up", "app.focus_previous", "to the choice", show=False),
        Binding("down", "app.focus_next", "to the answers", show=False),
    ]

    def __init__(self, damage: Damage, choice: Choice, given: Json, glyphs: Glyphs) -> None:
        super().__init__(damage.question, damage.lines, damage.verb, damage.typed_name)
        value = ("true" if given else "") if choice.is_flag else str(given or "").removeprefix("SIG")
        self._choice = choice
        self._field = TurnField(choice.options, value, glyphs=glyphs, id="choice")

    def compose_choice(self) -> ComposeResult:
        yield FormRow(self._choice.parameter, self._field, id="choice-row")

    @property
    def chosen(self) -> JsonObject:
        value = self._field.value
        return {self._choice.parameter: bool(value) if self._choice.is_flag else value}


def wrong_name(name: str) -> str | None:
    if _NAME.fullmatch(name):
        return None
    return "Use two or more letters, digits, dots, dashes or underscores, a letter or digit first."


async def ask_new_name(app: ConsoleApp, record: JsonObject) -> JsonObject | None:
    """None where asking was answered with esc."""
    name = str(record.get("name"))

    def rule(value: str) -> str | None:
        return f"It is called {name} already." if value == name else wrong_name(value)

    dialog = PromptDialog(
        f"Rename {name} on {record.get('host')} to what?",
        value=name,
        help="It goes on as it is; what reaches it by its old name in its own networks no longer does.",
        verb="rename",
        rule=rule,
    )
    answer = await app.push_screen_wait(dialog)
    return None if answer is None else {"new_name": answer}
