"""Home: what needs a person, what runs now, what it costs, and what happened last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from aicompute_tui.services.attention import OF_CONNECTIONS, OF_CONTAINERS, OF_QUOTAS, OF_SERVERS, Need
from aicompute_tui.store.rows import InstanceRow
from aicompute_tui.ui.machine_columns import Use, machine_columns
from aicompute_tui.ui.screens.machines import MachinesScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.card_line import CardLine
from aicompute_tui.ui.widgets.columns import Column
from aicompute_tui.ui.widgets.needs_list import RETRY, NeedsList
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from aicompute_tui.ui.widgets.glance import Glance

_TALL = 12
"""Fewer lines than this show the machines alone."""
_MACHINES_FIRST = 9
"""Lines the machines have before spending and events get any."""
_FRAME = 7
"""Lines of header, figures, jobs, footer, and the space between the parts."""
_OF_A_CONTAINER = (
    "go.open", "container.start", "container.logs", "container.remove", "container.list", "go.command", "go.help",
)  # fmt: skip
"""What the footer names on a need of a container, after what mends it."""
_OF_A_HOST = ("go.open", "host.remove", "container.list", "go.command", "go.help")
_AIRY = 100
"""From this width on there is a line of space below the header."""
_ENDED_SHOWN = 5 * 60.0
"""A machine that is gone stays this long, so that a person sees it go."""


class DashboardScreen(MachinesScreen):
    """Keys act on the line under the cursor, of the needs as of the machines."""

    CRUMBS: ClassVar[tuple[str, ...]] = ("Dashboard",)

    def __init__(self, session: Session) -> None:
        self._needs = NeedsList(session.glyphs, self._now, read_only=session.read_only)
        super().__init__(session)
        self._cards = CardLine(session.glyphs)
        self._needs_height = 0
        self._glance: Glance | None = None

    def compose_body(self) -> ComposeResult:
        with Vertical(id="dashboard"):
            yield self._cards
            yield self._needs
            yield self._machines

    # -- what it shows

    def machine_columns(self, width: int) -> list[Column[InstanceRow]]:
        return machine_columns(self.session.glyphs, self._now, width, self.session.state.nodes, use=self._use)

    def machine_rows(self) -> Iterable[InstanceRow]:
        """The living and those that have just ended."""
        now = self._now()
        return [
            row
            for row in self.session.state.instances.values()
            if not row.is_final or (row.ended_at is not None and now - row.ended_at <= _ENDED_SHOWN)
        ]

    def _use(self, row_id: str) -> Use:
        snapshot = self.session.state.snapshot
        return () if snapshot is None else snapshot.utilisation.get(row_id, ())

    def on_mount(self) -> None:
        self.call_after_refresh(self._add_glance)

    def _add_glance(self) -> None:
        """After the first paint, which must not wait for it."""
        from aicompute_tui.ui.widgets.glance import Glance

        self._glance = Glance(self.session)
        self.query_one("#dashboard").mount(self._glance)
        self._lay_out()

    def _fill(self) -> None:
        self._show_needs()
        super()._fill()
        self._lay_out()

    def apply_filter(self, text: str) -> None:
        super().apply_filter(text)
        self._lay_out()

    def _lay_out(self) -> None:
        """The machines take the lines they need, what is left shows spending and events."""
        glance = self._glance
        if glance is None:
            return
        from aicompute_tui.ui.widgets.glance import LEAST_HIGH

        width, height = self.size
        room = height - (_FRAME if width >= _AIRY else _FRAME - 1)
        room -= self._needs_height + 1 if self._needs.display else 0
        wanted = max(3, 1 + len(self._machines.order))
        glance.display = room - LEAST_HIGH >= min(wanted, _MACHINES_FIRST)
        if glance.display:
            machines = min(wanted, room - LEAST_HIGH)
            self._machines.styles.height = machines
            glance.show(width, room - machines)
        else:
            self._machines.styles.height = "1fr"

    def state_changed(self, change: StateChange) -> None:
        super().state_changed(change)
        if not change:
            self._show_needs()
        elif change.servers:
            self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self._show_needs()
        self._lay_out()

    def tick(self) -> None:
        self._fill()
        super().tick()

    def refresh_header(self) -> None:
        super().refresh_header()
        width = self.size.width or self.app.size.width
        self._cards.show_figures(self.session.overview.figures(self._now()), width, also=self._header.left_out)

    def _show_needs(self) -> None:
        found = self.session.overview.needs(self._now())
        width, height = self.size.width, self.size.height
        has_focus = self._needs.has_focus
        self._cards.display = height >= _TALL
        self._needs.display = bool(found) and height >= _TALL
        if self._needs.display:
            self._needs_height = 1 + min(len(found), max(1, (height - 8) // 3))
            self._needs.styles.height = self._needs_height
            self._needs.show_needs(found, width)
        elif has_focus:
            self._machines.focus()

    # -- what keys act on

    @property
    def active_table(self) -> VirtualTable[object] | None:
        return cast("VirtualTable[object]", self._needs if self._needs.has_focus else self._machines)

    def selected_ids(self) -> list[str]:
        return self._needs.row_ids() if self._needs.has_focus else self._machines.selected_ids()

    def action_perform(self, action_id: str) -> None:
        """On a need about a failed job the key that launches a machine again does the job again."""
        need = self._needs.need
        if action_id == RETRY and need is not None and need.action_id == RETRY and need.row_id is not None:
            self.console.perform(RETRY, [need.row_id])
        else:
            super().action_perform("instance.relaunch" if action_id == RETRY else action_id)

    @property
    def hint_ids(self) -> tuple[str, ...]:
        """On a need what mends it comes first; there is nothing to filter."""
        need = self._needs.need if self._needs.has_focus else None
        if need is not None and need.kind == "host-down":
            return _OF_A_HOST
        if need is not None and need.kind in OF_CONTAINERS:
            return tuple(dict.fromkeys((need.action_id, *_OF_A_CONTAINER)))
        if need is None or need.action_id in self.HINTS[:2] or not need.action_id:
            return self.HINTS
        rest = tuple(each for each in self.HINTS if each not in {need.action_id, "go.filter"})
        return (need.action_id, *rest)

    def open_other(self, event: VirtualTable.RowOpened) -> None:
        """A need opens the place it is about."""
        need = self._needs.rows.get(event.row_id)
        if need is not None:
            self._open(need)

    def _open(self, need: Need) -> None:
        if need.kind == "job-failed":
            self.console.open_view("job.list")
        elif need.kind == "orphan":
            self.console.open_view("instance.list", {"name": need.row_id})
        elif need.kind == "store":
            self.console.open_view("doctor.run")
        elif need.kind == "host-down":
            self.console.open_view("host.list", {"name": need.row_id})
        elif need.kind in OF_CONTAINERS:
            self.console.open_view("container.list", {"name": need.row_id})
        elif need.kind in OF_CONNECTIONS:
            self.console.open_view("connection.list", {"name": need.row_id})
        elif need.kind in OF_SERVERS:
            self.console.open_view("server.list", {"name": need.row_id})
        elif need.kind in OF_QUOTAS:
            self.console.open_view("quota.list", {"name": need.row_id})
        elif need.row_id is not None:
            self.console.show_detail(need.row_id)

    def on_virtual_table_edge_passed(self, event: VirtualTable.EdgePassed) -> None:
        """The cursor walks from one table into the other."""
        if event.direction < 0 and event.table is self._machines and self._needs.display:
            self._needs.focus()
        elif event.direction > 0 and event.table is self._needs:
            self._machines.focus()

    def on_virtual_table_selection_changed(self, event: VirtualTable.SelectionChanged) -> None:
        if event.table is self._needs:
            self._footer.show_hints(self._hints())

    def on_descendant_focus(self) -> None:
        self._footer.show_hints(self._hints())
