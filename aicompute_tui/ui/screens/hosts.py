"""The container hosts: how each answers, what it has, what is wrong with it, and those found here to be added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import work

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.host_age import unread_for
from aicompute_tui.ui.format import this_minute
from aicompute_tui.ui.host_records import FOUND, HOSTS
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.records import text
from aicompute_tui.ui.row_records import host_record
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange

_TOLD_ANEW = ("answered_seconds_ago",)
"""What grows by itself, and would have every reading look like news."""


class HostsScreen(RecordScreen):
    """Hosts come from the store, as the agent's watchers write them; only those found here are asked for."""

    LIST = HOSTS
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "hosts")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("hosts", "containers")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "test"),)
    HINTS: ClassVar[tuple[str, ...]] = (
        "hosts.add", "containers.deploy", "host.remove", "host.forget-key", "go.command", "go.help",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._found: list[JsonObject] = []
        self._tests: dict[str, JsonObject] = {}
        """What the last test of each host in this view said."""
        self._wanted = ""

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """The row that the cursor is to stand on."""
        self._wanted = str(arguments.get("name") or "")

    # -- rows

    def load(self) -> None:
        self.fill(None)
        super().load()

    def fill(self, answer: Json) -> None:
        """The hosts of the store; those found here stay as the last answer told them."""
        if isinstance(answer, list):
            rows = [row for row in answer if isinstance(row, dict)]
            self._found = [{**row, "id": f"{FOUND}:{text(row, 'name')}"} for row in rows if row.get("state") == FOUND]
        now = self.session.now().timestamp()
        own: list[Json] = [self._row(host_record(row, now)) for row in self.session.state.hosts.values()]
        known = {row.url for row in self.session.state.hosts.values()}
        super().fill([*own, *(row for row in self._found if row.get("url") not in known)])
        if self._wanted and self.table.order:
            self.table.move_to_row(self._wanted)
            self._wanted = ""

    def _row(self, record: JsonObject) -> JsonObject:
        kept = {name: value for name, value in record.items() if name not in _TOLD_ANEW}
        unread = unread_for(self.session.state.hosts.get(text(record, "id")), this_minute(self.session.now()))
        if unread is not None:
            kept["unread_seconds"] = int(unread)
        test = self._tests.get(text(record, "id"))
        return kept if test is None else {**kept, "checks": test.get("checks")}

    def _cannot_load(self, error: AicError) -> None:
        """What the store tells stands anyway."""
        if not self.table.rows:
            super()._cannot_load(error)

    def state_changed(self, change: StateChange) -> None:
        if change.hosts:
            self.fill(None)
        if change.hosts.added or change.hosts.removed:
            self.load_soon()

    def tick(self) -> None:
        self.fill(None)
        super().tick()

    def record_of(self, row_id: str) -> JsonObject | None:
        held = self.table.rows.get(row_id)
        record = self.session.record(row_id)
        if record is None:
            return None if held is None else {**held, "id": None}
        return record

    # -- what is done with them

    def open_selected(self) -> None:
        row = next(iter(self.selected_rows()), None)
        if row is not None and row.get("state") == FOUND:
            self.action_add()
        else:
            self.action_perform("host.test")

    def tell_answer(self, action_id: str, row: JsonObject, answer: Json) -> None:
        if action_id != "host.test" or not isinstance(answer, dict):
            super().tell_answer(action_id, row, answer)
            return
        self._tests[text(row, "id")] = answer
        self.fill(None)
        if answer.get("ok"):
            self.say(f"{self.called(row)} answers.", "good")
        else:
            self.say(text(answer, "problem") or f"{self.called(row)} does not answer.", "bad")

    def action_add(self) -> None:
        """A found one under the cursor stands in the form already."""
        row = next(iter(self.selected_rows()), None)
        found = row if row is not None and row.get("state") == FOUND else {}
        self._add({name: found[name] for name in ("name", "url", "kind") if found.get(name)})

    def action_deploy(self) -> None:
        """On the host under the cursor, where it answers."""
        row = next(iter(self.selected_rows()), {})
        self.console.perform("container.deploy", [], {"host": row["name"]} if row.get("state") == "up" else {})

    @work(group="add", exclusive=True, exit_on_error=False)
    async def _add(self, given: JsonObject) -> None:
        if self.session.read_only:
            self.say("This console is read-only.", "warn", next_step="Start it without --read-only.")
            return
        from aicompute_tui.ui.screens.host_form import HostForm

        found = {text(row, "name"): row for row in self._found}
        host = await self.console.push_screen_wait(HostForm(self.session.glyphs, given, found))
        if host is None:
            return
        try:
            if host.secret is None:
                await self.session.submit("host.add", host.arguments)
            else:
                await self.session.submit_secret("host.add", host.arguments, host.secret)
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        self.say(f"{text(host.arguments, 'name')}: handed to the agent, which asks it now.", "dim")


class AddHostScreen(HostsScreen):
    """The hosts, with the form open at once: where `:host-add` leads."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._given: JsonObject = {}

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._given = dict(arguments)

    def on_mount(self) -> None:
        self._add(self._given)
