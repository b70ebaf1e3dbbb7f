"""The endpoints of one host's containers: asked again and again, and told when they answer or do no more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from aicompute_tui.agent.rounds import Bell
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.container import Container
from aicompute_tui.domain.deployment import LABEL_PORT
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.recreation import name_before
from aicompute_tui.services.connection_sources import container_source
from aicompute_tui.services.container_endpoints import endpoint_url, health_url, tell_gone, tell_ready
from aicompute_tui.services.context import Context
from aicompute_tui.services.endpoint_connections import missing_sources
from aicompute_tui.services.host_reports import silent

ASK_SECONDS = 5.0
_SILENCES_TOLD = 3
"""A server that misses one question may only be busy."""
_AT_ONCE = 8
_LIST_SECONDS = 20.0

log = logging.getLogger(__name__)


class HostEndpoints:
    """Runs until it is cancelled; `update` says which containers there are."""

    def __init__(self, context: Callable[[], Awaitable[Context]], clock: Clock, host: Host) -> None:
        self._context = context
        self._host = host
        self._bell = Bell(clock)
        self._present: frozenset[str] = frozenset()
        self._is_settled = True
        """All that were followed and are not present were told as gone."""
        self._has_listed = False
        self._wanted: dict[str, Container] = {}
        self._silences: dict[str, int] = {}
        self._told: dict[str, bool] = {}
        """What was told last, by container."""

    def update(self, containers: Iterable[Container]) -> None:
        """Those that were deployed with an endpoint; one that was told of and is gone now is told of once more."""
        found = {each.key: each for each in containers if LABEL_PORT in dict(each.labels)}
        present = frozenset(found)
        is_news = present != self._present or not self._has_listed
        self._present, self._has_listed = present, True
        self._is_settled = self._is_settled and not is_news
        wanted = {**{key: each for key, each in self._wanted.items() if self._told.get(key)}, **found}
        if is_news or wanted != self._wanted:
            self._wanted = wanted
            self._bell.ring()

    async def run(self) -> None:
        while True:
            door = asyncio.Semaphore(_AT_ONCE)
            try:
                context = await self._context()
                await self._tell_removed(context)
                await asyncio.gather(*(self._ask(context, each, door) for each in list(self._wanted.values())))
            except AicError as error:
                log.warning("the endpoints of %s could not be told: %s", self._host.name, error.message)
            await self._bell.sleep(ASK_SECONDS)

    async def _tell_removed(self, context: Context) -> None:
        """Also of those that were removed while nobody looked; before what came in their place is told of."""
        if self._is_settled:
            return
        present = self._present
        async with context.store.read() as transaction:
            found = {container_source(key) for key in present}
            titles = await missing_sources(transaction, container_source(f"{self._host.id}/"), found)
        if titles:
            listed = await self._listed(context)
            for source, title in titles.items():
                key = source.partition(":")[2]
                if key not in listed:
                    await tell_gone(context, self._host, key, title.rpartition("/")[2], "it was removed")
        self._is_settled = present == self._present

    async def _listed(self, context: Context) -> set[str]:
        """As they are now: one may have been made since they were listed last."""
        try:
            async with asyncio.timeout(_LIST_SECONDS):
                engine = await context.hosts.engine(self._host)
                return {each.key for each in await engine.containers()}
        except TimeoutError:
            raise silent(self._host, _LIST_SECONDS) from None

    async def _ask(self, context: Context, container: Container, door: asyncio.Semaphore) -> None:
        from aicompute_tui.hosts.probe import answers

        url, endpoint = health_url(self._host, container), endpoint_url(self._host, container)
        key, name = container.key, name_before(container) or container.name
        if key not in self._present or not container.state.is_alive or url is None or endpoint is None:
            reason = "it was removed" if key not in self._present else f"it is {container.state.value}"
            if self._told.get(key, True):
                await tell_gone(context, self._host, key, name, reason)
                self._told[key] = False
            if key not in self._present:
                self._wanted.pop(key, None)
            return
        async with door:
            is_there = await answers(url)
        if is_there:
            self._silences[key] = 0
            if not self._told.get(key):
                await tell_ready(context, self._host, container, endpoint)
                self._told[key] = True
            return
        self._silences[key] = self._silences.get(key, 0) + 1
        if self._silences[key] >= _SILENCES_TOLD and self._told.get(key, True):
            await tell_gone(context, self._host, key, name, "it does not answer")
            self._told[key] = False
