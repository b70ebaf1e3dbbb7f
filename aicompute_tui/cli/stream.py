"""A stream of rows on stdout, each line as soon as it is known."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aicompute_tui.cli.ascii_twins import plain, speaks_utf8
from aicompute_tui.cli.output import csv_text, yaml_lines
from aicompute_tui.cli.table import COLUMNS, cell
from aicompute_tui.domain.json import JsonObject

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call


async def write_stream(call: Call, rows: AsyncIterator[JsonObject]) -> int:
    """One JSON object, CSV line, YAML item or table line per row. Raises BrokenPipeError where nobody reads on."""
    utf8 = speaks_utf8(sys.stdout)
    first = True
    async for row in rows:
        text = _line(row, call.options.output, COLUMNS.get(call.action.id, tuple(row)), first, utf8)
        sys.stdout.write(text if utf8 else plain(text))
        sys.stdout.flush()
        first = False
    return 0


def _line(row: JsonObject, output: str, columns: tuple[str, ...], first: bool, utf8: bool) -> str:
    if output == "json":
        return json.dumps(row, ensure_ascii=not utf8) + "\n"
    if output == "csv":
        return csv_text([row], header=first)
    if output == "yaml":
        return "\n".join(yaml_lines([row], utf8=utf8)) + "\n"
    return "  ".join(cell(row, name) for name in columns) + "\n"
