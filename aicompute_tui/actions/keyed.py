"""Every command that has keys, with the place where they work: what a person's own keymap may change."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from aicompute_tui.actions.navigation import NAVIGATION, PLACE_KEYS
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.settings.keymap import EVERYWHERE, KeyedCommand

_EVERYWHERE = frozenset({"global", "app", "screen"})


@cache
def keyed_commands() -> Mapping[str, KeyedCommand]:
    """By id, the actions first, each with its usual keys."""
    found = {
        action.id: KeyedCommand(action.id, action.title, _place(action.scope), usual_keys(action.id, action.keys))
        for action in ACTIONS.values()
    }
    movements = {
        entry.id: KeyedCommand(entry.id, entry.title, _place(entry.place), usual_keys(entry.id, entry.keys))
        for entry in NAVIGATION.values()
        if entry.id != "go.sort"
    }
    return {**found, **movements}


def usual_keys(command_id: str, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The number key of a view included."""
    place = PLACE_KEYS.get(command_id)
    return (*keys, place) if place else keys


def _place(name: str) -> str:
    return EVERYWHERE if name in _EVERYWHERE else name
