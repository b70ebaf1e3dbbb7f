"""The containers of every host in one live table: what needs someone first, what cannot be seen last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.events import Resize

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.store.rows import ContainerRow
from aicompute_tui.ui.bindings import key_text, keys_of
from aicompute_tui.ui.container_columns import (
    FILTER_COLUMNS,
    WIDE,
    SearchedTexts,
    container_columns,
    filter_value,
    trouble_first,
)
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.format import this_minute
from aicompute_tui.ui.navigation import Place, commands
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class ContainersScreen(ConsoleScreen):
    """Rows come from the store, as the agent's watchers write them; nothing is asked of a host from here."""

    CSS_PATH: ClassVar[str | PurePath] = STYLES / "containers.tcss"
    CRUMBS: ClassVar[tuple[str, ...]] = ("Containers",)
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "containers")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("containers",)
    HINTS: ClassVar[tuple[str, ...]] = (
        "containers.deploy", "container.logs", "container.exec", "go.mark", "container.stop", "container.remove",
        "go.help",
    )  # fmt: skip
    AUTO_FOCUS = "#containers"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        hosts = session.state.hosts
        self._searched = SearchedTexts(hosts)
        self._is_wide = False
        self._table: VirtualTable[ContainerRow] = VirtualTable(
            container_columns(session.glyphs, self._now, 0, hosts), glyphs=session.glyphs, id="containers"
        )
        self._wanted = ""
        """The row that the cursor is to stand on, as it was opened with."""
        self._found: list[str] = []
        """Hosts found here that nobody added, as `name (where)`."""

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._wanted = str(arguments.get("name") or "")
        if host := arguments.get("host"):
            self.filter_text = f"host:{host}"

    def compose_body(self) -> ComposeResult:
        yield self._table

    def on_mount(self) -> None:
        if self.filter_text:
            self._filter(self.filter_text)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._fill()
        if not self.session.state.hosts:
            self._look_for_hosts()

    def on_resize(self, event: Resize) -> None:
        is_wide = event.size.width >= WIDE
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            columns = container_columns(self.session.glyphs, self._now, event.size.width, self.session.state.hosts)
            self._table.set_columns(columns)

    def state_changed(self, change: StateChange) -> None:
        if change.touches_containers:
            self._fill()
            if change.hosts:
                self._table.refresh_texts()
        else:
            self._say_empty()

    def tick(self) -> None:
        self._fill()
        self._table.refresh_texts()

    def apply_filter(self, text: str) -> None:
        found = parse_filter(text, FILTER_COLUMNS)
        value = filter_value(self._now, self.session.state.hosts)
        self._table.set_filter(found.predicate(self._searched, value))
        self.filter_text = text.strip()
        self._say_empty()

    def copied_text(self) -> tuple[str, str]:
        rows = self.session.state.containers
        ids = [rows[row_id].id for row_id in self.selected_ids() if row_id in rows]
        return "\n".join(ids), "id" if len(ids) == 1 else f"{len(ids)} ids"

    def on_virtual_table_row_opened(self, event: VirtualTable.RowOpened) -> None:
        self.console.perform("container.show", [event.row_id])

    def action_deploy(self) -> None:
        """On the host of the row under the cursor, where it answers."""
        arguments: dict[str, Json] = {}
        row = self.session.state.containers.get(self._table.cursor_id or "")
        host = None if row is None else self.session.state.hosts.get(row.host_id)
        if host is not None and host.state == "up":
            arguments["host"] = host.name
        self.console.perform("container.deploy", [], arguments)

    def _now(self) -> float:
        return this_minute(self.session.now())

    def _fill(self) -> None:
        state = self.session.state
        self._table.set_rows(trouble_first(state.containers.items(), state.hosts, self._now()))
        if self._wanted:
            self._table.move_to_row(self._wanted)
            self._wanted = ""
        self._say_empty()

    # -- where there is nothing to show

    def _say_empty(self) -> None:
        self._table.set_empty_message(self._invitation())

    def _invitation(self) -> str:
        state = self.session.state
        deploy = key_text(keys_of(commands()["containers.deploy"])[0])
        if self.filter_text:
            return "No container matches.  esc shows all"
        if state.problem:
            return state.problem
        if state.hosts:
            down = sum(1 for row in state.hosts.values() if row.state == "down")
            where = f"{len(state.hosts)} host{'' if len(state.hosts) == 1 else 's'}"
            told = f"No container on {where}{f', {down} of them down' if down else ''}."
            return told if self.session.read_only else f"{told}  {deploy} deploys one"
        if self._found:
            return f"No host is added.  Found here: {', '.join(self._found)}.  :hosts adds it"
        return "No container host is known.  :hosts adds one"

    @work(group="found", exclusive=True, exit_on_error=False)
    async def _look_for_hosts(self) -> None:
        """What may be offered; without an agent nothing is."""
        try:
            rows = await self.session.query("host.list", {})
        except AicError:
            return
        found = [row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict)]
        self._found = [str(row["name"]) for row in found if row.get("state") == "found"]
        self._say_empty()
