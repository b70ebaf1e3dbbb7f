"""What is looked for in a log, and looking for it a slice at a time, so that keys are answered in between."""

from __future__ import annotations

import re
import signal
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import accumulate
from types import FrameType

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.ui.widgets.log_ring import LogRing
from aicompute_tui.ui.widgets.log_text import plain_line

LONGEST = 200
_BATCH = 32
_PLAIN_BATCH = 256
_BATCH_LETTERS = 32_768
_BATCH_SECONDS = 0.03
"""The longest one expression may hold the loop; a batch of lines takes far less."""
_PAINT_SECONDS = 0.005
_MOST_SPANS = 2_000
_MOST_CPU_SECONDS = 5.0
_DEAD_HITS = 4_096
_CAPITALS = re.compile(r"\\.|[^A-Z]")


class TooSlow(Exception):
    """An expression that goes back and forth over a line longer than there is time."""


class Pattern:
    """Plain text, or an expression between two slashes; capitals in it are meant, else case does not count."""

    def __init__(self, text: str) -> None:
        """Raises InvalidInput for an expression that does not parse."""
        self.text = text[:LONGEST]
        self.is_expression = len(self.text) > 2 and self.text.startswith("/") and self.text.endswith("/")
        body = self.text[1:-1] if self.is_expression else self.text
        letters = _CAPITALS.sub("", body) if self.is_expression else body
        self._exact = letters != letters.lower()
        self._needle = body if self._exact else body.lower()
        self._compiled = _compile(body if self.is_expression else re.escape(body), exact=self._exact)

    def matches(self, line: str) -> bool:
        """Raises TooSlow inside `time_limit`."""
        if self.is_expression:
            return self._compiled.search(line) is not None
        return self._needle in (line if self._exact else line.lower())

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Where it stands in a line that is painted; none where that takes too long."""
        found: list[tuple[int, int]] = []
        try:
            with time_limit(_PAINT_SECONDS) if self.is_expression else nullcontext():
                for match in self._compiled.finditer(line):
                    if match.end() > match.start():
                        found.append(match.span())
                    if len(found) >= _MOST_SPANS:
                        break
        except TooSlow:
            pass
        return found


def _compile(body: str, *, exact: bool) -> re.Pattern[str]:
    try:
        return re.compile(body, 0 if exact else re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidInput(
            f"The regular expression does not parse: {error}.",
            "Mend it, or leave out the slashes to look for the text.",
        ) from None


_armed = False


def _ring_alarm(_number: int, _frame: FrameType | None) -> None:
    if _armed:
        raise TooSlow


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TooSlow where the body takes longer: an alarm is the one thing that ends a running expression.

    Alarms reach the main thread alone; elsewhere there is no limit.
    """
    global _armed  # noqa: PLW0603
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    if signal.getsignal(signal.SIGALRM) is not _ring_alarm:
        signal.signal(signal.SIGALRM, _ring_alarm)
    _armed = True
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        _armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)


class Scan:
    """Serials of the lines a test takes, found a slice at a time and kept current as lines come and go."""

    def __init__(self, ring: LogRing, takes: Callable[[str, int], bool], *, may_be_slow: bool = True) -> None:
        """A test that `may_be_slow` looks at few lines at once, each few under an alarm."""
        self._may_be_slow = may_be_slow
        self._ring = ring
        self._takes = takes
        self._hits = array("q")
        self._next = ring.first
        self._used = 0.0
        self.gave_up = False

    @property
    def is_current(self) -> bool:
        return self.gave_up or self._next >= self._ring.end

    def step(self, seconds: float) -> bool:
        """Goes on for about that long; True when it has seen every line."""
        began = time.perf_counter()
        while not self.is_current and time.perf_counter() - began < seconds:
            self._take_batch()
        self._used += time.perf_counter() - began
        if self._used > _MOST_CPU_SECONDS and not self.is_current:
            self.gave_up = True
        elif self.is_current:
            self._used = 0.0
        return self.is_current

    def _take_batch(self) -> None:
        self._next = max(self._next, self._ring.first)
        texts, kinds = self._batch()
        takes = self._takes
        try:
            with time_limit(_BATCH_SECONDS) if self._may_be_slow else nullcontext():
                found = [
                    serial
                    for serial, (text, kind) in enumerate(zip(texts, kinds, strict=True), self._next)
                    if takes(plain_line(text), kind)
                ]
        except TooSlow:
            self.gave_up = True
            return
        self._hits.extend(found)
        self._next += len(texts)

    def _batch(self) -> tuple[list[str], bytearray]:
        """Fewer lines where they are long, so that the limit is one of a line and not of a batch."""
        texts = self._ring.texts(self._next, _BATCH if self._may_be_slow else _PLAIN_BATCH)
        if sum(map(len, texts)) > _BATCH_LETTERS:
            reached = list(accumulate(map(len, texts)))
            texts = texts[: max(1, bisect_right(reached, _BATCH_LETTERS))]
        return texts, self._ring.kinds(self._next, len(texts))

    # -- what was found, of the lines still held

    def __len__(self) -> int:
        return len(self._hits) - self._gone()

    def serial(self, index: int) -> int:
        return self._hits[self._gone() + index]

    def index(self, serial: int) -> int:
        """The first hit at or after `serial`; the number of hits where there is none."""
        return bisect_left(self._hits, serial, self._gone()) - self._gone()

    def holds(self, serial: int) -> bool:
        place = self.index(serial)
        return place < len(self) and self.serial(place) == serial

    def _gone(self) -> int:
        first = self._ring.first
        if not self._hits or self._hits[0] >= first:
            return 0
        gone = bisect_left(self._hits, first)
        if gone > _DEAD_HITS:
            del self._hits[:gone]
            return 0
        return gone
