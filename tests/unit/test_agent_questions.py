"""A question that streams ends with whoever asked, and leaves nothing to be tidied up by nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest

from aicompute_tui.agent import process
from aicompute_tui.agent.lock import AgentLock
from aicompute_tui.domain.caller import Caller
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.runtime import Runtime
from aicompute_tui.store.database import Store
from tests.moved_clock import MovedClock


@dataclass(frozen=True)
class Asked:
    """As much of a context as an agent puts its own words into."""

    caller: Caller


@pytest.mark.asyncio
async def test_a_stream_that_is_given_up_between_two_items_is_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def logs(_context: object, arguments: Mapping[str, object]) -> AsyncGenerator[JsonObject]:
        try:
            while True:
                yield {"lines": [str(arguments["name"])]}
        finally:
            closed.append("logs")

    async def context(**_: object) -> Asked:
        return Asked(Caller.CLI)

    monkeypatch.setattr(process, "resolve_stream", lambda _action: logs)
    runtime = SimpleNamespace(clock=MovedClock(), host_id="h", actor=object(), agent_actor=object())
    runtime.context = lambda _store, actor: context(actor=actor)
    agent = process.Agent(cast("Runtime", runtime), cast("Store", None), cast("AgentLock", None))
    items = agent.ask("instance.logs", {"name": "lab"})
    assert isinstance(items, AsyncGenerator)
    assert await anext(items) == {"lines": ["lab"]}
    before = asyncio.all_tasks()
    await items.aclose()
    assert closed == ["logs"]
    assert asyncio.all_tasks() == before
