"""A port of this host's loopback that leads to one of a machine's, byte by byte as they come."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Callable
from typing import Protocol

from aicompute_tui.domain.errors import AicError, Conflict, NotAllowed
from aicompute_tui.ssh.failures import FAILURES
from aicompute_tui.ssh.link import Link

_LOOPBACK = "127.0.0.1"
_CHUNK_BYTES = 128 << 10


class _Reader(Protocol):
    async def read(self, n: int) -> bytes: ...


class _Writer(Protocol):
    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...

    async def drain(self) -> None: ...


class Tunnel:
    """Implements Forward. Each accepted connection is one channel; closing the tunnel ends them all."""

    def __init__(self, link: Link, remote_port: int, on_close: Callable[[], None]) -> None:
        self.local_port = 0
        self._link = link
        self._remote_port = remote_port
        self._on_close = on_close
        self._server: asyncio.Server | None = None
        self._carried: set[asyncio.Task[None]] = set()

    async def listen(self, local_port: int) -> None:
        try:
            self._server = await asyncio.start_server(self._accept, _LOOPBACK, local_port)
        except (OSError, OverflowError) as error:
            raise _not_listening(error, local_port) from error
        self.local_port = self._server.sockets[0].getsockname()[1]

    @property
    def is_open(self) -> bool:
        return self._server is not None and self._link.is_open

    async def aclose(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        carried = list(self._carried)
        for task in carried:
            task.cancel()
        await asyncio.gather(*carried, return_exceptions=True)
        self._on_close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carried.add(task)
        try:
            await self._carry(reader, writer)
        except asyncio.CancelledError:
            if self._server is not None:
                raise
        finally:
            self._carried.discard(task)
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until both sides have said their last word or one of them broke off."""
        try:
            far_reader, far_writer = await self._link.dial(self._remote_port)
        except FAILURES:
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, far_writer))
                group.create_task(_pump(far_reader, writer))
            writer.close()
            await writer.wait_closed()
        except* FAILURES:
            pass
        finally:
            far_writer.channel.abort()


async def _pump(source: _Reader, target: _Writer) -> None:
    """Passes on what comes, at the target's pace, and the end as an end of this direction only."""
    while data := await source.read(_CHUNK_BYTES):
        target.write(data)
        await target.drain()
    with contextlib.suppress(OSError):
        target.write_eof()


def _not_listening(error: Exception, port: int) -> AicError:
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM}:
        return NotAllowed(f"Port {port} of this host may not be taken by you.", "Choose one above 1023.", str(error))
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return Conflict(
            f"Port {port} of this host is taken by another program.", "Choose another port, or 0 for any.", str(error)
        )
    return Conflict(f"Port {port} of this host cannot be listened on.", "Choose a port from 1 to 65535.", str(error))
