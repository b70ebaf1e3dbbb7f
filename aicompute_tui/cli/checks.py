"""`doctor`: the services' checks, those that still can be made without a database, and the terminal's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aicompute_tui.actions.registry import resolve_handler
from aicompute_tui.cli.ascii_twins import speaks_utf8
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call
    from aicompute_tui.services.context import Context

_SMALLEST = (80, 24)


async def run_doctor(call: Call) -> int:
    """1 where a check failed; a database that does not open is one of them."""
    from aicompute_tui.services import doctor

    runtime = call.session.runtime()
    try:
        try:
            rows = await _rows(call, await runtime.context())
        except AicError as error:
            rows = doctor.without_store(runtime.places, error)
    finally:
        await runtime.aclose()
    rows += terminal_rows(call.session.environment)
    answer: list[Json] = [*rows]
    call.answer(answer)
    return 1 if doctor.has_failed(rows) else 0


async def _rows(call: Call, context: Context) -> list[JsonObject]:
    found = await resolve_handler(call.action)(context, call.arguments)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def terminal_rows(environment: Mapping[str, str]) -> list[JsonObject]:
    """Size, letters and colour of the terminal the console would open in."""
    from aicompute_tui.services.finding import OK, UNKNOWN, WARNING, finding

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return [finding("terminal", UNKNOWN, "this is not a terminal; ask again in the one the console opens in")]
    columns, lines = os.get_terminal_size()
    size = f"{columns}x{lines}"
    if columns < _SMALLEST[0] or lines < _SMALLEST[1]:
        rows = [finding("terminal", WARNING, f"{size} is small.", "Make it at least 80x24.")]
    else:
        rows = [finding("terminal", OK, f"{environment.get('TERM', 'TERM unset')}, {size}")]
    if speaks_utf8(sys.stdout, environment):
        rows.append(finding("letters", OK, "UTF-8"))
    else:
        rows.append(finding("letters", WARNING, "No UTF-8: plain letters are shown.", "Set LANG=C.UTF-8."))
    rows.append(finding("colour", OK, _colour(environment)))
    return rows


def _colour(environment: Mapping[str, str]) -> str:
    if environment.get("NO_COLOR"):
        return "none, as NO_COLOR asks"
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in environment.get("TERM", "") else "16 colours"
