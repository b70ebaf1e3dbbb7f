"""Help names every key its place answers to, with the cursor in each part of it; read-only, none changes something."""

from __future__ import annotations

import pytest
from textual.binding import Binding
from textual.widgets import Input

from aicompute_tui.actions.navigation import NAVIGATION
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.ui import dispatch
from aicompute_tui.ui.bindings import key_text
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.screens.help import HelpScreen
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, Place, fleet, places, rest

_SHOWN = {"up": "↑", "down": "↓", "left": "←", "right": "→", "pageup": "pgup", "pagedown": "pgdn", "space": "space"}


def every_view() -> list[Place]:
    """Each view that an action fills, and those that stand over a machine."""
    by_path = {path: action_id for action_id, path in reversed(dispatch.SCREENS.items())}
    pictured = [place for place in places() if place.name in {"detail", "logs", "compare"}]
    assert len(pictured) == 3
    return [*pictured, *(Place(f"view {action_id}", (), action_id) for action_id in by_path.values())]


VIEWS = every_view()


def told(screen: HelpScreen) -> set[str]:
    """Every key that help shows."""
    return {key for section in screen.found for line in section.lines for key in line.keys.split()}


def answered(screen: ConsoleScreen) -> dict[str, Binding]:
    """Every key that does something here; a column's letter stands for all of them."""
    return {
        key: active.binding
        for key, active in screen.active_bindings.items()
        if not active.binding.action.startswith("sort_by")
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("read_only", [False, True], ids=["", "read-only"])
@pytest.mark.parametrize("place", VIEWS, ids=lambda place: place.name)
async def test_help_names_every_key_of_its_place_and_read_only_has_none_that_changes_something(
    place: Place, read_only: bool
) -> None:
    async with console(fleet(), session=FullSession(read_only=read_only)) as world:
        await place.enter(world)
        if not isinstance(world.app.screen, ConsoleScreen):
            pytest.skip("a dialog says its keys itself")
        view = world.app.screen
        keys = await every_key(world, view)
        assert changing(keys) == set() or not read_only
        view.set_focus(None)
        world.app.action_navigate("go.help")
        await rest(world)
        assert isinstance(world.app.screen, HelpScreen)
        shown = told(world.app.screen)
        missing = {
            f"{key} ({binding.id or binding.action})"
            for key, binding in keys.items()
            if _SHOWN.get(key, key_text(key)) not in shown
        }
        assert missing == set()


async def every_key(world: Console, view: ConsoleScreen) -> dict[str, Binding]:
    """Of the view and each of its parts; a line that is typed in has the keys of any such line."""
    if isinstance(view.focused, Input):
        view.set_focus(None)
        await world.pilot.pause()
    keys = answered(view)
    for part in view.focus_chain:
        if not isinstance(part, Input):
            view.set_focus(part)
            await world.pilot.pause()
            keys |= answered(view)
    return keys


def changing(keys: dict[str, Binding]) -> set[str]:
    """Those of them that change something."""
    commands = {key: ACTIONS.get(binding.id or "") or NAVIGATION.get(binding.id or "") for key, binding in keys.items()}
    return {f"{key}: {command.id}" for key, command in commands.items() if command is not None and command.mutates}
