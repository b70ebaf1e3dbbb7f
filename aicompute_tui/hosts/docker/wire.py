"""The ways to one engine: a client for short calls, and a connection of its own for each long stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

import aiodocker
import aiohttp
from aiodocker.exceptions import DockerError

from aicompute_tui.domain.host import Host
from aicompute_tui.hosts.docker.endpoint import CONNECT_SECONDS, Endpoint, endpoint_of
from aicompute_tui.hosts.docker.failures import speaking
from aicompute_tui.hosts.docker.ssh_road import SshRoad

CALL_SECONDS = 10.0
_HEADERS_SECONDS = 10.0


class Wire:
    """Raises our errors. With `road` the engine is at the far end of an ssh connection; `endpoint` is given where
    something stands before the engine."""

    def __init__(
        self, host: Host, road: SshRoad | None = None, endpoint: Callable[[], Awaitable[Endpoint]] | None = None
    ) -> None:
        self.host = host
        self._road = road
        self._given = endpoint
        self._client: aiodocker.Docker | None = None
        self._endpoint: Endpoint | None = None
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self._api_version = "auto"

    async def client(self) -> aiodocker.Docker:
        """For short calls; the same as long as the way to the engine is."""
        async with self._opening:
            endpoint = await self._present_endpoint()
            if self._client is None or endpoint is not self._endpoint:
                await self._close_client()
                self._endpoint = endpoint
                self._client, self._session = self._made(endpoint, CALL_SECONDS)
            return self._client

    @asynccontextmanager
    async def own_client(self) -> AsyncIterator[aiodocker.Docker]:
        """For one long call, without a limit of time; what it left open ends with the block."""
        shared = await self.client()
        await self.learn_version(shared)
        assert self._endpoint is not None
        client, session = self._made(self._endpoint, None)
        try:
            yield client
        finally:
            await session.close()

    @asynccontextmanager
    async def stream(
        self,
        path: str,
        params: Mapping[str, str],
        *,
        method: str = "GET",
        subject: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = _HEADERS_SECONDS,
        is_unchunked: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One answer without end on a connection of its own, which must begin within `seconds`."""
        shared = await self.client()
        await self.learn_version(shared)
        assert self._endpoint is not None
        async with self._endpoint.session(None, is_unchunked=is_unchunked) as session:
            with speaking(self.host, subject):
                async with asyncio.timeout(seconds):
                    response = await self._asked(session, method, path, params, body, headers)
            try:
                yield response
            finally:
                response.close()

    async def learn_version(self, client: aiodocker.Docker) -> str:
        """The version both sides speak, asked for once."""
        if self._api_version == "auto":
            with speaking(self.host):
                await client.version()
            self._api_version = client.api_version
        return self._api_version

    async def aclose(self) -> None:
        async with self._opening:
            await self._close_client()
            if self._road is not None:
                await self._road.aclose()

    async def _asked(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        params: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> aiohttp.ClientResponse:
        assert self._endpoint is not None
        url = f"{self._endpoint.base}/{self._api_version}/{path}"
        response = await session.request(method, url, params=params, data=body, headers=headers)
        if response.status >= 400:
            raise DockerError(response.status, message_of(await response.read()))
        return response

    async def _present_endpoint(self) -> Endpoint:
        if self._road is None:
            return self._endpoint or await (self._given() if self._given else endpoint_of(self.host))
        path = str(await self._road.socket_path())
        if self._endpoint is not None and self._endpoint.socket_path == path:
            return self._endpoint
        return await endpoint_of(self.host, path)

    def _made(self, endpoint: Endpoint, total: float | None) -> tuple[aiodocker.Docker, aiohttp.ClientSession]:
        session = endpoint.session(total)
        timeout = aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_SECONDS)
        connector = session.connector
        client = aiodocker.Docker(
            endpoint.base, connector=connector, session=session, timeout=timeout, api_version=self._api_version
        )
        return client, session

    async def _close_client(self) -> None:
        session, self._client, self._session = self._session, None, None
        if session is not None:
            await session.close()


def message_of(answer: bytes) -> str:
    """An engine's own words in an answer that refuses."""
    text = answer.decode("utf-8", "replace")
    try:
        found = json.loads(text)
    except ValueError:
        return text
    message = found.get("message") if isinstance(found, dict) else None
    return message if isinstance(message, str) else text
