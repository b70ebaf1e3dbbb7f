"""Home: what needs a person, every machine of ours, and below them the machines that are not."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from aicompute_tui.actions.model import Scope
from aicompute_tui.store.rows import InstanceRow, SightingRow
from aicompute_tui.ui.attention import Need
from aicompute_tui.ui.bindings import key_text
from aicompute_tui.ui.filter_language import Filter, parse_filter
from aicompute_tui.ui.format import sign, this_minute
from aicompute_tui.ui.machine_columns import (
    FILTER_COLUMNS,
    WIDE,
    WORDED,
    filter_value,
    machine_columns,
    searched_text,
    sighting_columns,
)
from aicompute_tui.ui.navigation import commands
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import ORPHAN, StateChange
from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_TALL = 12
"""Fewer lines than this show the machines alone."""
_LEVEL_STYLES = {"bad": "$error", "warn": "$warning"}


class InstancesScreen(ConsoleScreen):
    """The machines of every account and region in one table."""

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
    CRUMBS: ClassVar[tuple[str, ...]] = ("Machines",)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._filter_read = Filter("")
        self._shape = (False, False)
        self._machines: VirtualTable[InstanceRow] = VirtualTable(
            machine_columns(session.glyphs, self._now, 0, session.state.nodes), glyphs=session.glyphs, id="machines"
        )
        self._sightings: VirtualTable[SightingRow] = VirtualTable(
            sighting_columns(session.glyphs, self._now), glyphs=session.glyphs, marks=False, id="sightings"
        )
        self._needs = Static("", id="needs", markup=False)
        self._needs_shown = Content("")
        self._awaited: tuple[str, str | None] | None = None
        """A launch job, and the row under the cursor when it was asked for."""

    def compose_body(self) -> ComposeResult:
        with Vertical(id="home"):
            yield self._needs
            yield self._machines
            if self.session.state.sightings:
                yield self._sightings

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._fill()

    def on_resize(self, event: Resize) -> None:
        shape = (event.size.width >= WORDED, event.size.width >= WIDE)
        if shape != self._shape:
            self._shape = shape
            nodes = self.session.state.nodes
            self._machines.set_columns(machine_columns(self.session.glyphs, self._now, event.size.width, nodes))
        self._show_needs()
        self._show_sightings()

    def state_changed(self, change: StateChange) -> None:
        if change:
            self._fill()
        if change.nodes:
            self._machines.refresh_texts()

    def tick(self) -> None:
        self._machines.refresh_texts()
        self._sightings.refresh_texts()
        self._show_needs()

    def apply_filter(self, text: str) -> None:
        self._filter_read = parse_filter(text, FILTER_COLUMNS)
        value = filter_value(self._now, self.session.state.nodes)
        self._machines.set_filter(self._filter_read.predicate(searched_text, value))
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
            self.action_json()

    def on_virtual_table_edge_passed(self, event: VirtualTable.EdgePassed) -> None:
        """The cursor walks from one table into the other."""
        if event.direction > 0 and event.table is self._machines and self._sightings.display:
            self._sightings.focus()
        elif event.direction < 0 and event.table is self._sightings:
            self._machines.focus()

    def _now(self) -> float:
        return this_minute(self.session.now())

    def _fill(self) -> None:
        state = self.session.state
        found = self._show_needs()
        rank = {need.row_id: place for place, need in reversed(list(enumerate(found)))}
        rows = sorted(state.instances.values(), key=lambda row: (rank.get(row.id, len(found)), row.is_final))
        self._machines.set_rows({row.id: row for row in rows})
        self._go_to_awaited()
        self._show_sightings()
        self._say_empty()

    def await_launch(self, job_id: str) -> None:
        """Puts the cursor on the machine of that job once it is there, unless it is moved before."""
        self._awaited = (job_id, self._machines.cursor_id)

    def _go_to_awaited(self) -> None:
        if self._awaited is None:
            return
        job_id, cursor = self._awaited
        launched = [row.id for row in self.session.state.instances.values() if row.job_id == job_id]
        if launched and cursor in (None, self._machines.cursor_id):
            self._machines.move_to_row(launched[0])
        if launched:
            self._awaited = None

    def _show_sightings(self) -> None:
        """The table comes with its first row: without one it would only make the first frame later."""
        found = self.session.state.sightings
        # Ours that lost their rows come first: they cost us.
        rows = dict(sorted(found.items(), key=lambda each: (each[1].ownership != ORPHAN, each[1].name or each[0])))
        self._sightings.set_rows(rows)
        self._sightings.display = bool(rows) and self.size.height >= _TALL
        home = self.query_one("#home")
        if rows and home.is_attached and not self._sightings.is_attached:
            home.mount(self._sightings)

    def _say_empty(self) -> None:
        launch = key_text(commands()["instance.launch"].keys[0])
        if self.filter_text or self._filter_read.terms:
            text = "No machine matches.  esc shows all"
        elif self.session.state.problem:
            text = self.session.state.problem
        elif self.session.read_only:
            text = "No machine is running."
        else:
            text = f"No machine is running.  {launch} launches one"
        self._machines.set_empty_message(text)

    def _show_needs(self) -> list[Need]:
        found = self.session.overview.needs(self._now())
        width, height = self.size.width - 5, self.size.height
        room = max(1, (height - 8) // 3)
        shown = found if len(found) <= room else found[: room - 1]
        lines = [self._need_line(need, width) for need in shown]
        if len(found) > len(shown):
            lines.append(Content.styled(f"  and {len(found) - len(shown)} more", "$foreground-muted"))
        self._needs.display = bool(found) and height >= _TALL
        if found:
            title = Content.styled("NEEDS YOU", "$foreground-muted")
            content = Content("\n").join([title, *lines])
            if content != self._needs_shown or content.spans != self._needs_shown.spans:
                self._needs_shown = content
                self._needs.update(content)
        return found

    def _need_line(self, need: Need, width: int) -> Content:
        glyphs = self.session.glyphs
        style = _LEVEL_STYLES[need.level]
        name = fit(need.name, 14 if width >= WORDED else 12, more=glyphs.more)
        hint = need.hint if width >= 60 and not (self.session.read_only and need.row_id) else ""
        room = width - cell_len(name) - 6 - len(hint)
        text = fit(need.text, max(8, room), more=glyphs.more)
        return Content.assemble(
            (f"{sign(need.look, glyphs)} ", style), (name, "bold"), "  ", text, "  ", (hint, "$foreground-muted")
        )
