"""One model server: how it fares, how busy it is now and was, its models, and what can be done with them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.worker import Worker

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.store.rows import JobRow
from aicompute_tui.ui.figure_history import LIVE_SECONDS, STRETCHES
from aicompute_tui.ui.live_stream import keep_streaming
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.offering import refusal
from aicompute_tui.ui.records import column_value, row_text
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.server_page import ServerView, fact_lines, loaded_first, model_columns
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import FINAL_JOB_STATES, StateChange
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.figure_panel import FigurePanel, FigureView
from aicompute_tui.ui.widgets.health_panel import HealthPanel
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_WIDE = 100
_DIM = "$foreground-muted"
ON_A_MODEL = frozenset({"server.delete-model", "server.load", "server.unload", "server.lora-unload", "server.embed",
                        "server.rerank"})  # fmt: skip
"""What is done with the model under the cursor."""


class ServerScreen(ConsoleScreen):
    """Painted at once from its row; figures stream from the agent while it is looked at."""

    CSS_PATH = STYLES / "server.tcss"
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "servers")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("server",)
    HINTS: ClassVar[tuple[str, ...]] = (
        "server.pull", "server.load", "server.unload", "server.sleep", "server.embed", "server.rerank",
        "servers.stretch", "server.check", "server.edit", "go.help",
    )  # fmt: skip
    AUTO_FOCUS = "#models"

    def __init__(self, session: Session, row_id: str) -> None:
        super().__init__(session)
        self.row_id = row_id
        self._row = session.state.servers.get(row_id)
        """The last that was known of it, also when it is gone."""
        self._live: JsonObject = {}
        self._problem = ""
        self._stretch = STRETCHES[0]
        self._is_asked = False
        self._stream: Worker[None] | None = None
        self._columns = model_columns(session)
        self._facts = ContentLines(id="server-facts", can_focus=True)
        self._panel = FigurePanel(session.glyphs)
        self._health = HealthPanel(session, "server.health", row_id)
        self.models: VirtualTable[JsonObject] = VirtualTable(
            self._columns, id="models", glyphs=session.glyphs, marks=False, empty_message="It has told of no model."
        )

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Servers", self.row_id if self._row is None else self._row.name)

    def selected_ids(self) -> list[str]:
        return [self.row_id]

    def compose_body(self) -> ComposeResult:
        with Vertical(id="server"):
            yield self._facts
            yield self._panel
            with Vertical(id="server-panes"):
                yield self._health
                yield self.models

    # -- while it is looked at

    def on_mount(self) -> None:
        self._fill()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._keep_stream()
        self._ask_history()
        self._health.ask()
        self._fill()

    def on_screen_suspend(self) -> None:
        self._stop_stream()

    def on_unmount(self) -> None:
        self._stop_stream()

    def on_resize(self) -> None:
        self._fill()

    def state_changed(self, change: StateChange) -> None:
        if self.row_id in change.servers.present | change.servers.removed:
            self._row = self.session.state.servers.get(self.row_id, self._row)
            self._keep_stream()
            self._health.ask()
            self._fill()
        elif change.jobs:
            if any(self._has_ended(job_id) for job_id in change.jobs.changed):
                self._stop_stream()  # begun anew it tells at once what became of the models
                self._keep_stream()
            self._fill()

    def _has_ended(self, job_id: str) -> bool:
        job = self.session.state.jobs.get(job_id)
        return job is not None and job.subject == self.row_id and job.state in FINAL_JOB_STATES

    def tick(self) -> None:
        self._row = self.session.state.servers.get(self.row_id, self._row)
        self._ask_history()
        self._health.ask()
        self._fill()

    @property
    def _is_gone(self) -> bool:
        return self.session.state.snapshot is not None and self.row_id not in self.session.state.servers

    @property
    def _told(self) -> str:
        """Why it tells nothing of its load; empty where it does."""
        from aicompute_tui.domain.server import abilities_of
        from aicompute_tui.domain.server_kind import ServerKind
        from aicompute_tui.ui.server_columns import kind_title

        row = self._row
        if row is None or self._is_gone:
            return "it was removed"
        has_figures = row.kind in [kind for kind in ServerKind if abilities_of(kind).has_figures]
        return self._problem if has_figures else f"{kind_title(row.kind)} tells none of its own"

    def _keep_stream(self) -> None:
        if self._is_gone or not self.is_current:
            self._stop_stream()
        elif self._stream is None or self._stream.is_finished:
            self._stream = self.run_worker(self._follow(), group="watch", exclusive=True, exit_on_error=False)

    def _stop_stream(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    async def _follow(self) -> None:
        arguments: JsonObject = {"name": self.row_id, "interval": LIVE_SECONDS}
        await keep_streaming(self.session, "server.watch", lambda: arguments, self._take_live, self._broke)

    def _take_live(self, item: JsonObject) -> None:
        self._live, self._problem = item, ""
        self._panel.history.take_live(item)
        self._fill()

    def _broke(self, problem: AicError | None) -> None:
        self._problem = problem.message if problem is not None else ""
        self._fill_panel()

    def _ask_history(self) -> None:
        if self._stretch.seconds is not None and not self._is_gone:
            self._is_asked = True
            self.run_worker(self._load_history(), group="history", exclusive=True, exit_on_error=False)

    async def _load_history(self) -> None:
        since = f"{self._stretch.seconds}s"
        try:
            answer: Json = await self.session.query("server.metrics", {"name": self.row_id, "since": since})
        except AicError as error:
            self.say(error.message, "warn", next_step=error.next_step)
        else:
            rows = answer if isinstance(answer, list) else []
            self._panel.history.take_stored(row for row in rows if isinstance(row, dict))
        self._is_asked = False
        self._fill_panel()

    # -- what it shows

    @property
    def _width(self) -> int:
        return max(20, self.size.width - (4 if self.size.width >= _WIDE else 2))

    def _jobs(self) -> list[JobRow]:
        return [job for job in self.session.state.running_jobs() if job.subject == self.row_id]

    def _fill(self) -> None:
        row = self._row
        if row is None:
            self._facts.show_lines([Content.styled("This server is not known here any more.", _DIM)])
            return
        if not self.size.width:
            return
        gone = Content.styled("It was removed; this is what was known last.", "$warning")
        view = ServerView(row, self._live, self._jobs(), self.session)
        self._facts.show_lines([*([gone] if self._is_gone else []), *fact_lines(view, self._width)])
        self.models.set_rows(loaded_first(view.models))
        self._health.show(self._width)
        self._fill_panel()
        self.refresh_frame()

    def _fill_panel(self) -> None:
        row = self._row
        if row is not None and self.size.width:
            now = self.session.now().timestamp()
            view = FigureView(row.kind, self._stretch, now, self._told, is_asked=self._is_asked)
            self._panel.show(view, self._width)

    def apply_filter(self, text: str) -> None:
        from aicompute_tui.ui.filter_language import parse_filter

        columns = self._columns
        found = parse_filter(text, {each for column in columns for each in (column.key, column.title)})
        self.models.set_filter(
            found.predicate(lambda row: row_text(columns, row), lambda row, name: column_value(columns, row, name))
        )

    # -- what can be done

    def offers(self, command_id: str) -> bool:
        """Its edit where it does not answer: the address or the key may be what is wrong."""
        record = self.session.record(self.row_id)
        if command_id == "server.edit":
            return record is not None and record.get("state") != "online"
        return record is None or refusal(command_id, record) is None

    def action_perform(self, action_id: str) -> None:
        """With the model under the cursor, where it is about one."""
        model = self.models.cursor_id
        if action_id in ON_A_MODEL and model is not None:
            name = "adapter" if action_id == "server.lora-unload" else "model"
            self.console.perform(action_id, [self.row_id], {name: model})
        else:
            super().action_perform(action_id)

    def action_turn_stretch(self) -> None:
        self._stretch = STRETCHES[(STRETCHES.index(self._stretch) + 1) % len(STRETCHES)]
        self._panel.history.take_stored([])
        self._ask_history()
        self._fill_panel()

    def action_cancel_job(self) -> None:
        """Of several the newest."""
        jobs = self._jobs()
        if jobs:
            self.console.perform("job.cancel", [jobs[-1].id])
        else:
            self.say("Nothing is done to it now.", "dim")

    def on_virtual_table_row_opened(self) -> None:
        self.action_describe_model()

    def action_describe_model(self) -> None:
        model = self.models.cursor_id
        if model is not None:
            self.console.show_json(model, self.models.rows[model])

    def copied_text(self) -> tuple[str, str]:
        """The model's name while the cursor is in the table, else the address."""
        model = self.models.cursor_id
        if self.models.has_focus and model is not None:
            return model, "model"
        return ("" if self._row is None else self._row.base_url), "address"
