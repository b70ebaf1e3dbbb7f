"""A log in a view, wherever its lines come from: stream, title, search and filter, and what is wrong in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.worker import Worker

from aicompute_tui.domain.durations import format_duration, parse_duration
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.live_stream import keep_streaming
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Tone
from aicompute_tui.ui.widgets.filter_line import FilterLine
from aicompute_tui.ui.widgets.log_view import LogView
from aicompute_tui.ui.widgets.text_line import TextLine, join, spread

TAIL = 200
ALL_LINES = 1_000_000
MARK_TONES: Mapping[str, Tone] = {"gap": "warn", "note": "dim", "end": "dim"}
DIM = "$foreground-muted"
_PAUSE_SECONDS = 0.3


class LogPart(Vertical):
    """`start` opens the stream, `stop` ends it; between them it comes back by itself."""

    DEFAULT_CSS: ClassVar[str] = """
    LogPart { height: 1fr; }
    LogPart #log-problem { display: none; }
    LogPart #log-problem.-shown { display: block; }
    """
    ACTION: ClassVar[str]
    """The question whose answers are the lines."""

    def __init__(self, session: Session, *, tail: int = TAIL, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.session = session
        self.view = LogView(glyphs=session.glyphs, now=session.now_here, id="log")
        self.tail: int | None = tail
        """How many of the last lines are asked for; None for all."""
        self.since: int | None = None
        """Only lines of so many seconds."""
        self._title = TextLine(id="log-title")
        self._problem = TextLine(id="log-problem")
        self._entry = FilterLine()
        self._entry_is_search = True
        self._stream: Worker[None] | None = None
        self._typed: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._problem
        yield self.view
        yield self._entry

    # -- what a source of lines says of itself

    def arguments(self) -> JsonObject:
        """What the question is asked with, each time it is asked."""
        raise NotImplementedError

    def take(self, item: JsonObject) -> None:
        """What came."""
        raise NotImplementedError

    def broke(self) -> None:
        """The stream came to an end and is opened again soon."""

    def begin(self) -> None:
        """The stream is about to be opened."""

    def forget(self) -> None:
        """What was shown is cleared."""

    @property
    def ended_message(self) -> str:
        """Why there is nothing to follow any more; empty where there is."""
        return ""

    @property
    def title_words(self) -> list[Content]:
        """Which log it is."""
        raise NotImplementedError

    # -- the stream

    @property
    def is_streaming(self) -> bool:
        return self._stream is not None and not self._stream.is_finished

    def start(self) -> None:
        """Goes on after the lines already shown; without any it begins with the last ones."""
        if self.ended_message:
            self.view.set_empty_message(self.ended_message)
            self.show_title()
        elif not self.is_streaming and self.is_attached:
            self.begin()
            self._stream = self.run_worker(self._follow(), group="log", exclusive=True, exit_on_error=False)
            self.show_title()

    def stop(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    def open_range(self, tail: int | None, since: int | None) -> None:
        """Another stretch of it; what was shown goes."""
        self.tail, self.since = tail, since
        self.view.clear()
        self.forget()
        self.tell("")
        self.stop()
        self.start()
        self.show_title()

    async def _follow(self) -> None:
        await keep_streaming(self.session, self.ACTION, self.arguments, self.take, self._broke)

    def _broke(self, problem: AicError | None) -> None:
        self.broke()
        if problem is not None:
            self.tell(f"{problem.message} {problem.next_step}".strip())
        elif self.view.line_count == 0:
            self.view.set_empty_message("There is nothing in this log yet.")

    def range_arguments(self) -> JsonObject:
        """The lines asked for, as every question for a log takes them."""
        if self.since is not None:
            return {"tail": ALL_LINES, "since": f"{self.since}s"}
        return {"tail": ALL_LINES if self.tail is None else self.tail}

    # -- what it says

    def tell(self, problem: str) -> None:
        """One line about what is wrong; none where nothing is."""
        glyphs = self.session.glyphs
        self._problem.set_class(bool(problem), "-shown")
        text = f"{glyphs.warning} {problem}" if problem else ""
        self._problem.show(spread(Content.styled(text, "$warning"), Content(""), self._room, glyphs.more))

    @property
    def _room(self) -> int:
        return max(10, self.size.width or 80)

    def on_resize(self) -> None:
        self.show_title()

    def on_descendant_focus(self) -> None:
        self.show_title()

    def on_descendant_blur(self) -> None:
        self.show_title()

    def on_log_view_state_changed(self, event: LogView.StateChanged) -> None:
        event.stop()
        self.show_title()

    def show_title(self) -> None:
        view, glyphs = self.view, self.session.glyphs
        is_focused = self.screen.focused is view if self.is_attached else False
        left = [Content.styled("LOG", "bold $accent" if is_focused else DIM), *self.title_words, self._following()]
        if self.since is not None:
            left.append(Content.styled(f"last {format_duration(self.since)}", DIM))
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
        if self.ended_message:
            return Content.styled("ended", DIM)
        if self.view.follow:
            return Content.styled("follow", DIM)
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
        self.show_title()
        return True

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
        self.show_title()
        return True

    def on_log_view_range_asked(self, event: LogView.RangeAsked) -> None:
        event.stop()
        self.open_range(event.tail, event.since_seconds)

    def what_was_asked(self, arguments: Mapping[str, Json]) -> None:
        """Tail and since as every log takes them, before the first stream."""
        tail, since = arguments.get("tail"), arguments.get("since")
        self.tail = int(tail) if isinstance(tail, int | str) and str(tail).isdecimal() else self.tail
        self.since = parse_duration(since) if isinstance(since, str) and since and since != "all" else None
