"""The log of one or several containers over the whole window, merged by time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.screens.log_screen import LogScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.container_log import ContainerLog

_NAMED_IN_FILES = 3


class ContainerLogsScreen(LogScreen):
    """Opened by `l`; the log has the focus, so its own keys stand before all others."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "containers")
    HINTS: ClassVar[tuple[str, ...]] = (
        "log.follow",
        "go.filter",
        "log.filter",
        "log.5m",
        "log.wrap",
        "log.save",
        "go.help",
    )
    AUTO_FOCUS = "#log"
    CSS_PATH = STYLES / "container.tcss"

    def __init__(self, session: Session, row_id: str) -> None:
        self.container_log = ContainerLog(session, [row_id], id="container-log")
        super().__init__(session, self.container_log)

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        names = arguments.get("names")
        if isinstance(names, list) and names:
            self.container_log.row_ids = tuple(dict.fromkeys(str(name) for name in names))
        super().take_arguments(arguments)

    @property
    def crumbs(self) -> tuple[str, ...]:
        names = self.container_log.names
        return ("Containers", names[0] if len(names) == 1 else f"{len(names)} containers", "log")

    @property
    def file_name(self) -> str:
        names = [name.replace("/", "-") for name in self.container_log.names]
        return "+".join(names) if len(names) <= _NAMED_IN_FILES else f"{len(names)}-containers"

    def compose_body(self) -> ComposeResult:
        yield self.log_part

    def selected_ids(self) -> list[str]:
        return [*self.container_log.row_ids]

    def state_changed(self, change: StateChange) -> None:
        """A container that was made anew under its name has another id, and a log of its own."""
        if change.containers.removed & {*self.container_log.row_ids} or change.hosts:
            self.container_log.containers_changed()

    def action_json(self) -> None:
        records = [each for row_id in self.selected_ids() if (each := self.session.record(row_id)) is not None]
        if records:
            found: JsonObject | list[Json] = records[0] if len(records) == 1 else [*records]
            self.console.show_json(self.crumbs[1], found)
