"""Every machine of every account and region, those that ended lately too, and apart from them what is not ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize

from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.store.rows import InstanceRow, SightingRow
from aicompute_tui.ui.machine_columns import machine_columns, sighting_columns
from aicompute_tui.ui.screens.machines import MachinesScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import ORPHAN
from aicompute_tui.ui.widgets.columns import Column
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_TALL = 12
"""Fewer lines than this show the machines alone."""


class InstancesScreen(MachinesScreen):
    """The machines of every account and region in one table."""

    CSS_PATH: ClassVar[str | PurePath] = STYLES / "instances.tcss"
    CRUMBS: ClassVar[tuple[str, ...]] = ("Machines",)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._sightings: VirtualTable[SightingRow] = VirtualTable(
            sighting_columns(session.glyphs, self._now), glyphs=session.glyphs, marks=False, id="sightings"
        )
        self._wanted = ""
        """The row that the cursor is to stand on, as it was opened with."""

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._wanted = str(arguments.get("name") or "")

    def machine_columns(self, width: int) -> list[Column[InstanceRow]]:
        return machine_columns(self.session.glyphs, self._now, width, self.session.state.nodes, with_account=True)

    def compose_body(self) -> ComposeResult:
        with Vertical(id="instances"):
            yield self._machines
            yield self._sightings

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._show_sightings()

    def tick(self) -> None:
        super().tick()
        self._sightings.refresh_texts()

    def on_virtual_table_edge_passed(self, event: VirtualTable.EdgePassed) -> None:
        """The cursor walks from one table into the other."""
        if event.direction > 0 and event.table is self._machines and self._sightings.display:
            self._sightings.focus()
        elif event.direction < 0 and event.table is self._sightings:
            self._machines.focus()

    def _fill(self) -> None:
        super()._fill()
        self._show_sightings()
        self._go_to_wanted()

    def _go_to_wanted(self) -> None:
        if self._wanted in self._sightings.rows:
            self._sightings.move_to_row(self._wanted)
            self._sightings.focus()
        elif self._wanted:
            self._machines.move_to_row(self._wanted)
        self._wanted = ""

    def _show_sightings(self) -> None:
        found = self.session.state.sightings
        # Ours that lost their rows come first: they cost us.
        rows = dict(sorted(found.items(), key=lambda each: (each[1].ownership != ORPHAN, each[1].name or each[0])))
        self._sightings.set_rows(rows)
        self._sightings.display = bool(rows) and self.size.height >= _TALL
