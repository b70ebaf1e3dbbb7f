"""Which commands do more on the command line than their handlers: named as `module:function`."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

Job = Callable[["Call", "Runtime", "Context"], Awaitable[int]]
Before = Callable[["Call", "Runtime", "Context"], Awaitable[None]]
After = Callable[[Json], None]
Writer = Callable[["Call", AsyncIterator[JsonObject]], Awaitable[int]]

JOBS = {
    "instance.launch": "cli.launching:launch",
    "instance.relaunch": "cli.launching:launch",
    "credential.set": "cli.keys:set_credential",
    "container.deploy": "cli.deploying:deploy",
    "host.add": "cli.host_adding:add_host",
    "image.remove": "cli.stored:remove",
    "image.prune": "cli.stored:prune",
    "volume.remove": "cli.stored:remove",
    "volume.prune": "cli.stored:prune",
    "registry.login": "cli.stored:log_in",
    "connection.add": "cli.connecting:add",
    "connection.edit": "cli.connecting:edit",
    "connection.export": "cli.connection_exchange:export",
    "connection.import": "cli.connection_exchange:import_connections",
    "server.add": "cli.serving:keep",
    "server.edit": "cli.serving:keep",
    **{f"server.{verb}": "cli.serving:act" for verb in ("remove", "delete-model", "unload", "sleep", "lora-unload")},
    "instance.forward": "cli.forwarding:forward",
    "quota.request": "cli.quota_asking:request",
}
"""Jobs that a person is asked more about, or that need a secret or the agent."""
BEFORE_QUERY = {
    "connection.find": "cli.connecting:name_variables",
    "connection.test": "cli.connecting:say_cost",
    "container.logs": "cli.container_logs:ask_for_times",
}
"""What a query needs to be given, or a person to be told, before it is answered."""
AFTER_QUERY = {"price.refresh": "services.price_feeds:check_any_came"}
"""What raises where an answer that was shown is none after all."""
WRITERS = {
    "instance.logs": "cli.logs:write_logs",
    "instance.metrics": "cli.metrics:write_metrics",
    "container.logs": "cli.container_logs:write_container_logs",
    "connection.ask": "cli.connecting:write_answer",
}
"""How what streams is written."""


def job(action_id: str) -> Job | None:
    found: Job | None = _found(JOBS, action_id)
    return found


def before_query(action_id: str) -> Before | None:
    found: Before | None = _found(BEFORE_QUERY, action_id)
    return found


def after_query(action_id: str) -> After | None:
    found: After | None = _found(AFTER_QUERY, action_id)
    return found


def writer(action_id: str) -> Writer:
    """A row for each item where it has none of its own."""
    found: Writer = _found(WRITERS, action_id) or load("cli.stream:write_stream")
    return found


def _found(ways: dict[str, str], action_id: str) -> Any:
    return load(ways[action_id]) if action_id in ways else None


def load(name: str) -> Any:
    module_name, _, function_name = name.partition(":")
    return getattr(importlib.import_module(f"aicompute_tui.{module_name}"), function_name)
