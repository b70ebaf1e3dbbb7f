"""`instance logs`: a machine's lines on stdout, what is said about them on stderr."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aicompute_tui.cli.ascii_twins import say, speaks_utf8
from aicompute_tui.cli.stream import program_lines, read_on, write
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call

_COLOUR = re.compile("\x1b\\[[0-9;:]*[mK]")


async def write_logs(call: Call, items: AsyncIterator[JsonObject]) -> int:
    """Lines as they are but for what could drive a terminal; a mark is a line of its own for programs."""
    utf8 = speaks_utf8(sys.stdout)
    output = call.options.output
    follows = bool(call.arguments.get("follow"))
    first = True
    async with read_on(items) as read:
        async for item in read:
            if output == "table":
                text = "".join(harmless(line) + "\n" for line in _lines(item))
                if "mark" in item and (item["mark"] != "end" or follows):
                    say(f"-- {clean(str(item.get('text')))}")
            else:
                text = program_lines(_rows(item), output, first=first, utf8=utf8)
                first = first and not text
            if text:
                write(text, utf8=utf8)
    return 0


def harmless(line: str) -> str:
    """Without colours, and without any other control character but the tab."""
    if line.isprintable():
        return line
    return "\t".join(clean(part) for part in _COLOUR.sub("", line).rstrip("\r").split("\t"))


def _rows(item: JsonObject) -> list[JsonObject]:
    """`text` is the line, or what a `mark` says; `at` is the mark's moment."""
    if "mark" in item:
        return [{"text": item.get("text"), "mark": item["mark"], "at": item.get("at")}]
    return [{"text": line, "mark": None, "at": None} for line in _lines(item)]


def _lines(item: JsonObject) -> list[str]:
    found: Json = item.get("lines")
    return [str(line) for line in found] if isinstance(found, list) else []
