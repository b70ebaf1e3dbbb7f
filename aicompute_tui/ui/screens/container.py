"""One container: how it fares, what it uses, what became of it, what runs in it, and its log."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.worker import Worker

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.container_details import detail_lines
from aicompute_tui.ui.container_page import ContainerView, endpoint, fact_lines
from aicompute_tui.ui.live_stream import keep_streaming
from aicompute_tui.ui.offering import refusal
from aicompute_tui.ui.screens.log_screen import LogScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.container_log import ContainerLog
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.stats_panel import StatsPanel, StatsView
from aicompute_tui.ui.widgets.text_line import TextLine

_WIDE = 100
"""From this width on details and log stand beside each other; below it one of them is shown."""
_DETAILS_WIDTH = 46
_EVENTS = 50
_INSTEAD = {"container.exec": "container.start", "container.stop": "container.start"}
"""Of one that does not run."""
_DIM = "$foreground-muted"


class ContainerScreen(LogScreen):
    """Painted at once from its row; the rest and two streams come from the agent while it is looked at."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "containers")
    HINTS: ClassVar[tuple[str, ...]] = (
        "container.logs",
        "container.exec",
        "container.restart",
        "container.stop",
        "container.remove",
        "go.copy",
        "go.help",
    )
    AUTO_FOCUS = "#facts"
    CSS_PATH = STYLES / "container.tcss"

    def __init__(self, session: Session, row_id: str) -> None:
        self.container_log = ContainerLog(session, [row_id], id="container-log")
        super().__init__(session, self.container_log)
        self.row_id = row_id
        self._bindings.key_to_bindings |= {
            "tab": [Binding("tab", "next_pane(1)", "next part", show=False, id="go.focus-next")],
            "shift+tab": [Binding("shift+tab", "next_pane(-1)", "previous part", show=False, id="go.focus-previous")],
        }
        self._row = session.state.containers.get(row_id)
        """The last that was known of it, also when it is gone."""
        self._shown: JsonObject = {}
        self._events: list[JsonObject] = []
        self._problem = ""
        self._stats_problem = ""
        self._stats: Worker[None] | None = None
        self._shows_details = False
        """In a narrow window: the details instead of the log."""
        self._facts = ContentLines(id="facts", can_focus=True)
        self._panel = StatsPanel(session.glyphs)
        self._details_pane = Vertical(id="details-pane")
        self._details_title = TextLine(id="details-title")
        self._details = ContentLines(id="details", can_focus=True)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Containers", self.container_log.names[0] if self._row is None else self._row.name)

    @property
    def file_name(self) -> str:
        return self.crumbs[-1]

    def selected_ids(self) -> list[str]:
        return [self.row_id]

    def compose_body(self) -> ComposeResult:
        with Vertical(id="container"):
            yield self._facts
            yield self._panel
            with Horizontal(id="panes"):
                with self._details_pane:
                    yield self._details_title
                    yield self._details
                yield self.log_part

    # -- while it is looked at

    def on_mount(self) -> None:
        self._fill()

    def on_screen_resume(self) -> None:
        self._keep_stats()
        self._ask()
        self._fill()

    def on_screen_suspend(self) -> None:
        self._stop_stats()

    def on_unmount(self) -> None:
        self._stop_stats()

    def on_resize(self) -> None:
        self._show_panes()
        self._fill()

    def on_descendant_focus(self) -> None:
        self._show_details_title()
        self.refresh_frame()

    def state_changed(self, change: StateChange) -> None:
        containers = change.containers
        if self.row_id in containers.present | containers.removed or change.hosts:
            self._row = self.session.state.containers.get(self.row_id, self._row)
            self.container_log.containers_changed()
            self._keep_stats()
            self._ask()
            self._fill()
        elif change.jobs:
            self._ask()

    def tick(self) -> None:
        super().tick()
        self._fill()

    @property
    def _is_gone(self) -> bool:
        return self.session.state.snapshot is not None and self.row_id not in self.session.state.containers

    def _keep_stats(self) -> None:
        """Figures stream from a container that runs, and only while this view is on top."""
        row = self._row
        if row is None or self._is_gone or not row.is_alive or not self.is_current:
            self._stop_stats()
        elif self._stats is None or self._stats.is_finished:
            self._stats = self.run_worker(self._follow_stats(), group="stats", exclusive=True, exit_on_error=False)

    def _stop_stats(self) -> None:
        if self._stats is not None:
            self._stats.cancel()
            self._stats = None

    async def _follow_stats(self) -> None:
        await keep_streaming(
            self.session,
            "container.stats",
            lambda: {"names": [self.row_id], "count": 0},
            self._take_stats,
            self._stats_broke,
        )

    def _take_stats(self, item: JsonObject) -> None:
        self._stats_problem = ""
        history = self._panel.history
        before = (history.gpus, history.gpu_problem)
        history.take(item)
        if before != (history.gpus, history.gpu_problem):
            self._fill()
        else:
            self._fill_stats()

    def _stats_broke(self, problem: AicError | None) -> None:
        self._stats_problem = problem.message if problem is not None else ""
        self._fill_stats()

    def _ask(self) -> None:
        self.run_worker(self._load(), group="container", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        """Events are stored here; for the rest its host is asked, which may take its time."""
        try:
            events: Json = await self.session.query("event.list", {"subject": self.row_id, "limit": _EVENTS})
            self._events = [each for each in events if isinstance(each, dict)] if isinstance(events, list) else []
            self._fill()
            if not self._is_gone:
                answer: Json = await self.session.query("container.show", {"name": self.row_id})
                self._shown = answer if isinstance(answer, dict) else {}
        except AicError as error:
            self._problem = error.message
        else:
            self._problem = ""
        self._fill()

    # -- what it shows

    def _view(self) -> ContainerView | None:
        row = self._row
        if row is None:
            return None
        host, use = self.session.state.hosts.get(row.host_id), self._panel.history
        return ContainerView(row, host, self._shown, self._events, use, self.session)

    @property
    def _width(self) -> int:
        return max(20, self.size.width - (4 if self.size.width >= _WIDE else 2))

    def _fill(self) -> None:
        view = self._view()
        if view is None:
            self._facts.show_lines([Content.styled("This container is not known here any more.", _DIM)])
            return
        if not self.size.width:
            return
        gone = Content.styled("It was removed; this is what was seen last.", "$warning")
        self._facts.show_lines([*([gone] if self._is_gone else []), *fact_lines(view, self._width)])
        self._fill_stats()
        room = self._width if self.size.width < _WIDE else self._details.size.width or _DETAILS_WIDTH
        self._details.show_lines(detail_lines(view, room, self._problem))
        self._show_details_title()
        self.refresh_frame()

    def _fill_stats(self) -> None:
        """What the stream changes every second."""
        row = self._row
        if row is None or not self.size.width:
            return
        runs = row.is_alive and not self._is_gone
        problem = self._stats_problem if runs else "it does not run, so it uses nothing"
        view = StatsView(self._panel.history, self.session.now().timestamp(), problem)
        self._panel.show(view, self._width, self.size.height)

    def _show_details_title(self) -> None:
        is_focused = self.focused is self._details
        self._details_title.show(Content.styled("EVENTS", "bold $accent" if is_focused else _DIM))

    def _show_panes(self) -> None:
        narrow = self.size.width < _WIDE
        self._details_pane.display = not narrow or self._shows_details
        self.log_part.display = not narrow or not self._shows_details
        if not self.log_part.display:
            self.log_part.stop()
        elif self.is_current:
            self.log_part.start()

    # -- what can be done

    @property
    def hint_ids(self) -> tuple[str, ...]:
        """One that does not run has no shell, but may be started."""
        row = self._row
        runs = row is None or row.is_alive
        return self.HINTS if runs else tuple(dict.fromkeys(_INSTEAD.get(each, each) for each in self.HINTS))

    def offers(self, command_id: str) -> bool:
        record = self.session.record(self.row_id)
        return record is None or refusal(command_id, record) is None

    def action_next_pane(self, step: int) -> None:
        """Round the parts: what it is, what is told of it, its log."""
        parts: list[Widget] = [self._facts, self._details, self.log_part.view]
        place = parts.index(self.focused) if self.focused in parts else 0
        wanted = parts[(place + step) % len(parts)]
        self._shows_details = wanted is self._details
        self._show_panes()
        self.set_focus(wanted)

    def copied_text(self) -> tuple[str, str]:
        """The line under the cursor of a log that has the focus, else where it answers, else its id."""
        if self.log_has_focus:
            return super().copied_text()
        view = self._view()
        url = endpoint(view) if view is not None else ""
        return (url, "endpoint") if url else (self.row_id.rpartition("/")[2], "id")

    def action_json(self) -> None:
        record = self._shown or self.session.record(self.row_id)
        if record is not None:
            self.console.show_json(self.crumbs[-1], record)
