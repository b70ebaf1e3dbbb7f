"""Answers on stdout: table, json, csv or yaml, in one stable shape each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

from aicompute_tui.cli.ascii_twins import plain, speaks_utf8
from aicompute_tui.cli.side_by_side import side_by_side_lines
from aicompute_tui.cli.table import object_lines, table_lines
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.plain_formats import csv_text, json_text, rows_of, yaml_text

FORMATS = ("table", "json", "csv", "yaml")


def write_result(
    result: Json,
    output: str,
    columns: Sequence[str] = (),
    stream: TextIO | None = None,
    *,
    is_side_by_side: bool = False,
) -> None:
    """Writes the whole answer. `columns` are those of a table of rows, all of them where none are named."""
    target = stream or sys.stdout
    text = render(result, output, columns, utf8=speaks_utf8(target), is_side_by_side=is_side_by_side)
    if text:
        target.write(text)
    target.flush()


def render(
    result: Json, output: str, columns: Sequence[str] = (), *, utf8: bool = True, is_side_by_side: bool = False
) -> str:
    """Ends with a newline unless it is empty."""
    if output == "json":
        return json_text(result, utf8=utf8)
    if output == "yaml":
        return yaml_text(result, utf8=utf8)
    if output == "csv":
        text = csv_text(rows_of(result))
    else:
        in_rows = side_by_side_lines if is_side_by_side else table_lines
        lines = in_rows(rows_of(result), columns) if isinstance(result, list) else object_lines(result)
        text = "".join(line + "\n" for line in lines)
    return text if utf8 else plain(text)
