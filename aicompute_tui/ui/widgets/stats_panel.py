"""What one container uses now and used lately: a short chart and a figure each for processor, memory, network, disk."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.stats_history import STRETCH_SECONDS, StatsHistory
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.gpu_panel import GpuView, gpu_lines
from aicompute_tui.ui.widgets.spark_line import spark_line
from aicompute_tui.ui.widgets.text_line import TextLine, spread

STALE_SECONDS = 10.0
"""Figures come every second; older ones look old."""
_SHORT = 30
_TIGHT = 56
"""Below this width each figure has a line of its own."""
_GAP = 4
_LABEL = 9
_FIGURES = (10, 19)
"""The second column has the memory, with what it may be."""
_LONGEST_CHART = 60
_FULL_CORE = 100.0
_LEAST_SPEED = 1_024.0
"""A chart of next to nothing does not fill its line."""
_DIM = "$foreground-muted"


class _Figure(NamedTuple):
    name: str
    label: str


_ROWS = (
    (_Figure("cpu_percent", "CPU"), _Figure("memory_bytes", "memory")),
    (_Figure("received_bytes", "net in"), _Figure("sent_bytes", "net out")),
    (_Figure("read_bytes", "read"), _Figure("written_bytes", "written")),
)


class StatsView(NamedTuple):
    """`problem` says why there are no figures; empty where there are or will be."""

    history: StatsHistory
    now: float
    problem: str = ""

    @property
    def is_stale(self) -> bool:
        return self.history.at is None or self.now - self.history.at > STALE_SECONDS


class StatsPanel(Vertical):
    """A title and the charts; the title alone where it uses nothing."""

    DEFAULT_CSS = "StatsPanel { height: auto; }"

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="stats-panel")
        self.history = StatsHistory()
        self._glyphs = glyphs
        self._title = TextLine(id="stats-title")
        self._lines = ContentLines(id="stats-lines")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._lines

    @property
    def text(self) -> str:
        return f"{self._title.text}\n{self._lines.text}"

    def show(self, view: StatsView, width: int, height: int) -> None:
        """`height` is the whole window's: where it is short, GPUs stand beside each other."""
        seconds = _chart_width(width) * STRETCH_SECONDS
        left = Content.assemble(("USE", _DIM), (f"  the last {seconds} s" if not view.problem else "", _DIM))
        self._title.show(spread(left, self._right(view), width, self._glyphs.more))
        self._lines.show_lines([] if view.problem else self._shown(view, width, height))

    def _shown(self, view: StatsView, width: int, height: int) -> list[Content]:
        lines, history = stats_lines(view, width, self._glyphs), view.history
        if history.gpus:
            gpus = GpuView(history.gpus, history.gpu_history, view.now, view.is_stale)
            lines += gpu_lines(gpus, width, self._glyphs, is_short=height < _SHORT)
        return lines

    def _right(self, view: StatsView) -> Content:
        if view.problem:
            return Content.styled(view.problem, _DIM)
        count = view.history.processes
        if view.is_stale:
            asked = f"asking {self._glyphs.more}" if view.history.at is None else "its host does not answer"
            return Content.styled(asked, _DIM)
        return Content.styled("" if count is None else f"{count} process{'' if count == 1 else 'es'}", _DIM)


def stats_lines(view: StatsView, width: int, glyphs: Glyphs) -> list[Content]:
    """Two figures beside each other, or one below the other where the window is narrow; all charts of one length."""
    chart_width, is_tight = _chart_width(width), width < _TIGHT
    rest = width - 2 * (_LABEL + chart_width + 1) - _GAP - _FIGURES[0]
    widths = (_FIGURES[-1],) * 2 if is_tight else (_FIGURES[0], rest)
    rows = [
        [_cell(figure, view, chart_width, room, glyphs) for figure, room in zip(row, widths, strict=True)]
        for row in _ROWS
    ]
    if is_tight:
        return [cell for row in rows for cell in row]
    return [Content(" " * _GAP).join(row) for row in rows]


def _chart_width(width: int) -> int:
    of_two = (width - _GAP - sum(_FIGURES)) // 2
    room = width - _FIGURES[-1] if width < _TIGHT else of_two
    return max(4, min(_LONGEST_CHART, room - _LABEL - 1))


def _cell(figure: _Figure, view: StatsView, chart_width: int, room: int, glyphs: Glyphs) -> Content:
    """Label, chart and figure, which stands right in its room."""
    history = view.history
    values = history.line(figure.name, chart_width, view.now)
    chart = spark_line(values, chart_width, glyphs, most=_most(figure.name, values, history))
    label = (f"{figure.label:<{_LABEL}}", _DIM)
    tones = (_DIM, _DIM) if view.is_stale else ("$primary", "")
    return Content.assemble(label, (chart, tones[0]), (f" {_text(figure.name, history, glyphs):>{room}}", tones[1]))


def _most(name: str, values: list[float | None], history: StatsHistory) -> float:
    """What fills the line: a core or more, the limit of the memory, the fastest it was."""
    most = max((value for value in values if value is not None), default=0.0)
    if name == "cpu_percent":
        return max(_FULL_CORE, most)
    if name == "memory_bytes":
        return history.limit or max(1.0, most)
    return max(_LEAST_SPEED, most)


def _text(name: str, history: StatsHistory, glyphs: Glyphs) -> str:
    value = history.newest.get(name)
    if value is None:
        return glyphs.unknown
    if name == "cpu_percent":
        return f"{value:.1f} %" if value < _FULL_CORE else f"{value:.0f} %"
    if name == "memory_bytes":
        used = format_bytes(int(value), glyphs.unknown)
        return f"{used} / {format_bytes(int(history.limit), glyphs.unknown)}" if history.limit else used
    return f"{format_bytes(int(value), glyphs.unknown)}/s"
