"""One machine: what it is, what it costs, what ends it, how it was asked for and what became of it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.machine_detail import detail_content
from aicompute_tui.ui.navigation import Command
from aicompute_tui.ui.offering import refusal
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange


class DetailScreen(ConsoleScreen):
    """Painted at once from the row; attempts and history come from the agent."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "instances")
    HINTS: ClassVar[tuple[str, ...]] = (
        "instance.extend",
        "instance.protect",
        "instance.stop",
        "instance.start",
        "instance.terminate",
        "go.copy",
        "go.help",
    )
    AUTO_FOCUS = "#detail"
    CSS_PATH = STYLES / "detail.tcss"

    def __init__(self, session: Session, row_id: str) -> None:
        super().__init__(session)
        self.row_id = row_id
        self._shown: JsonObject | None = None
        self._problem = ""
        self._text = Static("", id="detail-text", markup=False)

    @property
    def crumbs(self) -> tuple[str, ...]:
        record = self._record()
        return ("Machines", str(record["name"]) if record else self.row_id)

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(id="detail"):
            yield self._text

    def on_mount(self) -> None:
        self._fill()
        self._ask()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def selected_ids(self) -> list[str]:
        return [self.row_id]

    def offers(self, command_id: str) -> bool:
        record = self._record()
        return record is None or refusal(command_id, record) is None

    def hint_word(self, command: Command) -> str:
        protected = command.id == "instance.protect" and (self._record() or {}).get("protected")
        return "unprotect" if protected else super().hint_word(command)

    def state_changed(self, change: StateChange) -> None:
        if self.row_id in change.instances.present:
            self._ask()
        if change.instances or change.jobs:
            self._fill()

    def tick(self) -> None:
        self._fill()

    def copied_text(self) -> tuple[str, str]:
        record = self._record() or {}
        found = next((name for name in ("endpoint", "remote_id", "id") if record.get(name)), "id")
        return str(record.get(found) or self.row_id), {"remote_id": "cloud's id"}.get(found, found)

    def action_json(self) -> None:
        record = self._shown or self._record()
        if record is not None:
            self.console.show_json(str(record.get("name") or self.row_id), record)

    def _record(self) -> JsonObject | None:
        """The row as it is now, with what only the agent's answer knows."""
        row = self.session.record(self.row_id)
        if row is None:
            return self._shown
        return {**self._shown, **row} if self._shown is not None else row

    def _ask(self) -> None:
        self.run_worker(self._load(), group="detail", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        try:
            answer: Json = await self.session.query("instance.show", {"name": self.row_id})
        except AicError as error:
            self._problem = error.message
        else:
            self._problem = ""
            self._shown = answer if isinstance(answer, dict) else None
        self._fill()

    def _fill(self) -> None:
        record = self._record()
        if record is None:
            self._text.update(Content.styled("This machine is not known here any more.", "$foreground-muted"))
            return
        self._text.update(detail_content(record, self.session, self.size.width - 4, self._problem))
        self.refresh_frame()
