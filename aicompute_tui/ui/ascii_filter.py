"""The last thing before the terminal where it has no UTF-8: every letter as its ASCII twin."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from aicompute_tui.ui.glyphs import ascii_twin


class AsciiFilter(LineFilter):
    """Keeps styles and widths."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            Segment(ascii_twin(text), style, control) if not text.isascii() else Segment(text, style, control)
            for text, style, control in segments
        ]
