"""The lines of a log that are shown: those the filter takes, and the matches of a search among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aicompute_tui.ui.widgets.columns import TONES, Tone
from aicompute_tui.ui.widgets.log_ring import MOST_LINES, LogRing
from aicompute_tui.ui.widgets.log_search import Pattern, Scan
from aicompute_tui.ui.widgets.log_text import plain_line

LINE, STDERR = 0, 1
_MARKS: tuple[Tone, ...] = ("", *TONES)
_FIRST_MARK = 2
_TOO_SLOW = "The expression takes too long on these lines; what was found until then is shown."


def mark_kind(tone: Tone) -> int:
    return _FIRST_MARK + _MARKS.index(tone)


def mark_tone(kind: int) -> Tone | None:
    """The tone of a mark; None for a line of the log itself."""
    return _MARKS[kind - _FIRST_MARK] if kind >= _FIRST_MARK else None


class LogRows:
    """Rows by serial of their line. A new filter takes over once it has seen every line, so that nothing flickers."""

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self.ring = LogRing(most_lines)
        self.filter_text = ""
        self.search_text = ""
        self.pattern: Pattern | None = None
        self._takes: Callable[[str, int], bool] | None = None
        self._filter_is_expression = False
        self._filter: Scan | None = None
        self._coming: Scan | None = None
        self._search: Scan | None = None

    # -- rows

    def __len__(self) -> int:
        return len(self.ring) if self._filter is None else len(self._filter)

    def serial(self, index: int) -> int:
        return self.ring.first + index if self._filter is None else self._filter.serial(index)

    def index(self, serial: int) -> int:
        """The row at or after `serial`; the number of rows where there is none."""
        if self._filter is None:
            return min(max(0, serial - self.ring.first), len(self.ring))
        return self._filter.index(serial)

    def lines(self) -> Iterator[str]:
        """Every row's text as it can be read; rows that come or go meanwhile do no harm."""
        serial, end = self.ring.first, self.ring.end
        while (row := self.index(serial)) < len(self) and (serial := self.serial(row)) < end:
            yield plain_line(self.ring.text(serial))
            serial += 1

    def clear(self) -> None:
        self.ring.clear()

    # -- filter and search

    def set_filter(self, text: str) -> None:
        """`!` before it turns it round. Raises InvalidInput; the filter before it then stays."""
        inverse = text.startswith("!")
        body = text[1:].lstrip() if inverse else text
        pattern = Pattern(body) if body.strip() else None
        self.filter_text = text if pattern is not None else ""
        self._takes = None if pattern is None else _filter_test(pattern, inverse=inverse)
        self._filter_is_expression = pattern is not None and pattern.is_expression
        takes = self._takes
        self._coming = takes and Scan(self.ring, takes, may_be_slow=self._filter_is_expression)
        if self._coming is None:
            self._filter = None
        self._begin_search()

    def set_search(self, text: str) -> None:
        """Raises InvalidInput; the search before it then stays."""
        self.pattern = Pattern(text) if text.strip() else None
        self.search_text = text if self.pattern is not None else ""
        self._begin_search()

    def _begin_search(self) -> None:
        pattern, takes = self.pattern, self._takes
        if pattern is None:
            self._search = None
        elif takes is None:
            self._search = Scan(self.ring, lambda text, _: pattern.matches(text), may_be_slow=pattern.is_expression)
        else:
            self._search = Scan(
                self.ring,
                lambda text, kind: takes(text, kind) and pattern.matches(text),
                may_be_slow=pattern.is_expression or self._filter_is_expression,
            )

    def step(self, seconds: float) -> bool:
        """Looks on for about that long; True when filter and search have seen every line."""
        narrowing = self._filter if self._coming is None else self._coming
        scans = [scan for scan in (narrowing, self._search) if scan is not None]
        done = all(scan.step(seconds) for scan in scans)
        if self._coming is not None and self._coming.is_current:
            self._filter, self._coming = self._coming, None
        return done

    @property
    def is_current(self) -> bool:
        return all(scan is None or scan.is_current for scan in (self._coming, self._filter, self._search))

    @property
    def is_filtering(self) -> bool:
        """A filter is being tried on the lines and not shown yet."""
        return self._coming is not None

    @property
    def problem(self) -> str:
        """Why not everything was looked through; empty where it was."""
        given_up = any(scan is not None and scan.gave_up for scan in (self._coming, self._filter, self._search))
        return _TOO_SLOW if given_up else ""

    # -- matches

    @property
    def match_count(self) -> int:
        return 0 if self._search is None else len(self._search)

    def match_place(self, serial: int) -> int:
        """Which match a line is, from 1; 0 where it is none."""
        if self._search is None or not self._search.holds(serial):
            return 0
        return self._search.index(serial) + 1

    def match_near(self, serial: int) -> int | None:
        """The match at or after a line, else the last one before it."""
        if self._search is None or not len(self._search):
            return None
        return self._search.serial(min(self._search.index(serial), len(self._search) - 1))

    def match_from(self, serial: int, step: int) -> int | None:
        """The next match after a line, or before it for a negative step, round the ends."""
        if self._search is None or not len(self._search):
            return None
        at, count = self._search.index(serial), len(self._search)
        if step > 0:
            at += 1 if self._search.holds(serial) else 0
        else:
            at -= 1
        return self._search.serial(at % count)


def _filter_test(pattern: Pattern, *, inverse: bool) -> Callable[[str, int], bool]:
    """Marks always pass: they say what is missing between lines."""
    if inverse:
        return lambda text, kind: kind >= _FIRST_MARK or not pattern.matches(text)
    return lambda text, kind: kind >= _FIRST_MARK or pattern.matches(text)
