"""How busy a model server is: a short chart and a figure each for requests, cache, speed, first token and memory."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.ui.figure_history import LIVE_SECONDS, STRETCHES, FigureHistory, Stretch
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.server_columns import tokens_text, wait_text
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.spark_line import spark_line
from aicompute_tui.ui.widgets.text_line import TextLine, spread

STALE_SECONDS = 15.0
"""Watched every two seconds, older figures look old."""
_TIGHT = 56
"""Below this width each figure has a line of its own."""
_GAP, _LABEL, _FIGURE, _MEMORY = 4, 9, 8, 19
_LONGEST_CHART = 60
_DIM = "$foreground-muted"
_ORDER = {
    "requests_running": "running", "requests_waiting": "waiting", "cache_share": "KV cache",
    "tokens_per_second": "tokens/s", "first_token_seconds": "TTFT", "memory_used_bytes": "VRAM",
}  # fmt: skip
_OWN_LABELS = {"comfyui": {"requests_waiting": "queued"}}
_LEAST = {"requests_running": 4.0, "requests_waiting": 4.0, "tokens_per_second": 10.0, "first_token_seconds": 0.5}
"""A chart of next to nothing does not fill its line."""


class FigureView(NamedTuple):
    """`problem` says why there are no figures; empty where there are or will be."""

    kind: str
    stretch: Stretch
    now: float
    problem: str = ""
    is_asked: bool = False
    """Stored samples are on their way."""


class FigurePanel(Vertical):
    """A title with the stretches to choose from, and the charts; the title alone where nothing is told."""

    DEFAULT_CSS = "FigurePanel { height: auto; }"

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="figure-panel")
        self.history = FigureHistory()
        self._glyphs = glyphs
        self._title = TextLine(id="figure-title")
        self._lines = ContentLines(id="figure-lines")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._lines

    @property
    def text(self) -> str:
        return f"{self._title.text}\n{self._lines.text}"

    def show(self, view: FigureView, width: int) -> None:
        told = self._told(view, width)
        left = Content.assemble(("LOAD", _DIM), (f"  {told}" if told else "", _DIM))
        self._title.show(spread(left, self._choices(view), width, self._glyphs.more))
        self._lines.show_lines([] if view.problem else figure_lines(self.history, view, width, self._glyphs))

    def _told(self, view: FigureView, width: int) -> str:
        if view.problem:
            return view.problem
        if view.is_asked or not self.history.told:
            return f"asking {self._glyphs.more}"
        if view.stretch.seconds is None:
            return f"the last {chart_width(width) * LIVE_SECONDS} s"
        return view.stretch.told

    def _choices(self, view: FigureView) -> Content:
        """`now 1h 24h 7d 30d`, the one shown standing out."""
        if view.problem:
            return Content("")
        words = [Content.styled(each.word, "bold $accent" if each == view.stretch else _DIM) for each in STRETCHES]
        return Content("  ").join([Content.styled("h", _DIM), *words])


def figure_lines(history: FigureHistory, view: FigureView, width: int, glyphs: Glyphs) -> list[Content]:
    """Two figures beside each other, or one below the other where the window is narrow; all charts of one length."""
    names = [name for name in _ORDER if name in history.told]
    chart, is_tight = chart_width(width), width < _TIGHT
    cells = [_cell(name, history, view, chart, glyphs) for name in names]
    if is_tight:
        return cells
    half = max((cell.cell_length for cell in cells), default=0)
    rows = [cells[place : place + 2] for place in range(0, len(cells), 2)]
    return [
        Content.assemble(row[0], " " * (half - row[0].cell_length + _GAP), row[1]) if len(row) > 1 else row[0]
        for row in rows
    ]


def chart_width(width: int) -> int:
    of_two = (width - _GAP) // 2 - _LABEL - 1 - _FIGURE - (_MEMORY - _FIGURE) // 2
    room = width - _LABEL - 1 - _MEMORY if width < _TIGHT else of_two
    return max(4, min(_LONGEST_CHART, room))


def _cell(name: str, history: FigureHistory, view: FigureView, chart: int, glyphs: Glyphs) -> Content:
    values = history.line(name, chart, view.now, view.stretch)
    bars = spark_line(values, chart, glyphs, most=_most(name, values, history))
    label = _OWN_LABELS.get(view.kind, {}).get(name, _ORDER[name])
    is_stale = history.at is None or view.now - history.at > STALE_SECONDS
    tones = (_DIM, _DIM) if is_stale else ("$primary", "")
    text = figure_text(name, history, glyphs)
    return Content.assemble((f"{label:<{_LABEL}}", _DIM), (bars, tones[0]), (f" {text:>{_FIGURE}}", tones[1]))


def _most(name: str, values: list[float | None], history: FigureHistory) -> float:
    """What fills the line: all of the cache or the memory, the most it was of anything else."""
    if name == "cache_share":
        return 1.0
    most = max((value for value in values if value is not None), default=0.0)
    if name == "memory_used_bytes":
        return history.newest.get("memory_total_bytes") or max(1.0, most)
    return max(_LEAST.get(name, 1.0), most)


def figure_text(name: str, history: FigureHistory, glyphs: Glyphs) -> str:
    value = history.newest.get(name)
    if value is None:
        return glyphs.unknown
    if name == "cache_share":
        return f"{value * 100:.0f} %"
    if name == "tokens_per_second":
        return tokens_text(value)
    if name == "first_token_seconds":
        return wait_text(value)
    if name == "memory_used_bytes":
        total = history.newest.get("memory_total_bytes")
        used = format_bytes(int(value), glyphs.unknown)
        return f"{used} / {format_bytes(int(total), glyphs.unknown)}" if total else used
    return f"{value:,.0f}"
