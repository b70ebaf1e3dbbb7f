"""The screen of a plain list: one question fills it, the row under the cursor stands below it in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.types import CSSPathType

from aicompute_tui.actions.damage import damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import records
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.offering import check
from aicompute_tui.ui.records import RecordList, RowColumn
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.record_pane import RecordPane
from aicompute_tui.ui.widgets.told_lines import ToldLines
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_SETTLED_SECONDS = 0.3
"""How long changes of the store are gathered before a list that follows them is asked for again."""


class RecordScreen(ConsoleScreen):
    """A table filled by one question, and below it the row under the cursor in full."""

    LIST: ClassVar[RecordList]
    CSS_PATH: ClassVar[CSSPathType | None] = STYLES / "records.tcss"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._columns: list[RowColumn] = self.LIST.columns(session)
        self.arguments: JsonObject = {}
        self._row_told: JsonObject | None = None
        self._loads_soon = False

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """What the question is asked with."""
        self.arguments = dict(arguments)

    def compose_body(self) -> ComposeResult:
        yield VirtualTable(
            self._columns, id="records", empty_message="asking …", glyphs=self.session.glyphs, marks=self.LIST.marks
        )
        if self.LIST.lines is not None:
            yield RecordPane(id="record-pane")
        else:
            yield ToldLines(self.session.glyphs, id="record-told")

    @property
    def crumbs(self) -> tuple[str, ...]:
        given = (str(value) for value in self.arguments.values())
        return (self.LIST.title, *given)

    @property
    def table(self) -> VirtualTable[JsonObject]:
        return self.query_one("#records", VirtualTable)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self.load()

    # -- rows

    def load(self) -> None:
        """Asks again; the rows shown stay until the answer comes."""
        self._load(self.asked)

    @property
    def asked(self) -> JsonObject:
        """What the question is asked with."""
        return self.arguments

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _load(self, arguments: JsonObject) -> None:
        self._loads_soon = False
        try:
            answer = await self.session.query(self.LIST.question, arguments)
        except AicError as error:
            self._cannot_load(error)
            return
        self.fill(answer)

    def load_soon(self) -> None:
        """Asks again in a moment, once for all that changes until then."""
        if not self._loads_soon:
            self._loads_soon = True
            self.set_timer(_SETTLED_SECONDS, self._load_now)

    def _load_now(self) -> None:
        if self.is_current:
            self.load()
        else:
            self._loads_soon = False

    def _cannot_load(self, error: AicError) -> None:
        self.table.set_empty_message(f"{error.message} {error.next_step}".strip())
        if self.table.rows:
            self.say(error.message, "warn", next_step=error.next_step)

    def fill(self, answer: Json) -> None:
        self.table.set_rows(records.rows_by_key(self.LIST, answer))
        empty = "Nothing matches the filter. esc shows all." if self.filter_text else self.LIST.empty
        self.table.set_empty_message(empty)
        self._tell()

    def state_changed(self, change: StateChange) -> None:
        if self.LIST.follows and change:
            self.load_soon()

    def tick(self) -> None:
        self.table.refresh_texts()
        self._row_told = None
        self._tell()

    def apply_filter(self, text: str) -> None:
        names = {each for column in self._columns for each in (column.key, column.title)}

        def text_of(row: JsonObject) -> str:
            return records.row_text(self._columns, row)

        def value_of(row: JsonObject, name: str) -> str | float | None:
            return records.column_value(self._columns, row, name)

        predicate = parse_filter(text, names).predicate(text_of, value_of)
        self.table.set_filter(predicate)
        self.table.set_empty_message("Nothing matches the filter. esc shows all." if text.strip() else self.LIST.empty)

    def selected_rows(self) -> list[JsonObject]:
        rows = self.table.rows
        return [rows[row_id] for row_id in self.selected_ids() if row_id in rows]

    @on(VirtualTable.SelectionChanged)
    def _tell(self) -> None:
        cursor = self.table.cursor_id
        row = self.table.rows.get(cursor) if cursor is not None else None
        if self.LIST.lines is not None:
            self._tell_in_full(row)
            return
        if self.LIST.told is not None:
            told = "" if row is None else plain(self.LIST.told(self.session, row))
            self.query_one(ToldLines).tell(told)

    def _tell_in_full(self, row: JsonObject | None) -> None:
        lines = self.LIST.lines
        if row != self._row_told and lines is not None:
            self._row_told = row
            pane = self.query_one(RecordPane)
            pane.tell((lambda width: lines(self.session, row, width)) if row is not None else (lambda _: []))

    # -- what is done with them

    @on(VirtualTable.RowOpened)
    def open_row(self, event: VirtualTable.RowOpened) -> None:
        """Unless it went away between the key and here."""
        if event.row_id == self.table.cursor_id:
            self.open_selected()

    def open_selected(self) -> None:
        if self.LIST.opens is None or (self.session.read_only and ACTIONS[self.LIST.opens].mutates):
            self.action_json()
        else:
            self.action_perform(self.LIST.opens)

    def record_of(self, row_id: str) -> JsonObject | None:
        return self.table.rows.get(row_id)

    def copied_text(self) -> tuple[str, str]:
        rows = self.selected_rows()
        return "\n".join(records.text(row, self.LIST.key) for row in rows), self.LIST.key

    def called(self, row: JsonObject) -> str:
        return records.text(row, "name") or records.text(row, "title") or records.text(row, self.LIST.key)

    def subject(self, row: JsonObject) -> str:
        """What a job is told that is to act on it."""
        return records.text(row, self.LIST.key)

    def action_perform(self, action_id: str) -> None:
        action = ACTIONS[action_id]
        if action.scope != self.LIST.scope:
            super().action_perform(action_id)
        elif not (rows := self.selected_rows()):
            self.say("There is no row under the cursor.", "dim")
        elif self.has_slipped():
            return
        elif action.execution == "query":
            self._ask(action_id, rows[0])
        else:
            self._ask_first(action_id, rows)

    @work(group="ask", exclusive=True, exit_on_error=False)
    async def _ask(self, action_id: str, row: JsonObject) -> None:
        action, name = ACTIONS[action_id], self.called(row)
        self.say(f"{action.title}: {name} …", "dim")
        try:
            answer = await self.session.query(action_id, {action.parameters[0].name: records.text(row, self.LIST.key)})
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        self.tell_answer(action_id, row, answer)

    def tell_answer(self, action_id: str, row: JsonObject, answer: Json) -> None:  # noqa: ARG002
        """What a question about a row brought, unless its asker went on to something else."""
        if self.app.screen is self:
            self.console.show_json(self.called(row), answer)
        else:
            self.console.say(f"{self.called(row)}: it is answered. Ask again to see it.", "dim")

    def _ask_first(self, action_id: str, rows: list[JsonObject]) -> None:
        """The question stands at once: a key on its way finds it, not the table behind."""
        action = ACTIONS[action_id]
        try:
            check(action_id, rows)
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        if not action.dangerous:
            self._submit(action_id, rows)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._submit(action_id, rows)

        self.console.push_screen(ConfirmDialog.of(damage_of(action, rows)), answered)

    @work(group="submit", exit_on_error=False)
    async def _submit(self, action_id: str, rows: list[JsonObject]) -> None:
        action = ACTIONS[action_id]
        subject, named = action.parameters[0], [self.subject(row) for row in rows]
        for batch in [named] if subject.repeatable else [[each] for each in named]:
            about: Json = [*batch] if subject.repeatable else batch[0]
            if not await self._hand_over(action_id, {subject.name: about}):
                return
        self.table.unmark_all()
        self.say(f"{action.title}: handed to the agent.", "dim")
        self.load_soon()

    async def _hand_over(self, action_id: str, arguments: JsonObject) -> bool:
        try:
            await self.session.submit(action_id, arguments)
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return False
        return True


class DoctorScreen(RecordScreen):
    LIST = records.DOCTOR
    HINTS: ClassVar[tuple[str, ...]] = ("go.open", "go.json", "go.filter", "go.command", "go.help")
