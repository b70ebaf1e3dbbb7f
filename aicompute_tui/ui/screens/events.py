"""The audit: who did what to which thing, newest first, followed as it grows and read back as far as it goes."""

from __future__ import annotations

from typing import ClassVar

from textual import work

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import records
from aicompute_tui.ui.event_records import EVENTS
from aicompute_tui.ui.live_stream import keep_streaming
from aicompute_tui.ui.record_lines import full_moments
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

PAGE = 200
"""How many events are asked for at a time."""
_NARROWED_BY = ("actor", "kind", "subject", "since", "level")


class EventsScreen(RecordScreen):
    """With the cursor on the newest event the view goes on with those that come; below it, it holds still."""

    LIST = EVENTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "events")
    HINTS: ClassVar[tuple[str, ...]] = (
        "go.open",
        "go.describe",
        "go.json",
        "go.filter",
        "go.export",
        "go.command",
        "go.help",
    )
    _limit = PAGE

    @property
    def crumbs(self) -> tuple[str, ...]:
        return (self.LIST.title, *(f"{name} {value}" for name, value in self._narrowed.items()))

    @property
    def asked(self) -> JsonObject:
        return {**self._narrowed, "limit": str(self._limit)}

    @property
    def _narrowed(self) -> JsonObject:
        return {name: self.arguments[name] for name in _NARROWED_BY if self.arguments.get(name)}

    def on_screen_resume(self) -> None:
        given = str(self.arguments.get("limit") or "")
        self._limit = max(self._limit, int(given)) if given.isdecimal() else self._limit
        super().on_screen_resume()
        self._follow()

    @work(group="follow", exclusive=True, exit_on_error=False)
    async def _follow(self) -> None:
        await keep_streaming(self.session, "event.follow", lambda: self._narrowed, self._take_event, self._lost)

    def on_screen_suspend(self) -> None:
        self.workers.cancel_group(self, "follow")

    def _take_event(self, event: JsonObject) -> None:
        table = self.table
        at_newest = not table.order or table.cursor_id == table.order[0]
        key = records.text(event, "id")
        if key not in table.rows:
            table.set_rows({key: event, **table.rows})
            if at_newest and table.order:
                table.move_to_row(table.order[0])
            self._tell()

    def _lost(self, problem: AicError | None) -> None:
        """Without an agent the list is asked for again when the store changes."""

    def fill(self, answer: Json) -> None:
        table = self.table
        at_newest = not table.order or table.cursor_id == table.order[0]
        super().fill(answer)
        if at_newest and table.order and table.sorted_by is None:
            table.move_to_row(table.order[0])

    def on_virtual_table_selection_changed(self, event: VirtualTable.SelectionChanged) -> None:
        """The last row asks for the page before it."""
        table = event.table
        if table.order and table.cursor_id == table.order[-1] and len(table.rows) >= self._limit:
            self._limit += PAGE
            self.load()

    def called(self, record: JsonObject) -> str:
        """Its time tells it from others of its kind."""
        name, kind = records.text(record, "subject_name"), records.text(record, "kind").rpartition(".")[2]
        when = full_moments(records.text(record, "at"), utc=self.session.utc)
        return " ".join(filter(None, (name, kind, when.rpartition(" ")[2])))

    def open_selected(self) -> None:
        """The machine it is about where that is known, else the event itself."""
        rows = self.selected_rows()
        subject = records.text(rows[0], "subject_id") if len(rows) == 1 else ""
        if subject in self.session.state.instances:
            self.console.show_detail(subject)
        else:
            self.action_json()
