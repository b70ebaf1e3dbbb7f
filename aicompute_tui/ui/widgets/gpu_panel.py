"""The GPUs of one machine: what each does now and did lately, two beside each other where lines are dear."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from aicompute_tui.domain.gpu import GpuReading
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.gpu_history import STRETCH_SECONDS, GpuHistory
from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.spark_line import spark_line

_HOT_CELSIUS = 87.0
_ALONE = 4
"""Up to so many GPUs each has a line of its own."""
_GAP = 3
_FULL, _HALF, _TIGHT = 84, 50, 34
_LONGEST_CHART = 60


@dataclass(frozen=True, slots=True)
class GpuView:
    """`is_stale`: the readings are old, and look so."""

    gpus: tuple[GpuReading, ...]
    history: GpuHistory
    now: float
    is_stale: bool = False


def gpu_lines(view: GpuView, width: int, glyphs: Glyphs, *, is_short: bool = False) -> list[Content]:
    """One line each for a few GPUs in a tall window, else as many beside each other as fit."""
    across = _across(view, width, is_short=is_short)
    cell_width = _cell_width(width, across)
    cells = [_cell(gpu, view, cell_width, glyphs) for gpu in view.gpus]
    down = -(-len(cells) // across)
    rows = [[cells[place] for place in range(line, len(cells), down)] for line in range(down)]
    return [Content(" " * _GAP).join(row) for row in rows]


def chart_minutes(view: GpuView, width: int, glyphs: Glyphs, *, is_short: bool = False) -> int:
    """How far the charts of `gpu_lines` reach back."""
    cell_width = _cell_width(width, _across(view, width, is_short=is_short))
    return _chart_width(view, cell_width, glyphs) * STRETCH_SECONDS // 60


def _across(view: GpuView, width: int, *, is_short: bool) -> int:
    alone = len(view.gpus) <= (1 if is_short else _ALONE)
    return 1 if alone else max(1, min(2, (width + _GAP) // (_TIGHT + _GAP)))


def _cell_width(width: int, across: int) -> int:
    return (width - _GAP * (across - 1)) // across


def _chart_width(view: GpuView, width: int, glyphs: Glyphs) -> int:
    """What the longest figures leave: all charts are of one length."""
    longest = max(sum(len(text) for text in _figures(gpu, width, glyphs)) for gpu in view.gpus)
    return max(4, min(_LONGEST_CHART, width - (6 if width >= _HALF else 2) - longest - 1))


def _cell(gpu: GpuReading, view: GpuView, width: int, glyphs: Glyphs) -> Content:
    """Label, chart and figures in exactly `width` cells; the chart takes what the figures leave."""
    label = f"{f'GPU {gpu.index}':<6}" if width >= _HALF else f"{gpu.index:<2}"
    figures, chart_width = _figures(gpu, width, glyphs), _chart_width(view, width, glyphs)
    chart = spark_line(view.history.line(gpu.index, chart_width, view.now), chart_width, glyphs)
    dim = "$foreground-muted"
    tones = [dim if view.is_stale else ""] * len(figures)
    if not view.is_stale and (gpu.temperature_celsius or 0.0) >= _HOT_CELSIUS:
        tones[2] = "$warning"
    parts = [(label, dim), (chart, dim if view.is_stale else "$primary"), (" ", ""), *zip(figures, tones, strict=True)]
    line = Content.assemble(*parts)
    return Content.assemble(line, " " * max(0, width - line.cell_length))


def _figures(gpu: GpuReading, width: int, glyphs: Glyphs) -> list[str]:
    """Utilisation, memory, temperature, power and, where there is room, the name."""
    unknown, degree = glyphs.unknown, "°" if glyphs.unicode else ""
    use = _number(gpu.utilisation_percent, unknown)
    heat, power = _number(gpu.temperature_celsius, unknown), _number(gpu.power_watts, unknown)
    if width < _HALF:
        used, total = _gib(gpu.memory_used_mib, 0, unknown), _gib(gpu.memory_total_mib, 0, unknown)
        return [f"{use:>3}%", f"{f'{used}/{total}G':>9}", f"{heat:>4}{degree}", f"{power:>5}W"]
    used, total = _gib(gpu.memory_used_mib, 1, unknown), _gib(gpu.memory_total_mib, 1, unknown)
    if width < _FULL:
        return [f"{use:>4} %", f"{f'{used}/{total} GiB':>16}", f"{heat:>4} {degree}C", f"{power:>5} W"]
    limit = f" / {gpu.power_limit_watts:.0f}" if gpu.power_limit_watts is not None else ""
    name = fit((gpu.name or "").removeprefix("NVIDIA "), 16, more=glyphs.more)
    memory = f"{used} / {total} GiB"
    return [f"{use:>4} %", f"{memory:>20}", f"{heat:>6} {degree}C", f"{power + limit:>12} W", f"   {name}".rstrip()]


def _number(value: float | None, unknown: str) -> str:
    return unknown if value is None else f"{value:.0f}"


def _gib(mebibytes: float | None, digits: int, unknown: str) -> str:
    return unknown if mebibytes is None else f"{mebibytes / 1024:.{digits}f}"
