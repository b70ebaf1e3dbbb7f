"""A sentence or two about what is under the cursor, in the lines there are: what does not fit is cut and marked."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.columns import fit, plain


class ToldLines(Static):
    """Wrapped to its width; its height comes from the styles and stays, whatever is told."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id, classes=classes, markup=False)
        self._glyphs = glyphs
        self._told = ""

    def tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._lay_out()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width, height = self.content_size
        if width <= 0 or height <= 0:
            return
        lines = [line.plain.rstrip() for told in self._told.splitlines() for line in Content(plain(told)).wrap(width)]
        if len(lines) > height:
            lines[height - 1 :] = [fit(" ".join(lines[height - 1 :]), width, more=self._glyphs.more).rstrip()]
        self.update(Content("\n".join(lines)), layout=False)
