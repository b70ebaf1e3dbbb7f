"""All actions by id, and how a handler is found when it is called."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from aicompute_tui.actions.connection_use import CONNECTION_USE_ACTIONS
from aicompute_tui.actions.connections import CONNECTION_ACTIONS
from aicompute_tui.actions.console import CONSOLE_ACTIONS
from aicompute_tui.actions.containers import CONTAINER_ACTIONS
from aicompute_tui.actions.health import HEALTH_ACTIONS
from aicompute_tui.actions.hosts import HOST_ACTIONS
from aicompute_tui.actions.instances import INSTANCE_ACTIONS
from aicompute_tui.actions.llm_prices import LLM_PRICE_ACTIONS
from aicompute_tui.actions.model import Action, Scope
from aicompute_tui.actions.models import MODEL_ACTIONS
from aicompute_tui.actions.node import NODE_ACTIONS
from aicompute_tui.actions.overview import OVERVIEW_ACTIONS
from aicompute_tui.actions.prices import PRICE_ACTIONS
from aicompute_tui.actions.quotas import QUOTA_ACTIONS
from aicompute_tui.actions.recommending import RECOMMENDING_ACTIONS
from aicompute_tui.actions.records import RECORD_ACTIONS
from aicompute_tui.actions.regions import REGION_ACTIONS
from aicompute_tui.actions.servers import SERVER_ACTIONS
from aicompute_tui.actions.stored import STORED_ACTIONS
from aicompute_tui.actions.templates import TEMPLATE_ACTIONS

if TYPE_CHECKING:
    from aicompute_tui.services.context import Handler, Stream

_ALL = (
    *OVERVIEW_ACTIONS,
    *INSTANCE_ACTIONS,
    *NODE_ACTIONS,
    *RECORD_ACTIONS,
    *REGION_ACTIONS,
    *TEMPLATE_ACTIONS,
    *QUOTA_ACTIONS,
    *PRICE_ACTIONS,
    *LLM_PRICE_ACTIONS,
    *MODEL_ACTIONS,
    *RECOMMENDING_ACTIONS,
    *HOST_ACTIONS,
    *CONTAINER_ACTIONS,
    *STORED_ACTIONS,
    *CONNECTION_ACTIONS,
    *HEALTH_ACTIONS,
    *CONNECTION_USE_ACTIONS,
    *SERVER_ACTIONS,
    *CONSOLE_ACTIONS,
)
ACTIONS: dict[str, Action] = {action.id: action for action in _ALL}


def in_scope(scope: Scope) -> list[Action]:
    return [action for action in ACTIONS.values() if action.scope == scope]


def by_alias() -> dict[str, Action]:
    """Every word after `:` → its action."""
    return {alias: action for action in ACTIONS.values() for alias in action.aliases}


def resolve_handler(action: Action) -> Handler:
    """Imports the handler of an action that answers once."""
    return cast("Handler", _resolve(action))


def resolve_stream(action: Action) -> Stream:
    """Imports the handler of an action that streams."""
    return cast("Stream", _resolve(action))


def _resolve(action: Action) -> object:
    module_name, _, function_name = action.handler.partition(":")
    handler = getattr(importlib.import_module(module_name), function_name)
    if not callable(handler):
        raise TypeError(f"{action.handler} is not a function")
    return cast("object", handler)
