"""A view that is left before it stands, or whose console ends then, breaks nothing."""

from __future__ import annotations

import asyncio

import pytest

from aicompute_tui.ui.screens.machines import MachinesScreen
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet
from tests.ui.test_help_complete import VIEWS

_TURNS = (2, 8, 14, 20, 28, 40)
"""Of the loop, after which it is left: there is one for each part of its opening."""
_OPENED = sorted({place.action_id for place in VIEWS if place.action_id})

pytestmark = pytest.mark.asyncio


async def turn(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


@pytest.mark.parametrize("action_id", _OPENED)
async def test_a_view_is_left_at_any_moment_of_its_opening(action_id: str) -> None:
    async with console(fleet(), session=FullSession()) as world:
        for turns in _TURNS:
            world.app.open_view(action_id)
            await turn(turns)
            await leave(world)
        assert world.app.is_running


async def leave(world: Console) -> None:
    while len(world.app.screen_stack) > 1:
        await world.app.pop_screen()


@pytest.mark.parametrize("turns", [0, 4])
@pytest.mark.parametrize("action_id", _OPENED)
async def test_a_console_ends_while_a_view_opens(action_id: str, turns: int) -> None:
    async with console(fleet(), session=FullSession()) as world:
        world.app.open_view(action_id)
        await turn(turns)
        world.app.exit(0)
    assert world.app.return_code == 0


async def test_a_minute_that_passes_while_the_console_ends_is_let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(fleet(), session=FullSession()) as world:
        app = world.app
        app.open_view("instance.list")
        await world.until(lambda: isinstance(app.screen, MachinesScreen) and app.screen.is_mounted)
        await world.pilot.pause()
        with monkeypatch.context() as ending:
            ending.setattr(app, "_running", False)
            for table in app.screen.query(VirtualTable):
                ending.setattr(table, "_component_styles", {})  # as Textual leaves a part that is gone already
            app._minute = -1
            app._tick()
        assert app.is_running
