"""`instance metrics`: one compact line per GPU and moment, unknown figures as a dash."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aicompute_tui.cli.ascii_twins import say, speaks_utf8
from aicompute_tui.cli.stream import program_lines, read_on, write
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call

_UNKNOWN = "–"
_ROW = "{at:<20}  {gpu:>3}  {used:>6}  {memory:>13}  {temperature:>6}  {power:>9}  {name}"
_HEADER = _ROW.format(
    at="AT", gpu="GPU", used="USED %", memory="MEMORY MIB", temperature="TEMP C", power="POWER W", name="NAME"
)
_FIGURES = (
    "utilisation_percent",
    "memory_used_mib",
    "memory_total_mib",
    "temperature_celsius",
    "power_watts",
    "power_limit_watts",
)


async def write_metrics(call: Call, items: AsyncIterator[JsonObject]) -> int:
    """JSON and YAML give the items whole, CSV a row per GPU."""
    utf8 = speaks_utf8(sys.stdout)
    output = call.options.output
    first = True
    async with read_on(items) as read:
        async for item in read:
            if output == "table":
                _write_table(item, first=first, utf8=utf8)
            else:
                rows = gpu_rows(item) if output == "csv" else [item]
                write(program_lines(rows, output, first=first, utf8=utf8), utf8=utf8)
            first = False
    if first and output == "table":
        say("Nothing was measured in that time.")
    return 0


def _write_table(item: JsonObject, *, first: bool, utf8: bool) -> None:
    if "mark" in item:
        say(f"-- {clean(str(item.get('text')))}")
    lines = [table_line(item, gpu) for gpu in _gpus(item)]
    problem = item.get("gpu_problem")
    if not lines and problem:
        say(f"{item.get('at')}  {clean(str(problem))}")
    if first and lines:
        lines.insert(0, _HEADER)
    write("".join(line + "\n" for line in lines), utf8=utf8)


def table_line(item: JsonObject, gpu: JsonObject) -> str:
    return _ROW.format(
        at=str(item.get("at")),
        gpu=_figure(gpu.get("index")),
        used=_figure(gpu.get("utilisation_percent")),
        memory=_of(gpu.get("memory_used_mib"), gpu.get("memory_total_mib")),
        temperature=_figure(gpu.get("temperature_celsius")),
        power=_of(gpu.get("power_watts"), gpu.get("power_limit_watts")),
        name=clean(str(gpu.get("name") or _UNKNOWN)),
    )


def gpu_rows(item: JsonObject) -> list[JsonObject]:
    """Flat rows with the same columns whatever is known; one without a GPU says why there is none."""
    problem = item.get("gpu_problem") or None
    gpus: list[JsonObject] = _gpus(item) or [{}]
    return [
        {
            "at": item.get("at"),
            "index": gpu.get("index"),
            "name": gpu.get("name"),
            **{figure: gpu.get(figure) for figure in _FIGURES},
            "gpu_problem": problem,
            "mark": item.get("mark"),
        }
        for gpu in gpus
    ]


def _gpus(item: JsonObject) -> list[JsonObject]:
    gpus: Json = item.get("gpus")
    return [gpu for gpu in gpus if isinstance(gpu, dict)] if isinstance(gpus, list) else []


def _of(value: Json, whole: Json) -> str:
    """`12288/23028`; one dash where nothing is known."""
    if value is None and whole is None:
        return _UNKNOWN
    return _figure(value) if whole is None else f"{_figure(value)}/{_figure(whole)}"


def _figure(value: Json) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.0f}"
    return _UNKNOWN
