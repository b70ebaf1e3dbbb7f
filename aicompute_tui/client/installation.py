"""The connections of this installation: looked up by name, flag and tag, on one opened store or on a fresh one each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aicompute_tui.client.connection import LlmConnection
from aicompute_tui.client.fallback import Fallback
from aicompute_tui.domain.caller import Caller
from aicompute_tui.domain.connection import Connection
from aicompute_tui.runtime import build

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context


class ConnectionManager:
    """Use it with `async with` where more than a few prompts are asked: the store then stays open between them."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """`environment` takes the place of the process's own: `AIC_TUI_HOME` and the rest."""
        self._environment = environment
        self._runtime: Runtime | None = None

    async def __aenter__(self) -> Self:
        self._runtime = build(self._environment)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            await runtime.aclose()

    async def get_connection(self, reference: str) -> LlmConnection:
        """By name, id or the beginning of one, also one that is out of use. Raises NotFound, InvalidInput."""
        async with self._opened() as context, context.store.read() as transaction:
            return LlmConnection(await transaction.connections.find(reference), self._opened)

    async def get_connections(
        self,
        *,
        use_in_livekit: bool | None = None,
        use_in_mcp: bool | None = None,
        use_in_automation: bool | None = None,
        tags: Collection[str] = (),
        kind: str | None = None,
        include_inactive: bool = False,
    ) -> list[LlmConnection]:
        """Those in use that are as asked, with all of the tags; the highest priority first, then by name."""
        wanted = {"livekit": use_in_livekit, "mcp": use_in_mcp, "automation": use_in_automation}
        async with self._opened() as context, context.store.read() as transaction:
            everything = await transaction.connections.list()
            reports = await transaction.health_reports.list(each.id for each in everything)

        def fits(each: Connection) -> bool:
            is_held_back = each.id in reports and reports[each.id].is_held_back
            return (
                (include_inactive or (each.is_active and not is_held_back))
                and all(value is None or (name in each.flags) is value for name, value in wanted.items())
                and set(tags) <= set(each.tags)
                and kind in (None, each.kind)
            )

        found = sorted(filter(fits, everything), key=lambda each: (-each.options.priority, each.name))
        return [LlmConnection(each, self._opened) for each in found]

    async def get_fallback(self, *references: str) -> Fallback:
        """Those named, in this order. Raises NotFound, and InvalidInput for none."""
        return Fallback([await self.get_connection(each) for each in references])

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Context]:
        """The store that is held open, else one for this call alone."""
        runtime = self._runtime or build(self._environment)
        try:
            yield replace(await runtime.context(), caller=Caller.CLIENT)
        finally:
            if runtime is not self._runtime:
                await runtime.aclose()


async def get_connection(reference: str) -> LlmConnection:
    """One of this installation, by name, id or the beginning of one. Raises NotFound, InvalidInput."""
    return await ConnectionManager().get_connection(reference)
