"""Lines of a log as segments: the visible cells of a line, its time, its level and its matches in their look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from itertools import pairwise
from typing import Literal, NamedTuple

from rich.segment import Segment
from rich.style import Style

from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.log_rows import STDERR, mark_tone
from aicompute_tui.ui.widgets.log_search import Pattern
from aicompute_tui.ui.widgets.log_text import (
    Span,
    breaks,
    cells,
    last_written,
    level_span,
    plain_line,
    spread_tabs,
    time_length,
    time_of_day,
    window,
)

Times = Literal["short", "full", "none"]
GUTTER = 2
"""Cells before a line: the cursor, and a bar where it came by stderr."""
_CACHED_LETTERS = 1_000_000
_CACHED_LINES = 1_000
_LETTERS_A_CELL, _LEAST_LETTERS = 4, 1_000
"""How much of a line is read to paint a view's width of it: letters without a width and escapes take some."""
_BAR, _DASH = "┃", "─"


class _Shown(NamedTuple):
    """A line as it is shown, and what in it has a look of its own; later spans lie over earlier ones."""

    text: str
    spans: tuple[Span, ...]
    starts: Sequence[int]
    """Where its lines on the terminal begin; empty where only what is in view was made."""
    goes_on: bool
    """There is more of it to the right."""


class LogPainter:
    """Keeps what it made of the lines last painted, until the width or what is marked changes."""

    def __init__(self, glyphs: Glyphs, style_of: Callable[[str], Style]) -> None:
        self.glyphs = glyphs
        self._style_of = style_of
        self._shown: dict[tuple[int, bool], _Shown] = {}
        self._letters = 0
        self.width = 80
        self.left = 0
        self.times: Times = "short"
        self.zone: tzinfo | None = None
        """Where the reader's clock stands; None leaves times as they were written."""
        self.pattern: Pattern | None = None

    def forget(self) -> None:
        self._shown.clear()
        self._letters = 0

    @property
    def room(self) -> int:
        """Cells of a line beside the gutter."""
        return max(1, self.width - GUTTER)

    def height(self, serial: int, text: str, kind: int) -> int:
        """Into how many lines of the terminal it is broken where it is shown whole."""
        return len(self._line(serial, text, kind, whole=True).starts)

    def goes_on(self, serial: int, text: str, kind: int) -> bool:
        """Whether a line that is not shown whole has more to the right of the view."""
        return self._line(serial, text, kind, whole=False).goes_on

    def shown_text(self, serial: int, text: str, kind: int) -> str:
        """All of a line as it is shown."""
        return self._line(serial, text, kind, whole=True).text

    def first_place(self, serial: int, text: str, kind: int, part: int | None) -> int:
        """The place in the shown text of what stands in the first cell of a painted line, the gutter counted in."""
        line = self._line(serial, text, kind, whole=part is not None)
        if part is not None:
            return line.starts[part] - GUTTER
        start, _, blank = window(line.text, self.left + self._is_cut_before(line), self.room)
        return start - blank - self._is_cut_before(line) - GUTTER

    def segments(
        self, serial: int, text: str, kind: int, *, part: int | None, match: str, cursor: bool, chosen: Span | None
    ) -> list[Segment]:
        """`part` of a line shown whole, or (None) what of it is in view; `match` is the look of its matches."""
        line = self._line(serial, text, kind, whole=part is not None)
        if chosen is not None:
            line = line._replace(spans=(*line.spans, chosen))
        sign = self._style_of("stderr") if kind == STDERR else None
        gutter = [
            Segment(self.glyphs.cursor if cursor else " "),
            Segment(_BAR if kind == STDERR and not part else " ", sign),
        ]
        tone = mark_tone(kind)
        whole = self._style_of(f"mark-{tone or 'plain'}") if tone is not None else None
        if part is not None:
            end = line.starts[part + 1] if part + 1 < len(line.starts) else len(line.text)
            body = self._segments(line, line.starts[part], end, match, whole)
        else:
            body = self._clipped(line, match, whole)
        if tone is not None:
            used = sum(segment.cell_length for segment in body)
            body.append(Segment(_DASH * max(0, self.room - used), whole))
        return [*gutter, *body]

    def _clipped(self, line: _Shown, match: str, whole: Style | None) -> list[Segment]:
        before, beyond = self._is_cut_before(line), line.goes_on
        room = self.room - before - beyond
        start, end, blank = window(line.text, self.left + before, max(0, room))
        more = self._style_of("more")
        body = [Segment(self.glyphs.left, more)] if before else []
        body += [Segment(" " * blank)] if blank else []
        body += self._segments(line, start, end, match, whole)
        if beyond:
            used = sum(segment.cell_length for segment in body)
            body += [Segment(" " * max(0, self.room - 1 - used)), Segment(self.glyphs.right, more)]
        return body

    def _is_cut_before(self, line: _Shown) -> bool:
        return self.left > 0 and line.text != ""

    def _segments(self, line: _Shown, start: int, end: int, match: str, whole: Style | None) -> list[Segment]:
        """The letters of the line from `start` to `end`, cut where their look changes."""
        spans = [span for span in line.spans if span.start < end and span.end > start]
        if not spans:
            return [Segment(line.text[start:end], whole)]
        edges = sorted({start, end, *(min(end, max(start, edge)) for span in spans for edge in span[:2])})
        segments = []
        for near, far in pairwise(edges):
            style = whole or Style.null()
            for span in spans:
                if span.start <= near and span.end >= far:
                    style += self._style_of(match if span.part == "match" else span.part)
            segments.append(Segment(line.text[near:far], style))
        return segments

    def _line(self, serial: int, text: str, kind: int, *, whole: bool) -> _Shown:
        line = self._shown.get((serial, whole))
        if line is None:
            line = self._make(text, kind, whole=whole)
            self._letters += len(line.text)
            if self._letters > _CACHED_LETTERS or len(self._shown) >= _CACHED_LINES:
                self.forget()
                self._letters = len(line.text)
            self._shown[serial, whole] = line
        return line

    def _make(self, text: str, kind: int, *, whole: bool) -> _Shown:
        text = last_written(text)
        reach = self.left + self.room
        is_cut = not whole and len(text) > _LETTERS_A_CELL * reach + _LEAST_LETTERS
        if is_cut:
            text = text[: _LETTERS_A_CELL * reach + _LEAST_LETTERS]
        text = spread_tabs(plain_line(text))
        spans: list[Span] = []
        if mark_tone(kind) is not None:
            text = f"{_DASH}{_DASH} {text} "
        else:
            length = time_length(text)
            if length and self.times != "full":
                shown = time_of_day(text, self.zone) if self.times == "short" else ""
                text = shown + text[length:]
                length = len(shown)
            if length:
                spans.append(Span(0, length, "time"))
            level = level_span(text)
            spans += [level] if level is not None else []
        if self.pattern is not None:
            spans += [Span(start, end, "match") for start, end in self.pattern.spans(text)]
        starts = breaks(text, self.room) if whole else ()
        return _Shown(text, tuple(spans), starts, is_cut or (not whole and cells(text) > reach))
