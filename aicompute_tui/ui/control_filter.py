"""The last thing before every terminal: no text from outside may steer it or turn a line round."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter


class ControlFilter(LineFilter):
    """Takes control and direction characters out; styles and widths stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment if segment.control or segment.text.isprintable() else Segment(_printed(segment.text), segment.style)
            for segment in segments
        ]


def _printed(text: str) -> str:
    return "".join(each if each.isprintable() else " " * cell_len(each) for each in text)
