"""The line on top: what is looked at, what it costs, and whether anything is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from aicompute_tui.services.figures import Figures
from aicompute_tui.ui.format import money_of_nano, price, span
from aicompute_tui.ui.glyphs import UNICODE, Glyphs
from aicompute_tui.ui.session import AgentState
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.text_line import TextLine, join, spread


@dataclass(frozen=True, slots=True)
class HeaderView:
    """Everything the header says. `figures` is None before the first reading of the store."""

    crumbs: tuple[str, ...]
    filter: str = ""
    figures: Figures | None = None
    agent: AgentState = "starting"
    alerts: int = 0
    stale_seconds: float = 0.0
    """How long nobody has told of the machines that run, where that is long."""
    demo: bool = False
    read_only: bool = False


def stale_seconds(figures: Figures | None, now: float) -> float:
    """How long no cloud has told of any machine that lives, 0 while it is told of as often as it is looked at."""
    if figures is None or figures.seen_at is None or now - figures.seen_at < _STALE:
        return 0.0
    return now - figures.seen_at


class HeaderLine(TextLine):
    """`show_view` gives it what to say; it leaves out what does not fit, the least needed first."""

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id="header")
        self._glyphs = glyphs
        self._view = HeaderView(())
        self.left_out: frozenset[str] = frozenset()
        """Figures that the line has no room for: `month`, `today`, `agent`."""

    def show_view(self, view: HeaderView) -> None:
        self._view = view
        self._fill()

    def on_resize(self) -> None:
        self._fill()

    def _fill(self) -> None:
        width = self.expected_width
        if width:
            content, self.left_out = fit_header(self._view, width, self._glyphs)
            self.show(content)


def header_content(view: HeaderView, width: int, glyphs: Glyphs) -> Content:
    """The line at `width`: the product's name, then month, then today, then a healthy agent give way."""
    return fit_header(view, width, glyphs)[0]


def fit_header(view: HeaderView, width: int, glyphs: Glyphs) -> tuple[Content, frozenset[str]]:
    """The line at `width`, and which of its figures had no room."""
    left, short_left = _left(view, glyphs, named=True), _left(view, glyphs, named=False)
    parts = _right(view, glyphs)
    gap = "   " if width >= _ROOMY else "  "
    for dropped in _DROPS:
        right = join([part for name, part in parts if name not in dropped and part.plain], gap)
        for candidate in (left, short_left):
            if candidate.cell_length + right.cell_length + 3 <= width:
                return spread(candidate, Content.assemble(right, " "), width, glyphs.more), dropped
    return spread(short_left, Content.assemble(right, " "), width, glyphs.more), dropped


_ROOMY = 100
_STALE = 10 * 60.0


_DROPS: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"month"}),
    frozenset({"month", "today"}),
    frozenset({"month", "today", "agent"}),
)


def _left(view: HeaderView, glyphs: Glyphs, *, named: bool) -> Content:
    parts: list[Content] = []
    if named:
        parts.append(Content.styled("aic-tui", "$foreground-muted"))
    if view.demo:
        parts.append(Content.styled("DEMO", "bold $warning"))
    if view.read_only:
        parts.append(Content.styled("READ-ONLY", "bold $warning"))
    parts.append(Content.styled(f" {glyphs.crumb} ".join(map(plain, view.crumbs)), "bold"))
    if view.filter:
        parts.append(Content.styled(f"/{view.filter}", "$accent"))
    return Content.assemble(" ", join(parts, "  "))


def _right(view: HeaderView, glyphs: Glyphs) -> Sequence[tuple[str, Content]]:
    figures = view.figures
    if figures is None:
        costs = [("burn", Content.styled(price(None, glyphs) + "/h", "dim"))]
    else:
        uncertain = "+?" if figures.unpriced_count else ""
        costs = [
            ("burn", _burn(price(figures.burn_usd_per_hour, glyphs) + uncertain, view.stale_seconds)),
            ("today", _figure("today", money_of_nano(figures.today_nano_usd, glyphs))),
            ("month", _figure("month", money_of_nano(figures.month_nano_usd, glyphs))),
        ]
    return [*costs, ("agent", _agent(view.agent, glyphs)), ("alerts", _alerts(view.alerts))]


def _burn(text: str, stale_seconds: float) -> Content:
    """`$1.57/h`, dim with its age where it may no longer be so: `$1.57/h ·2h`."""
    if not stale_seconds:
        return Content.styled(text, "bold")
    return Content.styled(f"{text} ·{span(stale_seconds)}", "dim")


def _figure(word: str, text: str) -> Content:
    return Content.assemble((f"{word} ", "$foreground-muted"), text)


def _agent(state: AgentState, glyphs: Glyphs) -> Content:
    if state == "on":
        return Content.assemble(("agent ", "$foreground-muted"), (glyphs.dot, "$success"))
    if state == "starting":
        return Content.assemble(("agent ", "$foreground-muted"), (glyphs.hollow, "$foreground-muted"))
    return Content.styled(f"no agent {glyphs.failed}", "bold $error")


def _alerts(count: int) -> Content:
    if not count:
        return Content("")
    return Content.styled(f"{count} alert{'' if count == 1 else 's'}", "bold $warning")
