"""A socket of this host that leads to one of a machine's, byte by byte as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import asyncssh

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.ssh.failures import FAILURES, broken
from aicompute_tui.ssh.link import Link


class SocketTunnel:
    """Implements SocketForward. Who may use the local socket is decided by the folder it is in."""

    def __init__(self, link: Link, remote_path: str, on_close: Callable[[], None]) -> None:
        self.local_path = Path()
        self._link = link
        self._remote_path = remote_path
        self._on_close = on_close
        self._listener: asyncssh.SSHListener | None = None

    async def listen(self, local_path: Path) -> None:
        """Raises Unreachable where the connection breaks meanwhile or the socket cannot be made."""
        try:
            self._listener = await self._link.forward_path(local_path, self._remote_path)
        except OSError as error:
            step = "Look whether its folder is there and yours, and whether the disk is full."
            raise Unreachable(f"The socket {local_path} cannot be made.", step, str(error)) from error
        except FAILURES as error:
            raise broken(self._link.address, str(error)) from error
        self.local_path = local_path

    @property
    def is_open(self) -> bool:
        return self._listener is not None and self._link.is_open

    async def aclose(self) -> None:
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await listener.wait_closed()
        await asyncio.to_thread(self.local_path.unlink, missing_ok=True)
        self._on_close()
