"""The log of one machine over the whole window."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.screens.machine_log_view import MachineLogView

_LINES = 1_000


class LogsScreen(MachineLogView):
    """Opened by `l`; the log has the focus, so its own keys stand before all others."""

    HINTS: ClassVar[tuple[str, ...]] = (
        "log.follow",
        "go.filter",
        "log.filter",
        "log.source",
        "log.wrap",
        "log.save",
        "go.help",
    )
    AUTO_FOCUS = "#log"
    CSS_PATH = STYLES / "logs.tcss"

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Machines", self.machine_name, "log")

    def compose_body(self) -> ComposeResult:
        yield self.log_part
