"""The container hosts this process can reach: an engine for each, made at the first need, and those found here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import NotAllowed, Refused
from aicompute_tui.domain.host import FoundHost, Host, HostKind
from aicompute_tui.hosts.registry import Surroundings
from aicompute_tui.settings.places import Places
from aicompute_tui.ssh.base import Boxes

if TYPE_CHECKING:
    from aicompute_tui.hosts.base import Engine


class ContainerHosts:
    """Implements HostDirectory."""

    def __init__(
        self,
        environment: Mapping[str, str],
        places: Places,
        boxes: Boxes,
        login: str,
        token_of: Callable[[Host], Awaitable[str]],
        *,
        installation: str,
        is_demo: bool,
    ) -> None:
        """`token_of` opens what a Portainer server is shown for a host; `installation` is the id of this one."""
        self._installation = installation
        self._token_of = token_of
        self._environment = environment
        self._is_demo = is_demo
        self._home = Path(environment.get("HOME") or Path.home())
        self._boxes = boxes
        self._around = Surroundings(
            boxes, places.socket_folder, login, self._home, environment.get("SSH_AUTH_SOCK", "")
        )
        self._engines: dict[str, tuple[Host, Engine]] = {}
        self._opening = asyncio.Lock()

    async def engine(self, host: Host) -> Engine:
        """The same as long as the host is what it was.

        Raises NotAllowed in the demo for other machines, Refused for a host that another installation keeps.
        """
        if self._is_demo and host.published_address != "127.0.0.1":
            raise NotAllowed("The demo reaches nothing but this machine.", "Leave the demo to use your own hosts.")
        reason = host.why_not_from(self._installation)
        if reason:
            raise Refused(f"{reason}.", "Do it there.")
        async with self._opening:
            known = self._engines.get(host.id)
            if known is not None and known[0] == host:
                return known[1]
            if known is not None:
                await known[1].aclose()
            token = await self._token_of(host) if host.kind is HostKind.PORTAINER else ""
            made = (await asyncio.to_thread(_importing))(host, self._around, token)
            self._engines[host.id] = (host, made)
        return made

    async def found(self) -> Sequence[FoundHost]:
        """Hosts that nobody added; none in the demo, which is a world of its own."""
        if self._is_demo:
            return []
        from aicompute_tui.hosts.found import found_hosts

        return await asyncio.to_thread(found_hosts, self._environment, self._home, os.getuid())

    async def forget(self, host: Host, *, keys: bool) -> None:
        """Closes what is open to a host; with `keys` its host key is forgotten too."""
        known = self._engines.pop(host.id, None)
        if known is not None:
            await known[1].aclose()
        if keys and host.scheme == "ssh":
            await self._boxes.forget(host.id)

    async def aclose(self) -> None:
        engines, self._engines = list(self._engines.values()), {}
        await asyncio.gather(*(engine.aclose() for _, engine in engines))


def _importing() -> Callable[[Host, Surroundings, str], Engine]:
    """In a thread: what speaks to engines takes a third of a second to import."""
    import aicompute_tui.hosts.docker.engine  # noqa: F401 - the heavy part
    from aicompute_tui.hosts.registry import open_engine

    return open_engine
