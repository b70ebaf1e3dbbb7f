"""What the account may rent: limits, what is in use of them, what still fits, and what was asked for more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.quota_records import QUOTAS, is_old
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange

_OF_A_QUOTA = ("region", "market", "limit_vcpus", "used_vcpus", "type", "type_vcpus")


class QuotasScreen(RecordScreen):
    """i asks for more of the quota under the cursor; ctrl+r reads all of them anew."""

    LIST = QUOTAS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "quotas")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "describe"),)
    HINTS: ClassVar[tuple[str, ...]] = ("quota.request", "go.refresh", "go.filter", "go.command", "go.help")

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._wanted = ""
        self._is_fresh = False

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """`name` is the row that the cursor is to stand on; the rest narrows the question."""
        self._wanted = str(arguments.get("name") or "")
        super().take_arguments({key: value for key, value in arguments.items() if key != "name"})

    @property
    def crumbs(self) -> tuple[str, ...]:
        regions = self.arguments.get("region")
        named = [str(each) for each in regions] if isinstance(regions, list) else [str(regions)] if regions else []
        return (self.LIST.title, *named, *(("everywhere",) if self.arguments.get("everywhere") else ()))

    @property
    def asked(self) -> JsonObject:
        fresh, self._is_fresh = self._is_fresh, False
        return {**self.arguments, "fresh": True} if fresh else self.arguments

    def asked_anew(self) -> None:
        self._is_fresh = True
        self.say("Reading the quotas …", "dim")
        self.load()

    def fill(self, answer: Json) -> None:
        super().fill(answer)
        if self._wanted and self.table.move_to_row(self._wanted):
            self._wanted = ""

    def state_changed(self, change: StateChange) -> None:
        if change.quota_requests:
            self.load_soon()

    def tick(self) -> None:
        """Asks again where nothing could be read, or figures have become old: the agent may have read them since."""
        super().tick()
        now = self.session.now().timestamp()
        rows = self.table.rows.values()
        if not rows or any(is_old(row, now) for row in rows):
            self.load()

    def open_selected(self) -> None:
        self.action_describe()

    def action_perform(self, action_id: str) -> None:
        if action_id != "quota.request":
            super().action_perform(action_id)
            return
        row = next(iter(self.selected_rows()), None)
        about: JsonObject = {} if row is None else {key: row[key] for key in _OF_A_QUOTA if row.get(key) is not None}
        if row is not None:
            about |= {"what": text(row, "family"), "profile": text(row, "profile")}
        self.console.perform(action_id, [], about)
