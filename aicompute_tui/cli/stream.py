"""A stream of rows on stdout, each line as soon as it is known, ended quietly where nobody reads on."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from aicompute_tui.cli.ascii_twins import plain, speaks_utf8
from aicompute_tui.cli.table import COLUMNS, cell
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.plain_formats import csv_text, yaml_lines

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call


async def write_stream(call: Call, rows: AsyncIterator[JsonObject]) -> int:
    """One JSON object, CSV line, YAML item or table line per row. Raises BrokenPipeError where nobody reads on."""
    utf8 = speaks_utf8(sys.stdout)
    first = True
    async with read_on(rows) as read:
        async for row in read:
            columns = COLUMNS.get(call.action.id, tuple(row))
            if call.options.output == "table":
                write("  ".join(cell(row, name) for name in columns) + "\n", utf8=utf8)
            else:
                write(program_lines([row], call.options.output, first=first, utf8=utf8), utf8=utf8)
            first = False
    return 0


@asynccontextmanager
async def read_on(rows: AsyncIterator[JsonObject]) -> AsyncGenerator[AsyncIterator[JsonObject], None]:
    """The rows as long as somebody reads our output; closed whatever happens. Raises BrokenPipeError."""
    async with aclosing(_closable(rows)) as items:
        with _while_somebody_reads():
            yield items


async def _closable(rows: AsyncIterator[JsonObject]) -> AsyncGenerator[JsonObject, None]:
    try:
        async for row in rows:
            yield row
    finally:
        close = getattr(rows, "aclose", None)
        if close is not None:
            await close()


def program_lines(rows: Sequence[JsonObject], output: str, *, first: bool, utf8: bool) -> str:
    """Rows for a program: a JSON line each, CSV under one header, YAML items."""
    if output == "json":
        return "".join(json.dumps(row, ensure_ascii=not utf8) + "\n" for row in rows)
    if output == "csv":
        return csv_text(rows, header=first)
    return "\n".join(yaml_lines([*rows], utf8=utf8)) + "\n" if rows else ""


def write(text: str, *, utf8: bool) -> None:
    sys.stdout.write(text if utf8 else plain(text))
    sys.stdout.flush()


@contextmanager
def _while_somebody_reads() -> Iterator[None]:
    """Cancels this task when a pipe's reader goes away, also where there is nothing to write for a long time."""
    descriptor = _pipe()
    task = asyncio.current_task()
    if descriptor is None or task is None:
        yield
        return
    loop = asyncio.get_running_loop()
    is_gone = False

    def leave() -> None:
        nonlocal is_gone
        is_gone = True
        loop.remove_reader(descriptor)
        task.cancel()

    loop.add_reader(descriptor, leave)
    try:
        yield
    except asyncio.CancelledError:
        if is_gone:
            task.uncancel()
            raise BrokenPipeError from None
        raise
    finally:
        loop.remove_reader(descriptor)


def _pipe() -> int | None:
    """stdout's descriptor where it is a pipe: an error on it means that its reader is gone."""
    try:
        descriptor = sys.stdout.fileno()
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else None
    except (OSError, ValueError):
        return None
