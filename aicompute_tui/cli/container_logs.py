"""`container logs`: lines of one or several containers on stdout, what is said about them on stderr."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from aicompute_tui.cli.ascii_twins import say, speaks_utf8
from aicompute_tui.cli.logs import harmless
from aicompute_tui.cli.stream import program_lines, read_on, write
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.json import JsonObject

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_STAMP_LENGTH = 30


async def ask_for_times(call: Call, runtime: Runtime, context: Context) -> None:  # noqa: ARG001
    """Programs are always told when a line was written."""
    if call.options.output != "table":
        call.arguments["timestamps"] = True


async def write_container_logs(call: Call, items: AsyncIterator[JsonObject]) -> int:
    """Lines as they are but for what could drive a terminal, after the container's name where there are several."""
    utf8 = speaks_utf8(sys.stdout)
    output = call.options.output
    names = call.arguments.get("names")
    is_one = not isinstance(names, list) or len(names) == 1
    with_moment = bool(call.arguments.get("timestamps"))
    first = True
    async with read_on(items) as read:
        async for item in read:
            if output != "table":
                text = program_lines(_rows(item), output, first=first, utf8=utf8)
                first = first and not text
            elif "mark" in item:
                if item["mark"] != "end":
                    say(f"-- {clean(str(item.get('text')))}")
                continue
            else:
                strip = without_moment if item.get("stamped") and not with_moment else _as_it_is
                text = _block(_lines(item), "" if is_one else f"{item['source']} | ", strip)
            if text:
                write(text, utf8=utf8)
    return 0


def _as_it_is(line: str) -> str:
    return line


def without_moment(line: str) -> str:
    """A line that goes on after a carriage return has none."""
    if line[_STAMP_LENGTH : _STAMP_LENGTH + 1] == " " and line[10:11] == "T":
        return line[_STAMP_LENGTH + 1 :]
    head, space, rest = line.partition(" ")
    return rest if space and head[10:11] == "T" and head[4:5] == "-" else line


def _block(lines: list[str], prefix: str, shown: Callable[[str], str]) -> str:
    """All lines at once where nothing in them could drive a terminal, which is looked at once for all of them."""
    text = f"\n{prefix}".join([shown(line) for line in lines])
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text = f"\n{prefix}".join([harmless(shown(line)) for line in lines])
    return f"{prefix}{text}\n" if lines else ""


def _rows(item: JsonObject) -> list[JsonObject]:
    """`text` is the line, or what a `mark` says; `at` its moment, `source` the host and the container."""
    source = item.get("source")
    if "mark" in item:
        row: JsonObject = {"source": source, "stream": None, "at": item.get("at"), "text": item.get("text")}
        return [{**row, "mark": item["mark"]}]
    stream = item.get("stream")
    rows: list[JsonObject] = []
    for line in _lines(item):
        text = without_moment(line) if item.get("stamped") else line
        at = line[: len(line) - len(text)].strip() or None
        rows.append({"source": source, "stream": stream, "at": at, "text": text, "mark": None})
    return rows


def _lines(item: JsonObject) -> list[str]:
    found = item.get("lines")
    return [str(line) for line in found] if isinstance(found, list) else []
