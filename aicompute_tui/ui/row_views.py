"""Rows of any table looked at more closely: described, as JSON, and beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.ui.screens.base import ConsoleScreen


def show_json(screen: ConsoleScreen) -> None:
    records = _selected(screen)
    if len(records) == 1:
        screen.console.show_json(screen.called(records[0]), records[0])
    elif records:
        rows: Json = list(records)
        screen.console.show_json(f"{len(records)} rows", rows)


def describe(screen: ConsoleScreen) -> None:
    """The row under the cursor, field by field."""
    records = _selected(screen)
    if records:
        from aicompute_tui.ui.screens.describe import DescribeScreen

        screen.app.push_screen(DescribeScreen(screen.session, screen.called(records[0]), records[0]))


def compare(screen: ConsoleScreen) -> None:
    """The marked rows side by side."""
    if len(screen.selected_ids()) < 2:
        screen.say("Mark two or more rows with space, then v puts them side by side.", "dim")
        return
    records = _selected(screen)
    if len(records) > 1:
        from aicompute_tui.ui.screens.compare import CompareScreen

        names = [screen.called(record) for record in records]
        screen.app.push_screen(CompareScreen(screen.session, screen.crumbs, names, records))


def _selected(screen: ConsoleScreen) -> list[JsonObject]:
    """Says so where there is none."""
    found = [record for row_id in screen.selected_ids() if (record := screen.record_of(row_id)) is not None]
    if not found:
        screen.say("There is no row to show.", "dim")
    return found
