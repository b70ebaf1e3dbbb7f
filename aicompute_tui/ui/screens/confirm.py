"""The one dialog before anything that costs or destroys: the safe answer first, the other named by its verb."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from aicompute_tui.actions.damage import Damage
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.form_fields import Answer, LineInput


class DamageList(Static):
    """Lines as `word  sentence` stand in two columns, so that a long sentence wraps under itself."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"damage-list--word"}

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("")
        self.lines = tuple(lines)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render(self) -> RenderableType:
        parts: list[RenderableType] = []
        for labelled, lines in groupby(self.lines, key=lambda line: "  " in line):
            if not labelled:
                parts += [Text(plain(line)) for line in lines]
                continue
            dim = Style(color=self.get_component_rich_style("damage-list--word").color)
            grid = Table.grid(padding=(0, 2, 0, 0))
            grid.add_column(no_wrap=True, max_width=26, overflow="ellipsis")
            grid.add_column()
            for line in lines:
                word, _, sentence = line.partition("  ")
                grid.add_row(Text(plain(word), dim), Text(plain(sentence.strip())))
            parts.append(grid)
        return Group(*parts)


class ConfirmDialog(ModalScreen[bool]):
    """True when the dangerous answer was given; esc, and enter at first, keep things as they are."""

    AUTO_FOCUS = ""
    CSS_PATH = STYLES / "dialogs.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "keep", "keep it", show=False),
        Binding("left,right,up,down", "other", "other answer", show=False),
        Binding("pageup", "scroll(-1)", "page up", show=False),
        Binding("pagedown", "scroll(1)", "page down", show=False),
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
        self._early = ""

    @classmethod
    def of(cls, damage: Damage) -> ConfirmDialog:
        return cls(damage.question, damage.lines, damage.verb, damage.typed_name)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(plain(self.question)), id="question")
            with VerticalScroll(id="damage", can_focus=False):
                yield DamageList([*self.damage, *_names_to_type(self.typed_name)])
            if self.typed_name is not None:
                with Horizontal(id="typed"):
                    yield Static(_wanted(self.typed_name), id="wanted")
                    yield LineInput(id="typed-name", longest=len(self.typed_name) + 64)
            yield from self.compose_choice()
            with Horizontal(id="answers"):
                yield Answer(f"esc {self.safe}", id="safe")
                yield Answer(plain(self.verb), id="dangerous")

    def compose_choice(self) -> ComposeResult:
        """A line between the damage and the answers, where a dialog has one."""
        yield from ()

    @property
    def chosen(self) -> JsonObject:
        """What was chosen there, as arguments."""
        return {}

    def on_mount(self) -> None:
        if not self.children:
            return  # Answered before it was drawn.
        self.query_one("#dangerous", Answer).disabled = self.typed_name is not None
        # At once: a key that is on its way must find the safe answer in focus.
        self.set_focus(self.query_one("#typed-name" if self.typed_name is not None else "#safe"))

    def take_early(self, event: events.Key) -> None:
        """A letter typed before the name's line had the focus."""
        if event.is_printable and event.character:
            self._early += event.character

    @on(events.DescendantFocus)
    def take_over_early(self) -> None:
        early, self._early = self._early, ""
        if early and self.typed_name is not None:
            self.query_one("#typed-name", LineInput).insert_text_at_cursor(early)

    @on(Input.Changed, "#typed-name")
    def weigh_name(self) -> None:
        self.query_one("#dangerous", Answer).disabled = not self._is_typed()

    @on(Input.Submitted, "#typed-name")
    def take_name(self) -> None:
        if self._is_typed():
            self.dismiss(True)

    def _is_typed(self) -> bool:
        typed = self.query_one("#typed-name", LineInput).value
        return self.typed_name is not None and typed.split() == plain(self.typed_name).split()

    @on(Answer.Pressed, "#safe")
    def action_keep(self) -> None:
        self.dismiss(False)

    @on(Answer.Pressed, "#dangerous")
    def go_on(self) -> None:
        self.dismiss(True)

    def action_scroll(self, pages: int) -> None:
        """Through a list of damage that is longer than its room."""
        damage = self.query_one("#damage", VerticalScroll)
        damage.scroll_relative(y=pages * max(1, damage.size.height - 1), animate=False)

    def action_other(self) -> None:
        dangerous, safe = self.query_one("#dangerous", Answer), self.query_one("#safe", Answer)
        self.set_focus(safe if self.focused is dangerous or dangerous.disabled else dangerous)


def _names_to_type(names: str | None) -> list[str]:
    """Several names stand in the list, which scrolls, so that the line for them and the answers keep their room."""
    return [f"protected  {names}"] if names is not None and " " in names else []


def _wanted(names: str) -> Text:
    return Text("type their names to go on" if " " in names else "protected: type its name to go on")
