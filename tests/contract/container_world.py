"""A state home with hosts on the tests' engines, and the questions and jobs that handlers are asked with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicompute_tui.actions.registry import ACTIONS, resolve_handler, resolve_stream
from aicompute_tui.domain.container import Container
from aicompute_tui.domain.host import HostReport
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.runtime import Runtime, build
from aicompute_tui.services import jobs
from aicompute_tui.services.context import Context


@dataclass
class House:
    runtime: Runtime
    context: Context

    async def query(self, action_id: str, **arguments: Any) -> Any:
        return await resolve_handler(ACTIONS[action_id])(self.context, arguments)

    def stream(self, action_id: str, **arguments: Any) -> AsyncIterator[JsonObject]:
        return resolve_stream(ACTIONS[action_id])(self.context, arguments)

    async def job(self, action_id: str, **arguments: Any) -> Any:
        """Written down and carried out here, as the command line does."""
        context = self.context
        made = await jobs.submit(
            context.store, context.clock, context.actor, action_id, arguments, holder=f"test:{action_id}"
        )
        return await jobs.run_job(context, made)

    async def containers(self) -> list[Container]:
        """As they are stored."""
        async with self.context.store.read() as transaction:
            return await transaction.containers.list()

    async def report(self, name: str) -> HostReport:
        async with self.context.store.read() as transaction:
            host = await transaction.hosts.find(name)
            return await transaction.host_reports.get(host.id)

    async def events(self) -> list[str]:
        async with self.context.store.read() as transaction:
            return [event.kind for event in reversed(await transaction.events.list(limit=100))]


@asynccontextmanager
async def opened_house(folder: Path, **environment: str) -> AsyncIterator[House]:
    given = {"AIC_TUI_HOME": str(folder / "home"), "HOME": str(folder), "PATH": "/usr/bin:/bin", **environment}
    runtime = build(environment=given)
    try:
        yield House(runtime, await runtime.context())
    finally:
        await runtime.aclose()


async def until_told(items: AsyncIterator[JsonObject], is_it: Callable[[JsonObject], bool]) -> list[JsonObject]:
    """The items up to the one that is waited for."""
    found: list[JsonObject] = []
    async for item in items:
        found.append(item)
        if is_it(item):
            return found
    raise AssertionError(f"it ended before: {found}")


def has_line(text: str) -> Callable[[JsonObject], bool]:
    def look(item: JsonObject) -> bool:
        lines = item.get("lines")
        return isinstance(lines, list) and any(str(line).endswith(text) for line in lines)

    return look


def has_mark(text: str) -> Callable[[JsonObject], bool]:
    return lambda item: "mark" in item and text in str(item["text"])


def lines_in(items: list[JsonObject]) -> list[str]:
    """Without their moments."""
    found: list[str] = []
    for item in items:
        lines = item.get("lines")
        found += [str(line).partition(" ")[2] for line in lines] if isinstance(lines, list) else []
    return found


async def closed(items: AsyncIterator[JsonObject]) -> None:
    if isinstance(items, AsyncGenerator):
        await items.aclose()
