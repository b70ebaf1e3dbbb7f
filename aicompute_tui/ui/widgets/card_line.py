"""The line of figures below the header: machines, GPU hours, and what the header had no room for."""

from __future__ import annotations

from collections.abc import Collection

from textual.content import Content

from aicompute_tui.services.figures import Figures
from aicompute_tui.ui.format import money_of_nano
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.text_line import TextLine, join

_WIDE = 100


class CardLine(TextLine):
    """`show_figures` gives it what to say; None before the first reading."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="cards")
        self._glyphs = glyphs

    def show_figures(self, figures: Figures | None, width: int, *, also: Collection[str] = ()) -> None:
        """`also` names figures that stand nowhere else: `today`, `month`."""
        self.show(card_content(figures, width, self._glyphs, also))


def card_content(figures: Figures | None, width: int, glyphs: Glyphs, also: Collection[str]) -> Content:
    if figures is None:
        return Content.styled(f"  Machines  {glyphs.unknown}", "$foreground-muted")
    hours = f"{figures.gpu_hours_month:,.1f}"
    spent = {"today": figures.today_nano_usd, "month": figures.month_nano_usd}
    left_out = [(word, money_of_nano(nano, glyphs)) for word, nano in spent.items() if word in also]
    if width >= _WIDE:
        parts = [
            _card("Machines", f"{figures.running} running / {figures.total}"),
            _card("GPU hours", f"{hours} this month"),
            *(_card(word.capitalize(), text) for word, text in left_out),
        ]
        return Content.assemble("  ", join(parts, "      "))
    machines = Content.assemble((f"{figures.running}/{figures.total}", "bold"), (" machines", "$foreground-muted"))
    parts = [machines, *(Content.assemble((f"{word} ", "$foreground-muted"), text) for word, text in left_out)]
    parts.append(Content.assemble((hours, "bold"), (" GPU h", "$foreground-muted")))
    while len(parts) > 1 and sum(part.cell_length + 3 for part in parts) + 2 > width:
        parts.pop()
    return Content.assemble("  ", join(parts))


def _card(title: str, text: str) -> Content:
    return Content.assemble((f"{title}  ", "$foreground-muted"), (text, "bold"))
