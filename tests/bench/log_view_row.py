"""The log view beside Textual's RichLog: lines taken a second, stalls and CPU while lines stream, memory, search."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from textual.app import App
from textual.widgets import RichLog

from aicompute_tui.ui.widgets.log_view import LogView
from tests.bench.row import Row

Kind = Literal["log_view", "rich_log"]
Append = Callable[[Sequence[str]], None]

_LETTERS = 150
_FULL = 100_000
_ITEM = 1_700
"""Lines that come together: a quarter of a MiB, the most of one item of a stream."""
_FEW = 10_000
"""As many as RichLog takes in bearable time."""
_RATE = 2_000
_BEATS = 50
_STREAM_SECONDS = 6.0
_FLOOD_SECONDS = 0.5
_STALL_SECONDS = 0.001
_PATTERN = r"/took \d+7 ms .*nowhere/"
_LEAST_RATE, _MOST_STALL_MS, _MOST_MB = 100_000, 50.0, 40.0


def measure(runs: int) -> Row:
    """Each figure in a process of its own; `runs` counts for the lines a second."""
    figures: dict[str, Any] = {"runs": runs, "line_letters": _LETTERS, "stream_lines_per_second": _RATE}
    for kind in ("log_view", "rich_log"):
        floods = [_apart(_flood, kind) for _ in range(runs)]
        for name in floods[0]:
            figures[f"{kind}_{name}"] = round(statistics.median(flood[name] for flood in floods), 1)
        for name, value in _apart(_stream, kind).items():
            figures[f"{kind}_{name}"] = round(value, 1)
    figures[f"log_view_{_FULL}_lines_mb"] = round(_apart(_memory, "log_view", _FULL), 1)
    for kind in ("log_view", "rich_log"):
        figures[f"{kind}_{_FEW}_lines_mb"] = round(_apart(_memory, kind, _FEW), 1)
    for name, value in _apart(_search).items():
        figures[f"log_view_{name}"] = round(value, 1)
    stall = max(value for name, value in figures.items() if name.startswith("log_view") and name.endswith("stall_ms"))
    met = (
        figures["log_view_lines_per_second"] >= _LEAST_RATE
        and stall <= _MOST_STALL_MS
        and figures[f"log_view_{_FULL}_lines_mb"] <= _MOST_MB
    )
    budget = ">= 100,000 lines/s in, no stall > 50 ms, 100,000 lines of 150 letters <= 40 MB"
    return Row(budget=budget, met=met, figures=figures)


def _apart(work: Callable[..., Any], *arguments: Any) -> Any:
    """In a fresh process, so that no figure carries what one before it left behind."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run, work, arguments).result()


def _run(work: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    return asyncio.run(work(*arguments))


def _lines(count: int, start: int = 0) -> list[str]:
    levels = ("INFO", "INFO", "DEBUG", "WARN", "INFO", "ERROR")
    return [
        f"2026-11-21T03:04:{n % 60:02}.{n % 1_000:03}Z {levels[n % 6]:5} request {n:09} took {n % 977} ms ".ljust(
            _LETTERS, "abcdefghij "[n % 11]
        )
        for n in range(start, start + count)
    ]


@asynccontextmanager
async def _app(kind: Kind) -> AsyncIterator[tuple[Append, LogView | RichLog]]:
    app: App[None] = App()
    widget: LogView | RichLog = LogView() if kind == "log_view" else RichLog(max_lines=_FULL)
    async with app.run_test(size=(160, 48)) as pilot:
        await app.mount(widget)
        widget.focus()
        await pilot.pause()
        yield (widget.append if isinstance(widget, LogView) else _one_by_one(widget)), widget


def _one_by_one(log: RichLog) -> Append:
    def append(lines: Sequence[str]) -> None:
        for line in lines:
            log.write(line)

    return append


class _Stalls:
    """The longest the loop kept a task waiting that wanted to go on every millisecond."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_STALL_SECONDS)
            self.worst = max(self.worst, time.perf_counter() - began - _STALL_SECONDS)

    def end(self) -> float:
        self._task.cancel()
        return self.worst * 1000


async def _flood(kind: Kind) -> dict[str, float]:
    """As many lines as go in while what is in view is painted, other work getting its turn after each item."""
    lines = _lines(_FULL if kind == "log_view" else _ITEM)
    async with _app(kind) as (append, _):
        stalls, began, count = _Stalls(), time.perf_counter(), 0
        while time.perf_counter() - began < _FLOOD_SECONDS:
            start = count % len(lines)
            append(lines[start : start + _ITEM])
            count += len(lines[start : start + _ITEM])
            await asyncio.sleep(0)
        spent = time.perf_counter() - began
        await asyncio.sleep(_STALL_SECONDS)
        return {"lines_per_second": count / spent, "flood_worst_stall_ms": stalls.end()}


async def _stream(kind: Kind) -> dict[str, float]:
    batch = _RATE // _BEATS
    rounds = round(_STREAM_SECONDS * _BEATS)
    lines = _lines(batch * rounds + _ITEM)
    async with _app(kind) as (append, _):
        append(lines[:_ITEM])
        await asyncio.sleep(0.5)
        gc.collect()
        stalls, used, began = _Stalls(), time.process_time(), time.perf_counter()
        for each in range(rounds):
            start = _ITEM + each * batch
            append(lines[start : start + batch])
            await asyncio.sleep(max(0.0, began + (each + 1) / _BEATS - time.perf_counter()))
        spent = time.perf_counter() - began
        cpu = 100 * (time.process_time() - used) / spent
        return {"stream_worst_stall_ms": stalls.end(), "stream_cpu_percent": cpu, "streamed_seconds": spent}


async def _memory(kind: Kind, count: int) -> float:
    """Memory of the process that came with the lines, in MB."""
    async with _app(kind) as (append, _):
        append(_lines(_ITEM))
        await asyncio.sleep(0.3)
        gc.collect()
        before = _resident_bytes()
        for start in range(0, count, _ITEM):
            append(_lines(min(_ITEM, count - start), start))
            await asyncio.sleep(0)
        await asyncio.sleep(0.3)
        gc.collect()
        return (_resident_bytes() - before) / 1e6


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


async def _search() -> dict[str, float]:
    """An expression over a full log."""
    async with _app("log_view") as (append, widget):
        assert isinstance(widget, LogView)
        append(_lines(_FULL))
        await asyncio.sleep(0.5)
        stalls, began = _Stalls(), time.perf_counter()
        widget.search(_PATTERN)
        while widget.match_text == "looking":
            await asyncio.sleep(0.005)
        return {"search_ms": (time.perf_counter() - began) * 1000, "search_worst_stall_ms": stalls.end()}
