"""What there is to walk through: each place by its word, what its header begins with, and the keys it binds."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from typing import NamedTuple

from textual.widgets import Input, TextArea

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.ui import dispatch
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest

SUBJECT = "embed-1"
"""A machine of the fixed rows and of the demo, which nothing ends during a walk."""
_TERMINAL_NAMES = {
    "plus": "+", "slash": "/", "colon": ":", "question_mark": "?", "ampersand": "&", "escape": "Escape",
    "left_square_bracket": "[", "right_square_bracket": "]", "enter": "Enter", "space": "Space", "tab": "Tab",
    "shift+tab": "BTab", "up": "Up", "down": "Down", "left": "Left", "right": "Right", "pageup": "PPage",
    "pagedown": "NPage", "home": "Home", "end": "End", "backspace": "BSpace", "delete": "DC", "at": "@", "comma": ",",
    "full_stop": ".", "minus": "-", "equals_sign": "=", "asterisk": "*", "less_than_sign": "<", "underscore": "_",
    "greater_than_sign": ">", "exclamation_mark": "!", "number_sign": "#", "dollar_sign": "$", "apostrophe": "'",
    "quotation_mark": '"', "circumflex_accent": "^", "tilde": "~", "percent_sign": "%", "vertical_line": "|",
    "left_parenthesis": "(", "right_parenthesis": ")", "backslash": "\\\\",
}  # fmt: skip
"""Textual's name of a key → tmux's."""
_ELSEWHERE = ("instance.ssh", "container.exec")
"""What gives the terminal to another program; the walks through a machine's and a container's life go there."""


_MOVING = {
    "app.focus_next", "app.focus_previous", "first", "last", "move", "move_to", "next_pane", "page", "page_down",
    "page_up", "range", "scroll_down", "scroll_end", "scroll_home", "scroll_up", "section", "sideways", "sort_by",
}  # fmt: skip
"""What only goes to and fro or orders rows, which opens nothing that has to find room."""


class Stop(NamedTuple):
    """`command` is typed after `:`, `crumb` then stands in the header, `keys` are tmux's names.

    `opening` are those of them that may open something.
    """

    command: str
    crumb: str
    keys: tuple[str, ...]
    opening: tuple[str, ...]


@functools.cache
def stops() -> list[Stop]:
    """Every place, each with the keys that do what no key before them does; enter opens something else everywhere."""
    return asyncio.run(_look_around())


async def _look_around() -> list[Stop]:
    found: list[Stop] = []
    pressed: set[tuple[str, str]] = set()
    async with console(fleet(), session=FullSession(), size=(80, 24)) as world:
        for command, action_id in _places():
            before = world.view
            _open(world, action_id)
            await rest(world)
            if action_id in dispatch.SUBJECT_SCREENS and world.view is before:
                continue  # it is about no machine
            new = [each for each in _bound(world) if each not in pressed or each[0] == "enter"]
            pressed.update(new)
            keys = tuple(terminal_name(key) for key, _ in new)
            opening = tuple(terminal_name(key) for key, action in new if action.partition("(")[0] not in _MOVING)
            found.append(Stop(command, world.view.crumbs[0], keys, opening))
    return found


def _places() -> Iterator[tuple[str, str]]:
    """Every view with a word of its own, then those of one machine."""
    seen: set[str] = set()
    for action_id, path in dispatch.SCREENS.items():
        if path not in seen:
            seen.add(path)
            yield ACTIONS[action_id].aliases[0], action_id
    for action_id, path in dispatch.SUBJECT_SCREENS.items():
        if path not in seen:
            seen.add(path)
            yield f"{ACTIONS[action_id].aliases[0]} {SUBJECT}", action_id


def _open(world: Console, action_id: str) -> None:
    if action_id in dispatch.SCREENS:
        world.app.open_view(action_id)
    else:
        world.app.perform(action_id, [f"id-{SUBJECT}"])


def _bound(world: Console) -> list[tuple[str, str]]:
    """(key, what it does) here and now; a text's own editing keys are Textual's."""
    return [
        (key, active.binding.action)
        for key, active in world.app.screen.active_bindings.items()
        if not isinstance(active.node, Input | TextArea)
        and not any(each in active.binding.action for each in _ELSEWHERE)
    ]


def terminal_name(key: str) -> str:
    """As tmux spells it."""
    if key in _TERMINAL_NAMES:
        return _TERMINAL_NAMES[key]
    if key.startswith("ctrl+"):
        return "C-" + terminal_name(key.removeprefix("ctrl+"))
    if key.startswith("shift+") and len(key) > 7:
        return "S-" + terminal_name(key.removeprefix("shift+"))
    assert len(key) == 1 or (key[0] == "f" and key[1:].isdigit()), f"how does a terminal send {key}?"
    return key.upper() if len(key) > 1 else key
