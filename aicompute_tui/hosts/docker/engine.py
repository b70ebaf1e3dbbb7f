"""A Docker engine, or what speaks like one: implements Engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

import aiodocker
import aiohttp

from aicompute_tui.domain.container import Container, EngineEvent, LogPiece, StatsSample
from aicompute_tui.domain.errors import NotFound, Unreachable
from aicompute_tui.domain.host import Host, HostFacts, HostKind
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.plain_connection import is_plain
from aicompute_tui.domain.stored import Image, RegistryLogin, Volume
from aicompute_tui.hosts.answers import items, mapping, text, texts
from aicompute_tui.hosts.base import Abilities, Finished, LogsWanted, PullProgress, Shell
from aicompute_tui.hosts.docker import machine_facts, stored
from aicompute_tui.hosts.docker.execution import DockerShell, executed
from aicompute_tui.hosts.docker.failures import speaking
from aicompute_tui.hosts.docker.frames import FrameReader, TerminalReader, unix_time
from aicompute_tui.hosts.docker.lines import json_lines
from aicompute_tui.hosts.docker.pulling import Layers, pull_refusal, split_image
from aicompute_tui.hosts.docker.reading import engine_event, host_facts, inspected_container, listed_container
from aicompute_tui.hosts.docker.ssh_road import SshRoad
from aicompute_tui.hosts.docker.stats import stats_sample
from aicompute_tui.hosts.docker.wire import CALL_SECONDS, Wire

Value = TypeVar("Value")
_LOOKS_AT_AN_END, _LOOK_SECONDS = 5, 0.1

_REGISTRY_SECONDS = 60.0
"""An engine answers nothing before its registry has told it of the image."""


class DockerEngine:
    def __init__(self, host: Host, wire: Wire, road: SshRoad | None = None) -> None:
        self.host = host
        self._wire = wire
        self._road = road

    @property
    def abilities(self) -> Abilities:
        why = _why_no_login(self.host)
        return Abilities(has_files=self.host.is_here or self._road is not None, takes_logins=not why, why_no_login=why)

    async def facts(self) -> HostFacts:
        async def ask(client: aiodocker.Docker) -> tuple[Json, Json]:
            return dict(await client.system.info()), await client.version()

        facts = host_facts(*await self._call(ask))
        free_disk, gpus = await machine_facts.look(self.host, self._road, facts.data_folder)
        return replace(facts, free_disk_bytes=free_disk, gpus=facts.gpus if gpus is None else gpus)

    async def containers(self) -> list[Container]:
        async def ask(client: aiodocker.Docker) -> list[Json]:
            return [each._container for each in await client.containers.list(all=True)]  # noqa: SLF001 - its answer

        return [listed_container(each, self.host.id) for each in await self._call(ask)]

    async def inspect(self, container_id: str) -> tuple[Container, JsonObject]:
        async def ask(client: aiodocker.Docker) -> JsonObject:
            return await client.containers.container(container_id).show()

        answer = await self._call(ask, container_id)
        return inspected_container(answer, self.host.id), answer

    @asynccontextmanager
    async def events(self, since: datetime | None = None) -> AsyncIterator[AsyncIterator[EngineEvent]]:
        params = {} if since is None else {"since": f"{since.timestamp():.9f}"}
        async with self._wire.stream("events", params) as response:
            yield self._events(response)

    async def _events(self, response: aiohttp.ClientResponse) -> AsyncIterator[EngineEvent]:
        with speaking(self.host):
            async for answer in json_lines(response):
                yield engine_event(answer)

    @asynccontextmanager
    async def logs(
        self, container_id: str, wanted: LogsWanted, *, has_terminal: bool
    ) -> AsyncIterator[AsyncIterator[LogPiece]]:
        params = {
            "stdout": "1",
            "stderr": "1",
            "timestamps": "1" if wanted.has_moments else "0",
            "follow": "1" if wanted.follow else "0",
            "tail": "all" if wanted.tail is None else str(wanted.tail),
        }
        if wanted.since:
            params["since"] = unix_time(wanted.since)
        is_unchunked = wanted.follow and self.host.kind is HostKind.DOCKER
        followed = (await self.inspect(container_id))[0] if is_unchunked else None
        async with self._wire.stream(
            f"containers/{container_id}/logs", params, subject=container_id, is_unchunked=is_unchunked
        ) as response:
            yield self._pieces(response, TerminalReader() if has_terminal else FrameReader(), followed)

    async def _pieces(
        self, response: aiohttp.ClientResponse, reader: FrameReader | TerminalReader, followed: Container | None
    ) -> AsyncIterator[LogPiece]:
        """`followed` is the container where the connection's end does not tell whether the log came to its own."""
        with speaking(self.host):
            async for chunk in response.content.iter_any():
                for piece in reader.feed(chunk):
                    yield piece
        if followed is not None:
            await self._ended(followed)
        for piece in reader.finish():
            yield piece

    async def _ended(self, followed: Container) -> None:
        """Raises Unreachable where the run goes on. An engine ends the log a moment before it says so of the run."""
        if not followed.state.is_alive:
            return
        for _ in range(_LOOKS_AT_AN_END):
            try:
                container = (await self.inspect(followed.id))[0]
            except NotFound:
                return
            if not container.state.is_alive or container.started_at != followed.started_at:
                return
            await asyncio.sleep(_LOOK_SECONDS)
        raise Unreachable(f"The connection to {self.host.name} broke.", "Its engine may have ended: try again.")

    @asynccontextmanager
    async def stats(self, container_id: str) -> AsyncIterator[AsyncIterator[StatsSample]]:
        async with self._wire.stream(
            f"containers/{container_id}/stats", {"stream": "1"}, subject=container_id
        ) as found:
            yield self._samples(found)

    async def _samples(self, response: aiohttp.ClientResponse) -> AsyncIterator[StatsSample]:
        with speaking(self.host):
            async for answer in json_lines(response):
                yield stats_sample(answer) or StatsSample()

    async def start(self, container_id: str) -> None:
        await self._change(container_id, lambda each: each.start(), CALL_SECONDS * 6)

    async def stop(self, container_id: str, grace_seconds: int) -> None:
        await self._change(container_id, lambda each: each.stop(t=grace_seconds), CALL_SECONDS * 3 + grace_seconds)

    async def restart(self, container_id: str, grace_seconds: int) -> None:
        await self._change(container_id, lambda each: each.restart(t=grace_seconds), CALL_SECONDS * 6 + grace_seconds)

    async def kill(self, container_id: str, signal: str) -> None:
        await self._change(container_id, lambda each: each.kill(signal=signal))

    async def pause(self, container_id: str) -> None:
        await self._change(container_id, lambda each: each.pause())

    async def unpause(self, container_id: str) -> None:
        await self._change(container_id, lambda each: each.unpause())

    async def rename(self, container_id: str, name: str) -> None:
        async def ask(client: aiodocker.Docker) -> None:
            await client.containers.container(container_id).rename(name)

        await self._call(ask, name)

    async def remove(self, container_id: str, *, force: bool, volumes: bool) -> None:
        await self._change(container_id, lambda each: each.delete(force=force, v=volumes), CALL_SECONDS * 6)

    async def processes(self, container_id: str) -> list[JsonObject]:
        async def ask(client: aiodocker.Docker) -> JsonObject:
            return await client.containers.container(container_id).top()

        answer = await self._call(ask, container_id)
        titles = [title.lower() for title in texts(mapping(answer), "Titles")]
        return [
            {title: cell for title, cell in zip(titles, row, strict=False) if isinstance(cell, str)}
            for row in items(answer, "Processes")
            if isinstance(row, list)
        ]

    async def execute(self, container_id: str, command: Sequence[str], *, timeout_seconds: float = 30.0) -> Finished:
        async with self._wire.own_client() as client:
            with speaking(self.host, container_id):
                async with asyncio.timeout(timeout_seconds):
                    return await executed(client, container_id, command)

    async def has_image(self, image: str) -> bool:
        async def ask(client: aiodocker.Docker) -> object:
            return await client.images.inspect(image)

        try:
            await self._call(ask, image)
        except NotFound:
            return False
        return True

    @asynccontextmanager
    async def pull(self, image: str, login: RegistryLogin | None = None) -> AsyncIterator[AsyncIterator[PullProgress]]:
        name, tag = split_image(image)
        headers = {"X-Registry-Auth": stored.login_header(login)} if login is not None else {}
        async with self._wire.stream(
            "images/create",
            {"fromImage": name, "tag": tag},
            method="POST",
            subject=image,
            headers=headers,
            seconds=_REGISTRY_SECONDS,
        ) as response:
            yield self._pulled(response, image)

    async def _pulled(self, response: aiohttp.ClientResponse, image: str) -> AsyncIterator[PullProgress]:
        layers = Layers()
        with speaking(self.host, image):
            async for answer in json_lines(response):
                refused = text(answer, "errorDetail", "message") or text(answer, "error")
                if refused:
                    raise pull_refusal(refused, self.host.name, image)
                yield layers.take(answer)

    async def image(self, reference: str) -> JsonObject:
        return await stored.image_answer(self._wire, reference)

    async def images(self, *, shared: bool = False) -> list[Image]:
        return await stored.list_images(self._wire, shared=shared)

    async def remove_image(self, reference: str, name: str) -> None:
        await stored.remove_image(self._wire, reference, name)

    async def layers_bytes(self) -> int | None:
        return await stored.layers_bytes(self._wire)

    async def volumes(self, size_seconds: float) -> list[Volume]:
        return await stored.list_volumes(self._wire, size_seconds)

    async def remove_volume(self, name: str) -> None:
        await stored.remove_volume(self._wire, name)

    async def create(self, name: str, request: JsonObject) -> str:
        async def ask(client: aiodocker.Docker) -> str:
            return (await client.containers.create(request, name=name)).id

        return await self._call(ask, name, CALL_SECONDS * 3)

    @asynccontextmanager
    async def shell(
        self, container_id: str, command: Sequence[str], *, columns: int, rows: int
    ) -> AsyncIterator[Shell]:
        async with self._wire.own_client() as client:
            shell = DockerShell(self.host, client, container_id)
            try:
                await shell.open(command, columns, rows)
                yield shell
            finally:
                await shell.aclose()

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _call(
        self, ask: Callable[[aiodocker.Docker], Awaitable[Value]], subject: str = "", seconds: float = CALL_SECONDS
    ) -> Value:
        client = await self._wire.client()
        await self._wire.learn_version(client)
        with speaking(self.host, subject):
            async with asyncio.timeout(seconds):
                return await ask(client)

    async def _change(
        self,
        container_id: str,
        change: Callable[[aiodocker.containers.DockerContainer], Awaitable[None]],
        seconds: float = CALL_SECONDS * 3,
    ) -> None:
        async def ask(client: aiodocker.Docker) -> None:
            await change(client.containers.container(container_id))

        await self._call(ask, container_id, seconds)


def _why_no_login(host: Host) -> str:
    """Why a registry's password does not go to this host; empty where it may."""
    if host.kind is HostKind.PORTAINER:
        return "Portainer keeps registries' logins itself: add the registry there"
    if is_plain(host):
        return f"the connection to {host.name} is not encrypted, and a login is sent over no such one"
    return ""
