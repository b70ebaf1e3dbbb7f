"""The line of figures below the header: machines, containers, connections, servers, and what the header left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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
        for is_terse, gap in ((False, 6), (False, 3), (True, 3)):
            line = Content.assemble("  ", join(_cards(figures, left_out, is_terse=is_terse), " " * gap))
            if line.cell_length <= width:
                return line
    machines = Content.assemble((f"{figures.running}/{figures.total}", "bold"), (" machines", "$foreground-muted"))
    parts = [machines, *(Content.assemble((f"{word} ", "$foreground-muted"), text) for word, text in left_out)]
    parts.append(Content.assemble((hours, "bold"), (" GPU h", "$foreground-muted")))
    if figures.hosts:
        word = " container" if figures.containers_running == 1 else " containers"
        parts.append(Content.assemble((str(figures.containers_running), "bold"), (word, "$foreground-muted")))
    for word, well, total in (
        ("connections", figures.connections_healthy, figures.connections),
        ("servers", figures.servers_online, figures.servers),
    ):
        if total:
            parts.append(Content.assemble((f"{well}/{total}", "bold"), (f" {word}", "$foreground-muted")))
    while len(parts) > 1 and sum(part.cell_length + 3 for part in parts) + 2 > width:
        parts.pop()
    return Content.assemble("  ", join(parts))


def _hosts(figures: Figures) -> str:
    """`2 hosts`, `1 of 2 hosts` where one does not answer."""
    word = "host" if figures.hosts == 1 else "hosts"
    up = "" if figures.hosts_up == figures.hosts else f"{figures.hosts_up} of "
    return f"{up}{figures.hosts} {word}"


def _cards(figures: Figures, left_out: Iterable[tuple[str, str]], *, is_terse: bool) -> list[Content]:
    """In words, or with what can be spared left out."""
    month, healthy = ("", "") if is_terse else (" this month", " healthy")
    connections = f"{figures.connections_healthy} of {figures.connections}{healthy}"
    return [
        _card("Machines", f"{figures.running} running / {figures.total}"),
        _card("GPU hours", f"{figures.gpu_hours_month:,.1f}{month}"),
        *(_card(word.capitalize(), text) for word, text in left_out),
        *([_card("Containers", f"{figures.containers_running} on {_hosts(figures)}")] if figures.hosts else []),
        *([_card("Connections", connections)] if figures.connections else []),
        *([_card("Servers", f"{figures.servers_online} of {figures.servers}")] if figures.servers else []),
    ]


def _card(title: str, text: str) -> Content:
    return Content.assemble((f"{title}  ", "$foreground-muted"), (text, "bold"))
