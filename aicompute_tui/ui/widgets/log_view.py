"""The log widget: takes lines at any rate, follows or pauses, searches, filters, wraps and marks by its own keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from sys import maxsize

from textual import events
from textual.binding import BindingsMap
from textual.message import Message
from textual.selection import Selection

from aicompute_tui.ui.bindings import navigation_bindings
from aicompute_tui.ui.glyphs import UNICODE, Glyphs
from aicompute_tui.ui.widgets.columns import Tone
from aicompute_tui.ui.widgets.log_paint import Times
from aicompute_tui.ui.widgets.log_pane import LogPane
from aicompute_tui.ui.widgets.log_ring import MOST_LINES
from aicompute_tui.ui.widgets.log_rows import LINE, STDERR, LogRows, mark_kind
from aicompute_tui.ui.widgets.log_text import plain_line
from aicompute_tui.ui.widgets.scroll_keys import scroll_bindings

_RANGES: tuple[tuple[int | None, int | None], ...] = (
    (1_000, None), (None, None), (None, 60), (None, 300), (None, 900), (None, 1_800), (None, 3_600),
)  # fmt: skip
"""(lines from the end, seconds back) of the keys 0 to 6."""
_NEXT_TIMES: dict[Times, Times] = {"short": "full", "full": "none", "none": "short"}
_MOVES = scroll_bindings("log", first="first", last="last")


class LogView(LogPane):
    """Takes lines with `append`; a line that is not in view costs a place in the ring and nothing else."""

    class StateChanged(Message):
        """Something the view's title says is otherwise."""

        def __init__(self, log_view: LogView) -> None:
            super().__init__()
            self.log_view = log_view

        @property
        def control(self) -> LogView:
            return self.log_view

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.StateChanged) and message.log_view is self.log_view

    class RangeAsked(Message):
        """The person wants other lines: the last `tail` (None for all) or those of the last `since_seconds`."""

        def __init__(self, log_view: LogView, tail: int | None, since_seconds: int | None) -> None:
            super().__init__()
            self.log_view = log_view
            self.tail = tail
            self.since_seconds = since_seconds

        @property
        def control(self) -> LogView:
            return self.log_view

    def __init__(
        self,
        *,
        most_lines: int = MOST_LINES,
        glyphs: Glyphs = UNICODE,
        empty_message: str = "",
        now: Callable[[], datetime] | None = None,
        id: str | None = None,  # noqa: A002 - Textual's own word
    ) -> None:
        """`now` dates the marks and sets the zone of times, that the person reads."""
        super().__init__(LogRows(most_lines), glyphs, empty_message, id=id)
        self._now = now or (lambda: datetime.now(UTC))
        self._painter.zone = self._now().tzinfo
        self._told: tuple[object, ...] = ()
        self._bindings = BindingsMap([*_MOVES, *navigation_bindings("log")])

    # -- what it says about itself

    @property
    def follow(self) -> bool:
        """Whether it shows the newest line as lines come."""
        return self._place.follow

    @follow.setter
    def follow(self, wanted: bool) -> None:
        self._place.follow = wanted
        self.settle()

    @property
    def wrap(self) -> bool:
        return self._wraps

    @wrap.setter
    def wrap(self, wanted: bool) -> None:
        self._wraps = wanted
        self._painter.left = 0
        self.repaint()

    @property
    def times(self) -> Times:
        """How the time a line begins with is shown: of the day in the reader's zone, in full as it came, or not."""
        return self._painter.times

    @times.setter
    def times(self, wanted: Times) -> None:
        self._painter.times = wanted
        self.repaint()

    def take_zone(self) -> None:
        """Shows times anew where the person has changed the zone."""
        zone = self._now().tzinfo
        if zone != self._painter.zone:
            self._painter.zone = zone
            self.repaint()

    @property
    def line_count(self) -> int:
        """Lines held, also those a filter hides."""
        return len(self._rows.ring)

    @property
    def row_count(self) -> int:
        """Lines shown by the filter."""
        return len(self._rows)

    @property
    def dropped(self) -> int:
        """Lines that fell out of the ring."""
        return self._rows.ring.dropped

    @property
    def new_count(self) -> int:
        """Lines that came since it was paused."""
        return 0 if self.follow else len(self._rows) - self._rows.index(self._seen_end)

    @property
    def filter_text(self) -> str:
        return self._rows.filter_text

    @property
    def search_text(self) -> str:
        return self._rows.search_text

    @property
    def match_text(self) -> str:
        """`2 of 14`; empty where nothing is looked for."""
        if not self._rows.search_text:
            return ""
        count, place = self._rows.match_count, self._rows.match_place(self._place.cursor)
        if not count:
            return "not found" if self._rows.is_current else "looking"
        return f"{place:,} of {count:,}" if place else f"{count:,} found"

    @property
    def problem(self) -> str:
        """Why not everything was looked through; empty where it was."""
        return self._rows.problem

    @property
    def current_line(self) -> str:
        """The whole text of the line under the cursor."""
        rows = self._rows
        if not len(rows):
            return ""
        return plain_line(rows.ring.text(rows.serial(min(rows.index(self._place.cursor), len(rows) - 1))))

    @property
    def visible_text(self) -> str:
        """The whole text of every line in view."""
        serials = dict.fromkeys(part.serial for part in self._place.parts())
        return "\n".join(plain_line(self._rows.ring.text(serial)) for serial in serials)

    def lines(self) -> Iterator[str]:
        """The text of every line the filter shows, oldest first."""
        return self._rows.lines()

    # -- what comes in

    def append(self, lines: Sequence[str], *, stderr: bool = False) -> None:
        """Takes lines, none of them broken; on the event loop, at any rate."""
        if lines:
            self._rows.ring.extend(lines, STDERR if stderr else LINE)
            self.wake()

    def mark(self, text: str, tone: Tone = "") -> None:
        """A line of ours between those of the log; a filter never hides it."""
        self._rows.ring.extend([text], mark_kind(tone))
        self.wake()

    def clear(self) -> None:
        """Forgets every line; filter and search stay."""
        self._rows.clear()
        self._whole.clear()
        self._place.follow = True
        self.repaint()

    def set_empty_message(self, text: str) -> None:
        """What stands in the view while there is no line."""
        if text != self._empty_message:
            self._empty_message = text
            if not len(self._rows):
                self.refresh()

    # -- search and filter

    def search(self, text: str) -> None:
        """Marks matches and goes to the nearest; an empty text ends it. Raises InvalidInput."""
        if not text.strip() and self._rows.pattern is None:
            return
        self._rows.set_search(text)
        start = maxsize if self._place.follow else self._place.cursor
        self._search_from = start if self._rows.pattern is not None else None
        self._painter.pattern = self._rows.pattern
        self.repaint()
        self.seek()

    def step_match(self, step: int) -> None:
        """To the next match (1) or the one before (-1), round the ends."""
        serial = self._rows.match_from(self._place.cursor, step)
        if serial is not None:
            self._place.go_to(serial)
            self.show()

    def filter(self, text: str) -> None:
        """Shows lines that contain it, `!` before it those that do not; empty shows all. Raises InvalidInput."""
        if text == self._rows.filter_text:
            return
        above = self._place.cursor_line
        self._rows.set_filter(text)
        if not self._rows.is_filtering:
            self._place.settle_around_cursor(above)
        self.show()
        self.seek()

    # -- keys

    def action_move(self, by: int) -> None:
        self._place.move(by)
        self.show()

    def action_page(self, pages: int) -> None:
        self._place.page(pages)
        self.show()

    def action_first(self) -> None:
        self._place.go_to_row(0)
        self.show()

    def action_last(self) -> None:
        self.follow = True

    def action_follow(self) -> None:
        """Follows or pauses."""
        self.follow = not self.follow

    def action_step_match(self, step: int) -> None:
        self.step_match(step)

    def action_wrap(self) -> None:
        self.wrap = not self.wrap

    def action_times(self) -> None:
        """From the time of the day to the whole time, to none, and round again."""
        self.times = _NEXT_TIMES[self.times]

    def action_mark(self) -> None:
        """A dated line, to find again what came after it."""
        self.mark(f"{self._now():%Y-%m-%d %H:%M:%S %Z}".rstrip(), "strong")

    def action_range(self, number: int) -> None:
        self.post_message(self.RangeAsked(self, *_RANGES[number]))

    def action_expand(self) -> None:
        """Shows the line under the cursor whole, or clips it again."""
        if not len(self._rows) or self._wraps:
            return
        self._whole ^= {self._place.cursor}
        self._place.reveal()
        self.show()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What the mouse has selected, as it is shown; lines that fell out meanwhile are missing."""
        ring, rows = self._rows.ring, self._rows
        first = rows.index(selection.start.y) if selection.start is not None else 0
        last = rows.index(selection.end.y + 1) if selection.end is not None else len(rows)
        picked: list[str] = []
        for serial in map(rows.serial, range(first, last)):
            start, end = selection.get_span(serial) or (0, 0)
            text = self._painter.shown_text(serial, ring.text(serial), ring.kind(serial))
            picked.append(text[max(0, start) : end if end >= 0 else None])
        return "\n".join(picked), "\n"

    def on_mouse_down(self) -> None:
        """Lines do not run away from under a mouse that begins to select."""
        self._place.follow = False
        self.show()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y >= len(self._parts) or self.text_selection is not None:
            return
        serial = self._parts[offset.y].serial
        self._place.go_to_row(self._rows.index(serial))
        self.show()
        if event.chain == 2 or self._is_clip_sign(offset.x, serial):
            self.action_expand()

    def _is_clip_sign(self, x: int, serial: int) -> bool:
        ring, painter = self._rows.ring, self._painter
        return (
            not self._wraps
            and serial not in self._whole
            and x == painter.width - 1
            and painter.goes_on(serial, ring.text(serial), ring.kind(serial))
        )

    def tell(self) -> None:
        said = (
            self.follow, self.new_count, self.match_text, self.filter_text, self.wrap, self.dropped, self.problem,
            self.times, self.row_count,
        )  # fmt: skip
        if said != self._told:
            self._told = said
            self.post_message(self.StateChanged(self))
