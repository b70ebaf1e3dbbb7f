"""A step of a wizard that is a list: a row is chosen with enter, the one under the cursor explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.records import RowColumn, column_value, row_text, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.told_lines import ToldLines
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from aicompute_tui.ui.wizard_form import FormT

_FILTERED_OUT = "Nothing matches the filter. esc shows all."


class StepChosen(Message):
    """A row was chosen: the values it gives the form, and where it goes on where that is not the next step."""

    def __init__(self, values: Mapping[str, str], next_view: str = "", *, field: str = "") -> None:
        """`field` is one of the same step, to be filled in first."""
        super().__init__()
        self.values = values
        self.next_view = next_view
        self.field = field


class StepResolved(Message):
    """What stands for a value nobody has chosen, now that it is known."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__()
        self.name = name
        self.value = value


class FieldChanged(Message):
    """A field of the form holds something else."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__()
        self.name = name
        self.value = value


class StepRefused(Message):
    """What was asked for cannot be had, in one sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


class ListStep(Vertical, Generic[FormT]):
    """Subclasses say what is asked, which columns stand, and what a row means."""

    NOUN = "rows"
    EMPTY = "There is nothing here."
    KEY = "name"
    ASKS_ALWAYS = False
    """Others may have changed what is listed since it was last shown."""

    def __init__(self, session: Session, form: FormT, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, classes="wizard-step")
        self.session = session
        self.form = form
        self.problem: AicError | None = None
        """Why there is no list."""
        self._asked: JsonObject | None = None
        self._filter = ""

    def compose(self) -> ComposeResult:
        yield Static("", classes="wizard-title", markup=False)
        yield VirtualTable(
            self.columns(), empty_message="asking …", glyphs=self.session.glyphs, marks=False, id=f"{self.id}-rows"
        )
        yield ToldLines(self.session.glyphs, classes="wizard-told")

    @property
    def table(self) -> VirtualTable[JsonObject]:
        return self.query_one(VirtualTable)

    # -- what a subclass says

    def columns(self) -> list[RowColumn]:
        raise NotImplementedError

    def wanted(self) -> JsonObject:
        """What the question is asked with; other wants are another list."""
        return {}

    async def ask(self, wanted: JsonObject) -> Json:
        raise NotImplementedError

    def is_present(self, row: JsonObject) -> bool:
        """Whether it is what the form holds now."""
        raise NotImplementedError

    def values(self, row: JsonObject) -> Mapping[str, str]:
        raise NotImplementedError

    def refusal(self, row: JsonObject) -> str:  # noqa: ARG002
        """Why a row cannot be chosen."""
        return ""

    def told(self, row: JsonObject) -> Sequence[str]:
        """What stands below the list about the row under the cursor, a line each."""
        return [self.refusal(row)]

    def heading(self) -> str:
        """What stands left above the list."""
        return ""

    def rank(self, row: JsonObject) -> object:  # noqa: ARG002
        """The natural order."""
        return 0

    def predicate(self, line: str) -> Callable[[JsonObject], bool] | None:
        """Raises InvalidInput for a filter that cannot be read."""
        columns = self.columns()
        names = {each for column in columns for each in (column.key, column.title.strip())}
        return parse_filter(line, names).predicate(
            lambda row: row_text(columns, row), lambda row, name: column_value(columns, row, name)
        )

    # -- showing it

    def show(self, form: FormT) -> None:
        """The list as the form wants it; asked for anew only where something else is wanted."""
        self.form = form
        self.table.set_columns(self.columns())
        self.table.refresh_texts()
        if self.ASKS_ALWAYS or self._asked != self.wanted() or self.problem is not None:
            self.load()
        else:
            self._to_present()
        self._tell()

    def focus_first(self) -> None:
        self.table.focus()

    @work(group="list", exclusive=True, exit_on_error=False)
    async def load(self) -> None:
        wanted = self.wanted()
        if wanted != self._asked:
            self.table.set_rows({})
            self.table.set_empty_message("asking …")
        self._asked, self.problem = wanted, None
        try:
            answer = await self.ask(wanted)
        except AicError as error:
            self.problem = error
            self.table.set_rows({})
            self.table.set_empty_message(f"{error.message} {error.next_step}".strip())
            self._tell()
            return
        self.fill(answer)
        await self.after_rows(wanted)

    async def after_rows(self, wanted: JsonObject) -> None:
        """What takes longer than the rows and completes them."""

    def fill(self, answer: Json) -> None:
        rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
        was_empty = not self.table.rows
        self.table.set_rows({text(row, self.KEY): row for row in sorted(rows, key=self.rank)})  # type: ignore[arg-type]
        self.table.set_empty_message(_FILTERED_OUT if self._filter else self.EMPTY)
        if was_empty:
            self._to_present()
        self._tell()

    def _to_present(self) -> None:
        present = next((row_id for row_id, row in self.table.rows.items() if self.is_present(row)), None)
        if present is not None:
            self.table.move_to_row(present)

    def apply_filter(self, line: str) -> None:
        self.table.set_filter(self.predicate(line))
        self._filter = line.strip()
        self.table.set_empty_message(_FILTERED_OUT if self._filter else self.EMPTY)
        self._tell()

    @property
    def row(self) -> JsonObject | None:
        """The one under the cursor."""
        cursor = self.table.cursor_id
        return self.table.rows.get(cursor) if cursor is not None else None

    @on(VirtualTable.SelectionChanged)
    def _tell(self) -> None:
        row = self.row
        told = "\n".join(plain(line) for line in self.told(row) if line) if row is not None else ""
        self.query_one(ToldLines).tell(told)
        shown, all_of = len(self.table.order), len(self.table.rows)
        noun = self.NOUN.removesuffix("s") if all_of == 1 else self.NOUN
        count = f"{shown} of {all_of} {noun}" if self._filter else f"{all_of} {noun}" if all_of else ""
        title = self.query_one(".wizard-title", Static)
        line = Text(self.heading(), no_wrap=True, overflow="ellipsis")
        room = title.content_size.width - line.cell_len - len(count)
        title.update(line.append(f"{' ' * max(2, room)}{count}"))

    def on_resize(self) -> None:
        self.call_after_refresh(self._tell)

    @on(VirtualTable.RowOpened)
    def choose(self, event: VirtualTable.RowOpened) -> None:
        event.stop()
        row = self.table.rows.get(event.row_id)
        if row is None:
            return  # It went away between the key and here.
        refused = self.refusal(row)
        self.post_message(StepRefused(refused) if refused else StepChosen(self.values(row)))
