"""One command on a machine: its output as it comes, with the reader setting the pace."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import asyncssh

from aicompute_tui.domain.errors import AicError

MOST_PENDING_BYTES = 1 << 20
"""Above this nothing more is taken from the channel; its window (`WINDOW_BYTES`) then fills and the command waits."""
WINDOW_BYTES = 4 << 20
MOST_PACKET_BYTES = 128 << 10
_STDERR_TAIL_BYTES = 4_096
_LONGEST_GOODBYE_SECONDS = 1.0


class _Break(Protocol):
    def __call__(self, details: str = "") -> AicError: ...


class Session(asyncssh.SSHClientSession[bytes]):
    """Collects what a channel says until a reader takes it."""

    def __init__(self, broken: _Break) -> None:
        self._broken = broken
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._paused = False
        self._stderr = bytearray()
        self._wake = asyncio.Event()
        self._ended = False
        self._failure: AicError | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.exit_code: int | None = None
        self.on_stderr: Callable[[bytes], None] = self._keep_stderr

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is not None:
            self.on_stderr(data)
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= MOST_PENDING_BYTES and not self._paused and self._channel is not None:
            self._paused = True
            self._channel.pause_reading()
        self._wake.set()

    def eof_received(self) -> bool:
        return True

    def exit_status_received(self, status: int) -> None:
        self.exit_code = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        self.exit_code = -_signal_number(signal)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        if exc is not None or self.exit_code is None:
            self._failure = self._broken(f"{type(exc).__name__}: {exc}" if exc is not None else "closed")
        self._writable.set()
        self._wake.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    async def write(self, data: bytes) -> None:
        """All of `data` and then the end of input, at the pace the machine takes it."""
        channel = self._channel
        assert channel is not None
        for start in range(0, len(data), MOST_PACKET_BYTES):
            if self._ended or channel.is_closing():
                return
            channel.write(data[start : start + MOST_PACKET_BYTES])
            await self._writable.wait()
        if not self._ended and not channel.is_closing():
            channel.write_eof()

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            while self._pending:
                yield self._take()
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return
            self._wake.clear()
            await self._wake.wait()

    def _take(self) -> bytes:
        taken = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending = []
        self._pending_bytes = 0
        if self._paused and self._channel is not None:
            self._paused = False
            self._channel.resume_reading()
        return taken

    @property
    def stderr_tail(self) -> str:
        return self._stderr.decode(errors="replace").strip()

    def _keep_stderr(self, data: bytes) -> None:
        self._stderr += data
        del self._stderr[:-_STDERR_TAIL_BYTES]

    async def end(self, *, kill: bool = False) -> None:
        """Closes the channel; the machine's answer to that is waited for only a moment."""
        channel = self._channel
        if channel is None or self._ended:
            return
        if kill and not channel.is_closing():
            channel.kill()
        channel.abort()
        try:
            async with asyncio.timeout(_LONGEST_GOODBYE_SECONDS):
                await channel.wait_closed()
        except TimeoutError:
            return


def _signal_number(name: str) -> int:
    try:
        return signal.Signals[f"SIG{name}"].value
    except KeyError:
        return 1
