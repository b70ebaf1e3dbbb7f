"""The painted side of a log: repaints at most ten times a second, only what is in view, and nothing while hidden."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from sys import maxsize
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer
from textual.worker import Worker

from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.columns import TONES, fit
from aicompute_tui.ui.widgets.log_paint import GUTTER, LogPainter
from aicompute_tui.ui.widgets.log_place import LogPlace, Part
from aicompute_tui.ui.widgets.log_rows import LogRows
from aicompute_tui.ui.widgets.log_text import Span

_PAINT_SECONDS = 0.1
_AT_ONCE = 0.001
_SLICE_SECONDS = 0.004
_HOLD_SECONDS = 0.3
_LONGEST_HOLD_SECONDS = 2.0
_AFTER_A_KEY_SECONDS = 0.02
"""The letter itself is painted by then, and hardly anybody's next one has come."""
_BETWEEN_SLICES = 0.001
_WHEEL_LINES = 3
_CACHED_STRIPS = 500
_NO_ROW = "No line passes the filter."
_LOOKS = (
    "time", "error", "warn", "info", "debug", "match", "match-current", "more", "stderr", "cursor", "cursor-blurred",
    "empty", "mark-plain", *(f"mark-{tone}" for tone in TONES if tone),
)  # fmt: skip


class LogPane(ScrollView, can_focus=True):
    """Shows `rows` from `place` on; whoever changes either calls `settle`, `show` or `wake`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log-view--{look}" for look in _LOOKS}
    DEFAULT_CSS = """
    LogPane {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        background: transparent;
        scrollbar-background: $background;
        scrollbar-color: $panel;
        & > .log-view--time { text-style: dim; }
        & > .log-view--error { color: $error; text-style: bold; }
        & > .log-view--warn { color: $warning; text-style: bold; }
        & > .log-view--info { color: $secondary; }
        & > .log-view--debug { text-style: dim; }
        & > .log-view--match { background: $warning-muted; text-style: underline; }
        & > .log-view--match-current { background: $warning; color: $background; text-style: bold underline; }
        & > .log-view--more { color: $accent; text-style: bold; }
        & > .log-view--stderr { color: $error; }
        & > .log-view--cursor { background: $primary-muted; }
        & > .log-view--cursor-blurred { background: $surface; }
        & > .log-view--empty { text-style: dim; }
        & > .log-view--mark-plain { color: $secondary; }
        & > .log-view--mark-dim { text-style: dim; }
        & > .log-view--mark-strong { text-style: bold; }
        & > .log-view--mark-good { color: $success; }
        & > .log-view--mark-warn { color: $warning; }
        & > .log-view--mark-bad { color: $error; }
        & > .log-view--mark-accent { color: $accent; text-style: bold; }
        &:ansi {
            & > .log-view--match { background: ansi_default; text-style: underline bold; }
            & > .log-view--match-current { background: ansi_default; color: ansi_default; text-style: reverse; }
            & > .log-view--cursor { background: ansi_default; text-style: bold; }
            & > .log-view--cursor-blurred { background: ansi_default; }
        }
    }
    """

    def __init__(self, rows: LogRows, glyphs: Glyphs, empty_message: str, *, id: str | None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._rows = rows
        self._glyphs = glyphs
        self._empty_message = empty_message
        self._painter = LogPainter(glyphs, self._look_of)
        self._place = LogPlace(rows, self._height_of)
        self._wraps = False
        self._whole: set[int] = set()
        self._parts: list[Part] = []
        self._painted_cursor = -1
        self._strips: dict[tuple[int, int | None], Strip] = {}
        self._base: Style | None = None
        self._timer: Timer | None = None
        self._held_since = self._held_until = 0.0
        self._seeker: Worker[None] | None = None
        self._search_from: int | None = None
        self._is_shown = False
        self._is_placing = False
        self._is_painting = False
        self._last_top = 0
        self._seen_end = 0

    def tell(self) -> None:
        """Called when something may be otherwise that the view says about itself."""

    # -- when to paint

    @property
    def is_painted(self) -> bool:
        """In view: neither it nor its screen is hidden."""
        return self._is_shown and self.is_attached and self.screen.is_active

    def on_mount(self) -> None:
        self.watch(self.screen, "stack_updates", self._come_or_go, init=False)

    def on_show(self) -> None:
        self._is_shown = True
        self._come_or_go()

    def on_hide(self) -> None:
        self._is_shown = False
        self._come_or_go()

    def _come_or_go(self) -> None:
        if self.is_painted:
            self.wake(_AT_ONCE)
            return
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._seeker is not None:
            self._seeker.cancel()
            self._seeker = None

    def wake(self, seconds: float = _PAINT_SECONDS) -> None:
        """Lines came: they are painted soon, together with all that come until then."""
        if self._timer is None and self.is_painted:
            self._timer = self.set_timer(seconds, self._paint_news)

    def hold_still(self) -> None:
        """Somebody types beside the log: it is not painted between two keys, nor left unpainted for long."""
        now = monotonic()
        if now >= self._held_until:
            self._held_since = now
        self._held_until = now + _HOLD_SECONDS
        if now - self._held_since >= _LONGEST_HOLD_SECONDS and self._timer is not None:
            self._held_since = now
            self._timer.stop()
            self._timer = self.set_timer(_AFTER_A_KEY_SECONDS, self._paint_held)

    def _paint_news(self) -> None:
        self._timer = None
        left = self._held_until - monotonic()
        if left > 0:
            self.wake(left)
        else:
            self._paint_held()

    def _paint_held(self) -> None:
        self._timer = None
        if self.is_painted:
            self.seek()
            self.settle()

    # -- search and filter

    def seek(self) -> None:
        """A few lines are looked through at once, many beside the keys; none while hidden."""
        if self.is_painted and not self._seek_slice() and (self._seeker is None or self._seeker.is_finished):
            self._seeker = self.run_worker(self._seek_all(), group="log-seek", exclusive=True)

    async def _seek_all(self) -> None:
        while not self._seek_slice():  # noqa: ASYNC110 - keys are answered in between
            await asyncio.sleep(_BETWEEN_SLICES)
        self.settle()

    def _seek_slice(self) -> bool:
        was_filtering = self._rows.is_filtering
        above = self._place.cursor_line if was_filtering else 0
        done = self._rows.step(_SLICE_SECONDS)
        if was_filtering and not self._rows.is_filtering:
            self._place.settle_around_cursor(above)
            self.show()
        if done and self._search_from is not None:
            found = self._rows.match_near(self._search_from)
            self._search_from = None
            if found is not None:
                self._place.go_to(found)
            self.show()
        return done

    # -- what is in view

    def settle(self) -> None:
        """Lines came, went or changed their height."""
        if self._whole:
            first = self._rows.ring.first
            self._whole = {serial for serial in self._whole if serial >= first}
        self._place.settle()
        self.show()

    def show(self) -> None:
        """Paints what is otherwise in view than before, and no more than that."""
        place = self._place
        if place.follow:
            self._seen_end = self._rows.ring.end
        if self.is_painted:
            parts = place.parts()
            if parts != self._parts:
                self._parts = parts
                self.refresh()
            elif place.cursor != self._painted_cursor:
                self._repaint_line(self._painted_cursor)
                self._repaint_line(place.cursor)
            self._painted_cursor = place.cursor
            self._place_bar()
        self.tell()

    def repaint(self) -> None:
        """Everything looks otherwise: another width, other marks, other colours."""
        self._painter.forget()
        self._strips.clear()
        self._parts = []
        self.settle()
        self.refresh()

    def _repaint_line(self, serial: int) -> None:
        for line, part in enumerate(self._parts):
            if part.serial == serial:
                self.refresh(Region(0, line, self.size.width, 1))

    def _height_of(self, serial: int) -> int:
        if not self._wraps and serial not in self._whole:
            return 1
        return self._painter.height(serial, self._rows.ring.text(serial), self._rows.ring.kind(serial))

    def on_resize(self) -> None:
        self._place.height = max(1, self.size.height)
        self._painter.width = max(1, self.scrollable_content_region.width)
        self.repaint()

    # -- scroll bar and wheel

    @property
    def max_scroll_y(self) -> int:
        """The bar counts lines of the log: how those above are broken is not known and need not be."""
        return self._last_top

    @property
    def virtual_size(self) -> Size:  # type: ignore[override]
        """What a layout pass gives to the bar: its length must be that of the log there too."""
        return Size(self.size.width, self._last_top + self.size.height)

    def _place_bar(self) -> None:
        self._last_top = self._place.last_top_row
        bar = self.vertical_scrollbar
        bar.window_size = self.size.height
        bar.window_virtual_size = self._last_top + self.size.height
        self._is_placing = True
        self.scroll_y = self._place.top_row
        self._is_placing = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:  # noqa: ARG002
        self.vertical_scrollbar.position = new_value
        if not self._is_placing:
            self._place.scroll_to_row(round(new_value))
            self._follow_at_end()

    def _follow_at_end(self) -> None:
        self._place.follow = self._place.is_at_end
        self.settle()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._turn_wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._turn_wheel(event, 1)

    def _turn_wheel(self, event: events.MouseEvent, direction: int) -> None:
        event.stop()
        event.prevent_default()
        if event.shift or event.ctrl:
            self.action_sideways(direction)
        else:
            self._place.scroll(direction * _WHEEL_LINES)
            self._follow_at_end()

    def action_sideways(self, pages: int) -> None:
        """Half a view to the side, to the right only where a line goes on there."""
        ring, painter = self._rows.ring, self._painter
        if pages > 0 and not any(
            painter.goes_on(part.serial, ring.text(part.serial), ring.kind(part.serial))
            for part in self._parts
            if self._height_of(part.serial) == 1
        ):
            return
        left = max(0, painter.left + pages * max(4, painter.room // 2))
        if left != painter.left and not self._wraps:
            painter.left = left
            self.repaint()

    # -- painting

    def _look_of(self, look: str) -> Style:
        if look == "selection":
            return self.screen.get_component_rich_style("screen--selection")
        return self.get_component_rich_style(f"log-view--{look}", partial=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._base = None
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        width = max(1, self.scrollable_content_region.width)
        if self._base is None:
            self._base = self.rich_style
        if y < len(self._parts) and self._parts[y].serial >= self._rows.ring.first:
            part = self._parts[y]
            strip = self._row_strip(part, width, self._base)
            return strip if self._is_painting else strip.apply_offsets(self._first_place(part), part.serial)
        if not self._parts and y == min(1, self.size.height - 1):
            text = self._empty_message if not len(self._rows.ring) else _NO_ROW
            told = fit(text, max(1, width - GUTTER), more=self._glyphs.more)
            return Strip([Segment(" " * GUTTER + told, self._base + self._look_of("empty"))]).adjust_cell_length(width)
        return Strip.blank(width, self._base)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Places for a mouse that selects are told only when asked for: they would double the cost of painting."""
        self._is_painting = True
        try:
            return super().render_lines(crop)
        finally:
            self._is_painting = False

    def _first_place(self, part: Part) -> int:
        ring, serial = self._rows.ring, part.serial
        return self._painter.first_place(serial, ring.text(serial), ring.kind(serial), self._part_number(part))

    def _part_number(self, part: Part) -> int | None:
        """None for a line that is clipped."""
        return part.part if self._wraps or part.serial in self._whole else None

    def _chosen(self, serial: int) -> Span | None:
        """What of a line is selected."""
        selection = self.text_selection
        span = selection.get_span(serial) if selection is not None else None
        return Span(span[0], span[1] if span[1] >= 0 else maxsize, "selection") if span is not None else None

    def _row_strip(self, part: Part, width: int, base: Style) -> Strip:
        serial = part.serial
        is_cursor = serial == self._place.cursor
        number, chosen = self._part_number(part), self._chosen(serial)
        key = (serial, number)
        strip = None if is_cursor or chosen else self._strips.get(key)
        if strip is None:
            ring = self._rows.ring
            match = "match-current" if is_cursor else "match"
            sign = is_cursor and self.has_focus and not number
            segments = self._painter.segments(
                serial, ring.text(serial), ring.kind(serial), part=number, match=match, cursor=sign, chosen=chosen
            )
            if is_cursor:
                base += self._look_of("cursor" if self.has_focus else "cursor-blurred")
            strip = _joined(segments, width, base)
            if not is_cursor and not chosen:
                if len(self._strips) >= _CACHED_STRIPS:
                    self._strips.clear()
                self._strips[key] = strip
        return strip

    def on_focus(self) -> None:
        self._repaint_line(self._place.cursor)

    def on_blur(self) -> None:
        self._repaint_line(self._place.cursor)


def _joined(segments: Iterable[Segment], width: int, base: Style) -> Strip:
    """Exactly `width` cells on `base`, letters of one look in one run: each run sends its colours again."""
    runs: list[tuple[str, Style]] = []
    used = 0
    for segment in segments:
        style = base + segment.style if segment.style else base
        used += segment.cell_length
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + segment.text, style)
        elif segment.text:
            runs.append((segment.text, style))
    if used < width:
        runs.append((" " * (width - used), base))
    strip = Strip([Segment(text, style) for text, style in runs], max(used, width))
    return strip if used <= width else strip.crop(0, width)
