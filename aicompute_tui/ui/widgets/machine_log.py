"""The log of one machine: which of its logs, whether it follows, what is looked for, and one line for what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.worker import Worker

from aicompute_tui.actions.node import LOG_SOURCES
from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.instance import RUNNING_STATES
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.node_figures import log_in_view
from aicompute_tui.ui.live_stream import keep_streaming
from aicompute_tui.ui.log_overlap import LogOverlap
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Tone
from aicompute_tui.ui.widgets.filter_line import FilterLine
from aicompute_tui.ui.widgets.log_view import LogView
from aicompute_tui.ui.widgets.text_line import TextLine, join, spread

TAIL = 200
_ALL_LINES = 1_000_000
_UNDATED = frozenset({"setup", "cloud-init"})
_DIM = "$foreground-muted"
_MARK_TONES: Mapping[str, Tone] = {"gap": "warn", "note": "dim", "end": "dim"}
_PAUSE_SECONDS = 0.3
_JOIN_SECONDS = 0.5
"""So long the lines asked for again are gathered: they come in pieces, and only together join those shown."""


class MachineLog(Vertical):
    """`start` opens the stream, `stop` ends it; between them it comes back by itself."""

    DEFAULT_CSS: ClassVar[str] = """
    MachineLog { height: 1fr; }
    MachineLog #log-problem { display: none; }
    MachineLog #log-problem.-shown { display: block; }
    """

    def __init__(self, session: Session, row_id: str, *, tail: int = TAIL, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.session = session
        self.row_id = row_id
        self.source = "auto"
        self.view = LogView(glyphs=session.glyphs, now=session.now_here, id="log")
        self._title = TextLine(id="log-title")
        self._problem = TextLine(id="log-problem")
        self._entry = FilterLine()
        self._entry_is_search = True
        self._tail: int | None = tail
        self._since: int | None = None
        self._followed = ""
        self._followed = self.shown_source
        """The log that `auto` stood for when the stream was opened."""
        self._overlap = LogOverlap()
        self._is_joining = False
        self._asked_again: list[str] = []
        self._join_due: Timer | None = None
        self._is_named = False
        """The marks shown already say which log it is."""
        self._stream: Worker[None] | None = None
        self._typed: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._problem
        yield self.view
        yield self._entry

    # -- the stream

    @property
    def is_streaming(self) -> bool:
        return self._stream is not None and not self._stream.is_finished

    @property
    def shown_source(self) -> str:
        """The log itself, also where the source is left to the machine's state."""
        if self.source != "auto":
            return self.source
        state = self.session.state
        row = state.instances.get(self.row_id)
        if self._followed and (row is None or row.state not in RUNNING_STATES):
            return self._followed  # one that goes tells nothing that could be changed to
        return log_in_view(row, state.nodes.get(self.row_id))

    @property
    def _has_ended(self) -> bool:
        row = self.session.state.instances.get(self.row_id)
        return row is not None and row.is_final

    def start(self) -> None:
        """Goes on after the lines already shown; without any it begins with the last ones."""
        if self._has_ended:
            self.view.set_empty_message("The machine is gone, and its log with it.")
            self._show_title()
        elif not self.is_streaming and self.is_attached:
            self._is_joining = bool(self._overlap)
            self._followed = self.shown_source
            self.view.set_empty_message(f"waits for the log of {self._followed} {self.session.glyphs.more}")
            self._stream = self.run_worker(self._follow(), group="log", exclusive=True, exit_on_error=False)
            self._show_title()

    def stop(self) -> None:
        self._forget_join()
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    def open_source(self, source: str, *, tail: int | None = TAIL, since: int | None = None) -> None:
        """Another log or another stretch of it; what was shown goes."""
        self.source, self._tail, self._since = source, tail, since
        self.view.clear()
        self._overlap.clear()
        self._tell("")
        self.stop()
        self.start()
        self._show_title()

    def machine_changed(self) -> None:
        """A log left to the machine's state goes over from the set-up's to the model server's, and back."""
        shown = self.shown_source
        if self._has_ended:
            self.stop()
            self._tell("")
            self._show_title()
        elif shown != self._followed:
            before, self._followed = self._followed, shown
            if self.is_streaming:
                self.view.mark(f"from here on the log of {shown}, before it of {before}", "dim")
                self._is_named = True
                self._overlap.clear()
                self.stop()
                self.start()
            self._show_title()

    async def _follow(self) -> None:
        await keep_streaming(self.session, "instance.logs", self._arguments, self._take, self._broke)

    def _arguments(self) -> JsonObject:
        found: JsonObject = {"name": self.row_id, "source": self.source, "follow": True}
        if self._is_joining:
            return {**found, "tail": TAIL}
        if self._since is not None:
            return {**found, "tail": _ALL_LINES, "since": f"{self._since}s"}
        return {**found, "tail": _ALL_LINES if self._tail is None else self._tail}

    def _take(self, item: JsonObject) -> None:
        self._tell("")
        mark, lines = item.get("mark"), item.get("lines")
        is_told = mark == "note" and (self._is_named or (self._is_joining and not self._asked_again))
        self._is_named = self._is_named and not lines
        if isinstance(mark, str) and not is_told:
            self._join()
            self.view.mark(str(item.get("text") or mark), _MARK_TONES.get(mark, "dim"))
        if isinstance(lines, list):
            self._take_lines([str(line) for line in lines])

    def _take_lines(self, lines: list[str]) -> None:
        if not self._is_joining:
            self._append(lines)
            return
        self._asked_again += lines
        if len(self._asked_again) >= TAIL:
            self._join()
        elif self._join_due is None:
            self._join_due = self.set_timer(_JOIN_SECONDS, self._join)

    def _join(self) -> None:
        """Shows what is new in the lines asked for again."""
        lines = self._forget_join()
        if not lines:
            return
        self._is_joining = False
        rest = self._overlap.rest(lines)
        if rest is None:
            self.view.mark("the connection was lost here; lines may be missing", "warn")
        self._append(lines if rest is None else list(rest))

    def _forget_join(self) -> list[str]:
        if self._join_due is not None:
            self._join_due.stop()
            self._join_due = None
        lines, self._asked_again = self._asked_again, []
        return lines

    def _append(self, lines: list[str]) -> None:
        self._overlap.add(lines)
        self.view.append(lines)

    def _broke(self, problem: AicError | None) -> None:
        self._join()
        self._is_joining = bool(self._overlap)
        if problem is not None:
            self._tell(f"{problem.message} {problem.next_step}".strip())
        elif self.view.line_count == 0:
            self.view.set_empty_message("There is nothing in this log yet.")

    # -- what it says

    def _tell(self, problem: str) -> None:
        """One line about what is wrong; none where nothing is."""
        glyphs = self.session.glyphs
        self._problem.set_class(bool(problem), "-shown")
        text = f"{glyphs.warning} {problem}" if problem else ""
        self._problem.show(spread(Content.styled(text, "$warning"), Content(""), self._room, glyphs.more))

    @property
    def _room(self) -> int:
        return max(10, self.size.width or 80)

    def on_resize(self) -> None:
        self._show_title()

    def on_descendant_focus(self) -> None:
        self._show_title()

    def on_descendant_blur(self) -> None:
        self._show_title()

    def on_log_view_state_changed(self, event: LogView.StateChanged) -> None:
        event.stop()
        self._show_title()

    def _show_title(self) -> None:
        view, glyphs = self.view, self.session.glyphs
        is_focused = self.screen.focused is view if self.is_attached else False
        source = self.source if self.source != "auto" else f"{self.shown_source} {glyphs.descending}"
        left = [Content.styled("LOG", "bold $accent" if is_focused else _DIM), Content(source), self._following()]
        if self._since is not None:
            left.append(Content.styled(f"last {format_duration(self._since)}", _DIM))
        right = []
        if view.search_text:
            right.append(Content.assemble((f"/{view.search_text}", "$accent"), f" {view.match_text}"))
        if view.filter_text:
            right.append(Content.styled(f"&{view.filter_text}", "$accent"))
        if view.dropped:
            right.append(Content.styled(f"{view.dropped:,} dropped", "$warning"))
        if view.problem:
            right.append(Content.styled(view.problem, "$warning"))
        self._title.show(spread(join(left, "  "), join(right, "  "), self._room, glyphs.more))

    def _following(self) -> Content:
        if self._has_ended:
            return Content.styled("ended", _DIM)
        if self.view.follow:
            return Content.styled("follow", _DIM)
        new = self.view.new_count
        return Content.styled("paused" + (f", {new:,} new" if new else ""), "$warning")

    @property
    def title(self) -> str:
        return self._title.text

    @property
    def problem(self) -> str:
        """What is wrong, empty where nothing is."""
        return self._problem.text.strip()

    # -- search, filter and ranges

    def open_entry(self, *, search: bool) -> None:
        self._entry_is_search = search
        text = self.view.search_text if search else self.view.filter_text
        self._entry.open(text, "/" if search else "&")

    def clear_one(self) -> bool:
        """Takes the search or the filter back; False where there was neither."""
        if self.view.search_text:
            self.view.search("")
        elif self.view.filter_text:
            self.view.filter("")
        else:
            return False
        self._show_title()
        return True

    def next_source(self) -> None:
        place = LOG_SOURCES.index(self.source) if self.source in LOG_SOURCES else -1
        self.open_source(LOG_SOURCES[(place + 1) % len(LOG_SOURCES)])

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        """Looked for at a pause in typing: each look paints the whole log anew, and no key waits for that."""
        event.stop()
        self.view.hold_still()
        self._forget_typed()
        self._typed = self.set_timer(_PAUSE_SECONDS, lambda: self._look_for(event.text))

    def _forget_typed(self) -> None:
        if self._typed is not None:
            self._typed.stop()
            self._typed = None

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        event.stop()
        self._forget_typed()
        if self._look_for(event.text):
            self._entry.close()
            self.view.focus()

    def _look_for(self, text: str) -> bool:
        try:
            (self.view.search if self._entry_is_search else self.view.filter)(text)
        except InvalidInput as error:
            self._entry.say(f"{error.message} {error.next_step}")
            return False
        self._entry.say("")
        self._show_title()
        return True

    def on_log_view_range_asked(self, event: LogView.RangeAsked) -> None:
        event.stop()
        shown = self.shown_source
        if event.since_seconds is not None and shown in _UNDATED:
            self._tell(f"The log of {shown} carries no times to choose by: 0 shows its last lines, 1 all of it.")
        else:
            self.open_source(self.source, tail=event.tail, since=event.since_seconds)

    def what_was_asked(self, arguments: Mapping[str, Json]) -> None:
        """Source, tail and since as `instance.logs` takes them, before the first stream."""
        from aicompute_tui.domain.durations import parse_duration

        source, tail, since = arguments.get("source"), arguments.get("tail"), arguments.get("since")
        self.source = str(source) if source in LOG_SOURCES else "auto"
        self._tail = int(tail) if isinstance(tail, int | str) and str(tail).isdecimal() else self._tail
        self._since = parse_duration(since) if isinstance(since, str) and since else None
