"""The rows of a view to a file: those its filter leaves, in their order, with the columns that stand there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.widgets.columns import Column

if TYPE_CHECKING:
    from aicompute_tui.ui.screens.base import ConsoleScreen

_NAMES = ("id", "name")
"""Stand first wherever a record has them: a row without them cannot be found again."""


async def export(screen: ConsoleScreen, path: str) -> None:
    """Asks for the file where none is named, and before one is replaced. Raises InvalidInput."""
    from aicompute_tui.services.export import export_path, write_rows

    rows = exported(screen)
    if not rows:
        screen.say("There is no row to export.", "dim")
        return
    if not path:
        answer = await _ask_path(screen, len(rows))
        if answer is None:
            return
        path = answer
    file = await asyncio.to_thread(export_path, path)
    replace = await asyncio.to_thread(file.exists)
    if replace and not await _may_replace(screen, str(file)):
        return
    await asyncio.to_thread(write_rows, file, rows, replace=replace)
    screen.say(f"Wrote {len(rows)} row{'' if len(rows) == 1 else 's'} to {file}", "good")


def exported(screen: ConsoleScreen) -> list[JsonObject]:
    """Of each row shown the fields of the columns shown, as programs see them."""
    table = screen.active_table
    if table is None:
        return []
    found = ((row_id, screen.record_of(row_id)) for row_id in table.order)
    records = [(row_id, record) for row_id, record in found if record is not None]
    names = [*_NAMES, *_fields(table.shown_columns)]
    return [{name: record[name] for name in dict.fromkeys(names) if name in record} for _, record in records]


def _fields(columns: Iterable[Column[object]]) -> list[str]:
    return [field for column in columns for field in (column.fields or (column.key,))]


async def _ask_path(screen: ConsoleScreen, count: int) -> str | None:
    from aicompute_tui.services.export import export_path
    from aicompute_tui.ui.screens.prompt import PromptDialog

    def rule(value: str) -> str | None:
        try:
            export_path(value)
        except InvalidInput as error:
            return f"{error.message} {error.next_step}"
        return None

    place = (screen.crumbs or ("rows",))[0].lower().replace(" ", "-")
    return await screen.console.push_screen_wait(
        PromptDialog(
            f"Export {count} row{'' if count == 1 else 's'} to which file?",
            value=f"~/{place}.csv",
            help="Its ending says how: .csv, .json or .yaml.",
            verb="export",
            rule=rule,
        )
    )


async def _may_replace(screen: ConsoleScreen, path: str) -> bool:
    from aicompute_tui.ui.screens.confirm import ConfirmDialog

    dialog = ConfirmDialog(f"Replace {path}?", ["loses  what stands in it now"], "Replace the file")
    answer: bool | None = await screen.console.push_screen_wait(dialog)
    return bool(answer)
