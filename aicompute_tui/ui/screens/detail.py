"""One machine: what it is and costs, where it is reached, what its GPUs do, how far its set-up is, history and log."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.worker import Worker

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import RUNNING_STATES
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.node import is_set_up
from aicompute_tui.services.node_figures import NodeFigures, figures_in, figures_of
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.gpu_history import KEPT_SECONDS
from aicompute_tui.ui.live_stream import keep_streaming
from aicompute_tui.ui.machine_detail import MachineView, fact_lines, local_endpoint
from aicompute_tui.ui.machine_history import history_lines
from aicompute_tui.ui.navigation import Command
from aicompute_tui.ui.offering import refusal
from aicompute_tui.ui.screens.machine_log_view import MachineLogView
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.node_panel import NodePanel, typical_of
from aicompute_tui.ui.widgets.text_line import TextLine

_WIDE = 100
"""From this width on history and log stand beside each other; below it one of them is shown."""
_HISTORY_WIDTH = 46
_INTERVAL = 2
_STOPPED = {"instance.ssh": "instance.start"}
_DIM = "$foreground-muted"


class DetailScreen(MachineLogView):
    """Painted at once from the rows; history, samples, figures and log come from the agent while it is looked at."""

    HINTS: ClassVar[tuple[str, ...]] = (
        "instance.logs",
        "instance.ssh",
        "instance.extend",
        "instance.protect",
        "instance.terminate",
        "go.copy",
        "go.help",
    )
    AUTO_FOCUS = "#facts"
    CSS_PATH = STYLES / "detail.tcss"

    def __init__(self, session: Session, row_id: str) -> None:
        super().__init__(session, row_id)
        self._bindings.key_to_bindings |= {
            "tab": [Binding("tab", "next_pane(1)", "next part", show=False, id="go.focus-next")],
            "shift+tab": [Binding("shift+tab", "next_pane(-1)", "previous part", show=False, id="go.focus-previous")],
        }
        self._shown: JsonObject | None = None
        self._problem = ""
        self._live: NodeFigures | None = None
        self._has_stored_history = False
        self._stream: Worker[None] | None = None
        self._shows_history = False
        """In a narrow window: the history instead of the log."""
        self._facts = ContentLines(id="facts", can_focus=True)
        self._panel = NodePanel(session.glyphs)
        self._history_title = TextLine(id="history-title")
        self._history = ContentLines(id="history", can_focus=True)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Machines", self.machine_name)

    @property
    def machine_name(self) -> str:
        record = self._record()
        return str(record["name"]) if record and record.get("name") else self.row_id

    def compose_body(self) -> ComposeResult:
        with Vertical(id="detail"):
            yield self._facts
            yield self._panel
            with Horizontal(id="panes"):
                with Vertical(id="history-pane"):
                    yield self._history_title
                    yield self._history
                yield self.log_part

    # -- while it is looked at

    def on_mount(self) -> None:
        self._fill()
        self._ask()

    def on_screen_resume(self) -> None:
        self._keep_stream()
        self._fill()

    def on_screen_suspend(self) -> None:
        self._stop_stream()

    def on_unmount(self) -> None:
        self._stop_stream()

    def on_resize(self) -> None:
        self._show_panes()
        self._fill()

    def on_descendant_focus(self) -> None:
        self._show_history_title()
        self.refresh_frame()

    def state_changed(self, change: StateChange) -> None:
        super().state_changed(change)
        if self.row_id in change.instances.present:
            self._ask()
        if self.row_id in change.machines or change.jobs:
            self._keep_stream()
            self._fill()

    def tick(self) -> None:
        super().tick()
        self._fill()

    def _keep_stream(self) -> None:
        """Figures stream from a machine that runs, and only while this view is on top."""
        row = self.session.state.instances.get(self.row_id)
        wanted = row is not None and row.state in RUNNING_STATES and self.is_current
        if not wanted:
            self._stop_stream()
        elif self._stream is None or self._stream.is_finished:
            self._stream = self.run_worker(self._follow(), group="metrics", exclusive=True, exit_on_error=False)

    def _stop_stream(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    async def _follow(self) -> None:
        """What was stored first, once, so that the line of each GPU begins with its past."""
        if not self._has_stored_history:
            try:
                arguments: JsonObject = {"name": self.row_id, "since": f"{KEPT_SECONDS}s"}
                async for item in self.session.stream("instance.metrics", arguments):
                    if isinstance(item, dict):
                        self._panel.history.take(item)
                self._has_stored_history = True
            except AicError:
                pass  # the live stream says what is wrong
        await keep_streaming(
            self.session,
            "instance.metrics",
            lambda: {"name": self.row_id, "interval": _INTERVAL},
            self._take,
            lambda _: self._fill(),
        )

    def _take(self, item: JsonObject) -> None:
        if "mark" not in item:
            self._panel.history.take(item)
            self._live = figures_in(item)
            self._fill_figures()

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
        if not self._panel.typical and not is_set_up(self._figures().steps):
            try:
                self._panel.typical = typical_of(await self.session.query("instance.setup", {"name": self.row_id}))
            except AicError:
                return
            self._fill_figures()

    # -- what it shows

    def _record(self) -> JsonObject | None:
        """The row as it is now, with what only the agent's answer knows."""
        row = self.session.record(self.row_id)
        if row is None:
            return self._shown
        return {**self._shown, **row} if self._shown is not None else row

    def _figures(self) -> NodeFigures:
        """The fresher of the stored and the live ones."""
        row = self.session.state.nodes.get(self.row_id)
        stored = figures_of(row) if row is not None else NodeFigures()
        live = self._live
        return live if live is not None and (live.at or 0.0) >= (stored.at or 0.0) else stored

    def _machine_view(self, record: JsonObject) -> MachineView:
        state = self.session.state
        tunnels = state.tunnels.get(self.row_id, ())
        row, node = state.instances.get(self.row_id), state.nodes.get(self.row_id)
        return MachineView(record, row, node, self._figures(), tunnels, self.session)

    @property
    def _width(self) -> int:
        return max(20, self.size.width - (4 if self.size.width >= _WIDE else 2))

    def _fill(self) -> None:
        record = self._record()
        if record is None:
            self._facts.show_lines([Content.styled("This machine is not known here any more.", _DIM)])
            return
        self._fill_figures()
        room = self._width if self.size.width < _WIDE else self._history.size.width or _HISTORY_WIDTH
        self._history.show_lines(history_lines(record, self.session, room, self._problem))
        self._show_history_title()
        self.refresh_frame()

    def _fill_figures(self) -> None:
        """What a live stream changes every other second."""
        record = self._record()
        if record is None or not self.size.width:
            return
        view = self._machine_view(record)
        self._facts.show_lines(fact_lines(view, self._width))
        self._panel.show(view, self._width, self.size.height)

    def _show_history_title(self) -> None:
        is_focused = self.focused is self._history
        self._history_title.show(Content.styled("HISTORY", "bold $accent" if is_focused else _DIM))

    def _show_panes(self) -> None:
        narrow = self.size.width < _WIDE
        self.query_one("#history-pane").display = not narrow or self._shows_history
        self.log_part.display = not narrow or not self._shows_history

    # -- what can be done

    @property
    def hint_ids(self) -> tuple[str, ...]:
        """One that does not run has no shell, but may be started."""
        started = self.offers("instance.ssh")
        return self.HINTS if started else tuple(_STOPPED.get(each, each) for each in self.HINTS)

    def offers(self, command_id: str) -> bool:
        record = self._record()
        return record is None or refusal(command_id, record) is None

    def hint_word(self, command: Command) -> str:
        protected = command.id == "instance.protect" and (self._record() or {}).get("protected")
        return "unprotect" if protected else super().hint_word(command)

    def action_next_pane(self, step: int) -> None:
        """Round the parts: what it is, its figures where they scroll, the history, the log."""
        parts: list[Widget] = [self._facts, self._history, self.log_part.view]
        if self._panel.scrolls:
            parts.insert(1, self._panel.lines)
        place = parts.index(self.focused) if self.focused in parts else 0
        wanted = parts[(place + step) % len(parts)]
        self._shows_history = wanted is self._history
        self._show_panes()
        self.set_focus(wanted)

    def copied_text(self) -> tuple[str, str]:
        """The line under the cursor of a log that has the focus, else where the machine is called."""
        if self.log_has_focus:
            return super().copied_text()
        record = self._record() or {}
        url = local_endpoint(self._machine_view(record)) if record else ""
        if url:
            return url, "endpoint"
        found = next((name for name in ("remote_id", "id") if record.get(name)), "id")
        return str(record.get(found) or self.row_id), {"remote_id": "cloud's id"}.get(found, found)

    def action_json(self) -> None:
        record = self._shown or self._record()
        if record is not None:
            self.console.show_json(str(record.get("name") or self.row_id), record)
