"""Jobs: what was asked for, how far it is, how it ended; cancel what runs, retry what failed."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.job_records import JOBS, job_subject, job_title
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.state import CANCELLED_JOB, FAILED_JOB, FINAL_JOB_STATES
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class JobsScreen(RecordScreen):
    LIST = JOBS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "jobs")
    HINTS: ClassVar[tuple[str, ...]] = (
        "job.show",
        "job.cancel",
        "job.retry",
        "go.json",
        "go.filter",
        "go.command",
        "go.help",
    )

    def called(self, record: JsonObject) -> str:
        return f"{job_title(record)} {job_subject(self.session, record)}".strip()

    def offers(self, command_id: str) -> bool:
        """Cancel for what runs, retry for what failed."""
        states = {row.get("state") for row in self.selected_rows()}
        if command_id == "job.cancel":
            return bool(states - FINAL_JOB_STATES)
        return command_id != "job.retry" or bool(states & {FAILED_JOB, CANCELLED_JOB})

    def on_virtual_table_selection_changed(self, event: VirtualTable.SelectionChanged) -> None:  # noqa: ARG002
        self.refresh_frame()
