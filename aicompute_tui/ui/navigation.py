"""Everything that can be asked for in the console: its own movements and the actions, by id and by word."""

from __future__ import annotations

from aicompute_tui.actions.navigation import NAVIGATION, PLACE_KEYS, Command, Navigation, Place
from aicompute_tui.actions.registry import ACTIONS

__all__ = ["NAVIGATION", "PLACE_KEYS", "Command", "Navigation", "Place", "by_word", "commands"]


def commands() -> dict[str, Command]:
    """Everything that can be asked for, by id."""
    return {**NAVIGATION, **ACTIONS}


def by_word() -> dict[str, Command]:
    """Every word after `:` → what it does."""
    return {alias: command for command in commands().values() for alias in command.aliases}
