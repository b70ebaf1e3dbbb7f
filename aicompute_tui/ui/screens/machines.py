"""What home and the list of all machines share: the table, its filter, and a cursor that goes to what is launched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.events import Resize

from aicompute_tui.actions.model import Scope
from aicompute_tui.store.rows import InstanceRow
from aicompute_tui.ui.bindings import key_text
from aicompute_tui.ui.format import this_minute
from aicompute_tui.ui.machine_columns import FILTER_COLUMNS, SearchedTexts, filter_value, machine_columns, shape_at
from aicompute_tui.ui.navigation import commands
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.columns import Column
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class MachinesScreen(ConsoleScreen):
    """The table is `#machines`; a view says by `machine_rows` which machines stand in it."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "instances", "sightings")
    HINTS: ClassVar[tuple[str, ...]] = (
        "instance.launch",
        "go.open",
        "instance.extend",
        "instance.terminate",
        "go.filter",
        "go.command",
        "go.help",
    )
    AUTO_FOCUS = "#machines"
    NONE_SHOWN: ClassVar[str] = "No machine is running."

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._narrows = False
        """The filter last read leaves rows out."""
        self._searched = SearchedTexts()
        self._shape = shape_at(0)
        self._machines: VirtualTable[InstanceRow] = VirtualTable(
            self.machine_columns(0), glyphs=session.glyphs, id="machines"
        )
        self._awaited: tuple[str, str | None] | None = None
        """A launch job, and the row under the cursor when it was asked for."""

    def machine_columns(self, width: int) -> list[Column[InstanceRow]]:
        return machine_columns(self.session.glyphs, self._now, width, self.session.state.nodes)

    def machine_rows(self) -> Iterable[InstanceRow]:
        """The machines of this view."""
        return self.session.state.instances.values()

    def _ordered(self, rows: Iterable[InstanceRow]) -> dict[str, InstanceRow]:
        """What needs a person first, the worst on top, and what has ended last."""
        needy = dict.fromkeys(need.row_id for need in self.session.overview.needs(self._now()) if need.row_id)
        first: dict[str, InstanceRow] = {}
        living: dict[str, InstanceRow] = {}
        ended: dict[str, InstanceRow] = {}
        for row in rows:
            (first if row.id in needy else ended if row.is_final else living)[row.id] = row
        worst_first = {row_id: first[row_id] for row_id in needy if row_id in first}
        return worst_first | living | ended

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._fill()

    def on_resize(self, event: Resize) -> None:
        shape = shape_at(event.size.width)
        if shape != self._shape:
            self._shape = shape
            self._machines.set_columns(self.machine_columns(event.size.width))

    def state_changed(self, change: StateChange) -> None:
        if change:
            self._fill()
        else:
            self._say_empty()
        if change.nodes:
            self._machines.refresh_texts()

    def tick(self) -> None:
        self._machines.refresh_texts()

    def apply_filter(self, text: str) -> None:
        from aicompute_tui.ui.filter_language import parse_filter

        read = parse_filter(text, FILTER_COLUMNS)
        self._narrows = bool(read.terms)
        value = filter_value(self._now, self.session.state.nodes)
        self._machines.set_filter(read.predicate(self._searched, value))
        self._say_empty()

    def copied_text(self) -> tuple[str, str]:
        rows = self.session.state.instances
        ids = self.selected_ids()
        names = [(rows[row_id].remote_id or row_id) if row_id in rows else row_id.rpartition("/")[2] for row_id in ids]
        return "\n".join(names), "id" if len(ids) == 1 else f"{len(ids)} ids"

    def on_virtual_table_row_opened(self, event: VirtualTable.RowOpened) -> None:
        if event.table is self._machines:
            self.console.show_detail(event.row_id)
        else:
            self.open_other(event)

    def open_other(self, event: VirtualTable.RowOpened) -> None:  # noqa: ARG002
        """A row of another table of the view."""
        self.action_json()

    def await_launch(self, job_id: str) -> None:
        """Puts the cursor on the machine of that job once it is there, unless it is moved before."""
        self._awaited = (job_id, self._machines.cursor_id)

    def _now(self) -> float:
        return this_minute(self.session.now())

    def _fill(self) -> None:
        self._machines.set_rows(self._ordered(self.machine_rows()))
        self._go_to_awaited()
        self._say_empty()

    def _go_to_awaited(self) -> None:
        if self._awaited is None:
            return
        job_id, cursor = self._awaited
        launched = [row.id for row in self.session.state.instances.values() if row.job_id == job_id]
        if launched and cursor in (None, self._machines.cursor_id):
            self._machines.move_to_row(launched[0])
        if launched:
            self._awaited = None

    def _say_empty(self) -> None:
        launch = key_text(commands()["instance.launch"].keys[0])
        if self.filter_text or self._narrows:
            text = "No machine matches.  esc shows all"
        elif self.session.state.problem:
            text = self.session.state.problem
        elif self.session.read_only:
            text = self.NONE_SHOWN
        else:
            text = f"{self.NONE_SHOWN}  {launch} launches one"
        self._machines.set_empty_message(text)
