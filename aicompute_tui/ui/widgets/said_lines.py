"""What was said in a conversation, wrapped to the window; an answer grows as it comes."""

from __future__ import annotations

from textual.content import Content
from textual.timer import Timer

from aicompute_tui.ui.widgets.columns import Tone, plain
from aicompute_tui.ui.widgets.content_lines import ContentLines

_PAINT_SECONDS = 0.1
_LONGEST_OPEN = 2_000
"""Characters of a paragraph that are wrapped again with each piece; what stands before them stays as it is."""
_MOST_LINES = 5_000
_STYLES = {"": "", "dim": "$foreground-muted", "bad": "$error", "warn": "$warning", "strong": "bold $primary"}


class SaidLines(ContentLines):
    """`say` begins what somebody says, `feed` goes on with it, `note` tells something of it."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, can_focus=True)
        self._said: list[tuple[str, Tone]] = []
        """Whole paragraphs, for when the window gets another width."""
        self._done: list[Content] = []
        self._open = ""
        """The paragraph that is still being said."""
        self._wrapped_to = 0
        self._timer: Timer | None = None

    def clear(self) -> None:
        self._said, self._done, self._open = [], [], ""
        self._paint()

    def say(self, who: str, text: str = "") -> None:
        self._close()
        if self._done:
            self._add("", "")
        self._add(who, "strong")
        self.feed(text)

    def note(self, text: str, tone: Tone = "dim") -> None:
        self._close()
        self._add(text, tone)
        self._paint()

    def feed(self, piece: str) -> None:
        """Painted soon, however many pieces come until then."""
        *whole, self._open = (self._open + piece).split("\n")
        for paragraph in whole:
            self._add(paragraph, "")
        if len(self._open) > _LONGEST_OPEN:
            *lines, last = self._wrapped(self._open, "")
            self._open = last.plain
            self._said += [(line.plain, "") for line in lines]
            self._done += lines
        if self._timer is None and self.is_mounted:
            self._timer = self.set_timer(_PAINT_SECONDS, self._paint)

    def on_mount(self) -> None:
        self._paint()

    def on_resize(self) -> None:
        if self._room != self._wrapped_to:
            self._wrapped_to = self._room
            self._done = [line for text, tone in self._said for line in self._wrapped(text, tone)]
            self._paint()

    @property
    def _room(self) -> int:
        return max(10, self.scrollable_content_region.width)

    def _close(self) -> None:
        if self._open:
            self._add(self._open, "")
            self._open = ""

    def _add(self, text: str, tone: Tone) -> None:
        self._said.append((text, tone))
        self._done += self._wrapped(text, tone)
        del self._said[:-_MOST_LINES], self._done[:-_MOST_LINES]

    def _wrapped(self, text: str, tone: Tone) -> list[Content]:
        content = Content.styled(plain(text.expandtabs(4)), _STYLES.get(tone, ""))
        return content.wrap(self._room) or [Content("")]

    def _paint(self) -> None:
        """Stays at the end where it was there before."""
        self._timer = None
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self.show_lines([*self._done, *(self._wrapped(self._open, "") if self._open else [])])
        if at_end:
            self.scroll_end(animate=False)
