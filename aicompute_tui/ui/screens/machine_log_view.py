"""What every view with a machine's log adds to a log: whose it is, and the key that goes on to its next log."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens.log_screen import LogScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.machine_log import MachineLog


class MachineLogView(LogScreen):
    """A view of one machine."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "instances")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("machine-log",)

    def __init__(self, session: Session, row_id: str) -> None:
        self.row_id = row_id
        self.machine_log = MachineLog(session, row_id, id="machine-log")
        super().__init__(session, self.machine_log)

    @property
    def machine_name(self) -> str:
        row = self.session.state.instances.get(self.row_id)
        return row.name if row is not None else self.row_id

    @property
    def file_name(self) -> str:
        return f"{self.machine_name}-{self.machine_log.shown_source}"

    def selected_ids(self) -> list[str]:
        return [self.row_id]

    def state_changed(self, change: StateChange) -> None:
        if self.row_id in change.machines:
            self.machine_log.machine_changed()

    def action_log_source(self) -> None:
        self.machine_log.next_source()

    def action_json(self) -> None:
        record: JsonObject | None = self.session.record(self.row_id)
        if record is not None:
            self.console.show_json(self.machine_name, record)
