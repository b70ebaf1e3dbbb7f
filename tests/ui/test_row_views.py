"""Rows looked at more closely in every view: described, as JSON, side by side; and the letters that jump to parts."""

from __future__ import annotations

import json

import pytest

from aicompute_tui.ui.screens.compare import CompareScreen, unlike
from aicompute_tui.ui.screens.describe import DescribeScreen
from aicompute_tui.ui.screens.json_view import JsonScreen
from aicompute_tui.ui.screens.jump import JumpScreen
from aicompute_tui.ui.widgets.record_pane import RecordPane
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import Console, console, machine, reading
from tests.ui.fleet import FullSession, fleet, rest

TWO = reading([machine("lab", region="eu-west-1"), machine("embed", state="stopped")])


async def opened(world: Console, word: str) -> None:
    await world.press("colon", *word, "enter")
    await rest(world)


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["machines", "events", "jobs", "credentials", "settings", "doctor", "types"])
async def test_marked_rows_of_any_table_stand_side_by_side(word: str) -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world, word)
        await world.press("space", "space", "v")
        assert isinstance(world.view, CompareScreen), world.jobs
        table = world.view.query_one(VirtualTable)
        lines = [table.rows[row_id] for row_id in table.order]
        assert lines[0].differs
        assert [line.differs for line in lines] == sorted((line.differs for line in lines), reverse=True)
        assert "≠" in world.line(table, 1)
        await world.press("escape")
        assert not isinstance(world.view, CompareScreen)
        assert world.view.active_table is not None
        assert len(world.view.active_table.marked_ids) == 2, "the marks are still there"


@pytest.mark.asyncio
async def test_one_row_alone_is_not_compared_and_the_way_is_said() -> None:
    async with console(TWO) as world:
        await world.press("2", "v")
        assert not isinstance(world.view, CompareScreen)
        assert "space" in world.jobs


@pytest.mark.asyncio
async def test_a_comparison_is_filtered_and_goes_back_in_steps() -> None:
    async with console(TWO) as world:
        await world.press("2", "space", "space", "v", "slash", *"regio", "enter")
        table = world.view.query_one(VirtualTable)
        assert list(table.order) == ["region"]
        await world.press("slash", *["backspace"] * 5, "at", *"lab", "enter")
        assert table.order == [], "nothing here has a context"
        await world.press("slash", *["backspace"] * 4, *"embed", "colon", *"stopped", "enter")
        assert "state" in table.order
        await world.press("escape")
        assert len(table.order) > 10
        await world.press("escape")
        assert world.view.crumbs == ("Machines",)
        await world.press("escape", "escape")
        assert len(world.app.screen_stack) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["events", "doctor", "types"])
async def test_d_describes_a_row_field_by_field(word: str) -> None:
    async with console(fleet(), session=FullSession(), size=(80, 24)) as world:
        await opened(world, word)
        await world.press("d")
        assert isinstance(world.app.screen, DescribeScreen)
        told = world.app.screen.query_one(RecordPane).text
        assert len(told.splitlines()) > 2
        await world.press("y")
        assert isinstance(world.app.screen, JsonScreen)
        await world.press("escape")


@pytest.mark.asyncio
async def test_y_shows_one_row_or_all_marked_ones() -> None:
    async with console(TWO) as world:
        await world.press("2", "y")
        assert isinstance(world.app.screen, JsonScreen)
        assert json.loads(world.app.screen.text)["name"] in {"lab", "embed"}
        await world.press("escape", "space", "space", "y")
        assert isinstance(world.app.screen, JsonScreen)
        assert {row["name"] for row in json.loads(world.app.screen.text)} == {"lab", "embed"}


def test_rows_of_one_name_are_told_apart() -> None:
    assert unlike(["a", "a", "b", "a"]) == ["a", "a 2", "b", "a 3"]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
async def test_a_letter_stands_over_every_part_and_leads_there(size: tuple[int, int]) -> None:
    async with console(fleet(), session=FullSession(), size=size) as world:
        await opened(world, "jobs")
        await world.press("f2")
        assert isinstance(world.app.screen, JumpScreen)
        parts = world.app.screen.parts
        assert len(parts) == 2
        letter = next(letter for letter, part in parts.items() if isinstance(part, RecordPane))
        assert f" {letter} " in world.shown
        await world.press(letter)
        assert isinstance(world.app.focused, RecordPane)
        await world.press("f2", "escape")
        assert isinstance(world.app.focused, RecordPane)
        await world.press("f2", "7")
        assert not isinstance(world.app.screen, JumpScreen)


@pytest.mark.asyncio
async def test_letters_leave_when_the_window_changes() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world, "jobs")
        await world.press("f2")
        await world.pilot.resize_terminal(60, 20)
        await world.until(lambda: not isinstance(world.app.screen, JumpScreen))


@pytest.mark.asyncio
async def test_history_goes_back_over_details_too() -> None:
    async with console(TWO) as world:
        await world.press("2", "enter")
        opened_at = world.view.crumbs
        await world.press("9", "left_square_bracket")
        assert world.view.crumbs == opened_at
        await world.press("left_square_bracket")
        assert world.view.crumbs == ("Machines",)
        await world.press("right_square_bracket")
        assert world.view.crumbs == opened_at
        await world.press("escape")
        assert world.view.crumbs == ("Machines",)
