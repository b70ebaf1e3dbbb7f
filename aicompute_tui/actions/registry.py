"""All actions by id, and how a handler is found when it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from aicompute_tui.actions.instances import INSTANCE_ACTIONS
from aicompute_tui.actions.model import Action, Scope
from aicompute_tui.actions.records import RECORD_ACTIONS

ACTIONS: dict[str, Action] = {action.id: action for action in (*INSTANCE_ACTIONS, *RECORD_ACTIONS)}


def in_scope(scope: Scope) -> list[Action]:
    return [action for action in ACTIONS.values() if action.scope == scope]


def by_alias() -> dict[str, Action]:
    """Every word after `:` → its action."""
    return {alias: action for action in ACTIONS.values() for alias in action.aliases}


def resolve_handler(action: Action) -> Callable[..., object]:
    """Imports the handler of `action`: an async function of (Context, arguments), or an async generator."""
    module_name, _, function_name = action.handler.partition(":")
    handler = getattr(importlib.import_module(module_name), function_name)
    if not callable(handler):
        raise TypeError(f"{action.handler} is not a function")
    return handler  # type: ignore[no-any-return]
