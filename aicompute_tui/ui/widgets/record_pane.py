"""A row in full, below its table or on a page: wrapped to its width, scrolled by keys where it is long."""

from __future__ import annotations

from textual.content import Content

from aicompute_tui.ui.record_lines import Lines
from aicompute_tui.ui.widgets.content_lines import ContentLines


class RecordPane(ContentLines):
    """Told again at each new width."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, can_focus=True)
        self._told: Lines = lambda _: []
        self._told_width = 0

    def tell(self, lines: Lines) -> None:
        """What to say at any width; the view goes back to its beginning."""
        self._told = lines
        self._told_width = 0
        if self.is_attached:
            self.scroll_to(y=0, animate=False, force=True)
            self._tell()

    def on_resize(self) -> None:
        self._tell()

    def _tell(self) -> None:
        width = self.size.width - self.styles.scrollbar_size_vertical
        if width > 0 and width != self._told_width:
            self._told_width = width
            self.show_lines(self._told(width) or [Content("")])
