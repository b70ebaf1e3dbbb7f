"""One line of text that repaints only when it says something else."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

GAP = "   "


class TextLine(Static):
    """`show` takes parts; an empty line is blank."""

    DEFAULT_CSS = "TextLine { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own word
        super().__init__("", id=id, markup=False)
        self._shown: Content | None = None

    def show(self, content: Content) -> None:
        if self._shown is None or content != self._shown or content.spans != self._shown.spans:
            self._shown = content
            self.update(content, layout=False)

    @property
    def expected_width(self) -> int:
        """The whole terminal's before the first layout, so that the first frame already has the line."""
        return self.size.width or (self.app.size.width if self.is_attached else 0)

    @property
    def text(self) -> str:
        """What the line says."""
        return self._shown.plain if self._shown is not None else ""


def join(parts: list[Content], gap: str = GAP) -> Content:
    return Content(gap).join(parts)


def spread(left: Content, right: Content, width: int, more: str) -> Content:
    """Left part and right part at the two ends of `width`; the left one is cut where both do not fit."""
    right = right.truncate(width) if right.cell_length > width else right
    room = width - right.cell_length - (1 if right else 0)
    if left.cell_length > room:
        left = Content.assemble(left.truncate(max(0, room - 1), ellipsis=False), more) if room > 0 else Content("")
    padding = width - left.cell_length - right.cell_length
    return Content.assemble(left, " " * max(0, padding), right)
