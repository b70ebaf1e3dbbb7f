"""Commands and shells inside a container."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import aiodocker
import aiohttp
from aiodocker.exceptions import DockerError
from aiodocker.execs import Exec
from aiodocker.stream import Stream

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.host import Host
from aicompute_tui.hosts.answers import integer, truth
from aicompute_tui.hosts.base import Finished
from aicompute_tui.hosts.docker.failures import speaking

_NO_WAY_OUT = "ctrl-^,ctrl-@,ctrl-^,ctrl-@,ctrl-^,ctrl-_"
"""Else ctrl-p ctrl-q, which programs want for themselves, would end the session."""
_LEAVE = b"\x03\x04"
"""An interrupt for what runs in a shell, and the end of input for the shell itself."""
_MOST_BYTES = 8 << 20
_STDERR = 2
_NOT_STARTED = frozenset({126, 127})
CALL_SECONDS = 10.0
"""For opening a shell, and for asking how it ended."""
RESIZE_SECONDS = 5.0
_LEAVE_SECONDS = 2.0


async def executed(client: aiodocker.Docker, container_id: str, command: Sequence[str]) -> Finished:
    """To its end, with nothing to read. Raises InvalidInput where the image has no such command."""
    made = await client.containers.container(container_id).exec(list(command), stdin=False)
    output = {1: bytearray(), _STDERR: bytearray()}
    async with made.start(detach=False) as stream:
        while (message := await stream.read_out()) is not None:
            kept = output[_STDERR if message.stream == _STDERR else 1]
            kept += message.data[: _MOST_BYTES - len(kept)]
    code = await _exit_code(made)
    out, err = bytes(output[1]), bytes(output[_STDERR])
    if code in _NOT_STARTED and b"OCI runtime exec failed" in out + err:
        raise InvalidInput(
            f"{command[0]} cannot be run in that container.",
            "Name a command that its image has.",
            (out + err).decode(errors="replace").strip(),
        )
    return Finished(0 if code is None else code, out, err)


async def _exit_code(made: Exec) -> int | None:
    answer = await made.inspect()
    return None if truth(answer, "Running") else integer(answer, "ExitCode")


class DockerShell:
    """Implements Shell: a terminal of its own inside the container."""

    def __init__(self, host: Host, client: aiodocker.Docker, container_id: str) -> None:
        self._host = host
        self._client = client
        self._container_id = container_id
        self._exec: Exec | None = None
        self._stream: Stream | None = None

    async def open(self, command: Sequence[str], columns: int, rows: int) -> None:
        with speaking(self._host, self._container_id):
            async with asyncio.timeout(CALL_SECONDS):
                container = self._client.containers.container(self._container_id)
                made = await container.exec(
                    list(command),
                    stdin=True,
                    tty=True,
                    environment={"TERM": "xterm-256color"},
                    detach_keys=_NO_WAY_OUT,
                )
                stream = made.start(detach=False)
                await stream.__aenter__()
                self._exec, self._stream = made, stream  # not before: asking one to end begins it
                with contextlib.suppress(DockerError):
                    await made.resize(w=columns, h=rows)

    async def chunks(self) -> AsyncIterator[bytes]:
        assert self._stream is not None
        with speaking(self._host, self._container_id):
            while (message := await self._stream.read_out()) is not None:
                yield message.data

    async def write(self, data: bytes) -> None:
        assert self._stream is not None
        has_ended = (AssertionError, RuntimeError)  # the library's way to say it
        with contextlib.suppress(*has_ended), speaking(self._host, self._container_id):
            await self._stream.write_in(data)

    async def resize(self, columns: int, rows: int) -> None:
        """Does nothing where the process has ended, or the engine is too busy to say."""
        assert self._exec is not None
        with contextlib.suppress(DockerError, aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(RESIZE_SECONDS):
                await self._exec.resize(w=columns, h=rows)

    async def exit_code(self) -> int | None:
        assert self._exec is not None
        with speaking(self._host, self._container_id):
            async with asyncio.timeout(CALL_SECONDS):
                return await _exit_code(self._exec)

    async def aclose(self) -> None:
        """Asks the process to end, which outlives its terminal otherwise: engines send it no hang-up."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        has_gone = (AssertionError, RuntimeError, OSError, DockerError)
        with contextlib.suppress(*has_gone, TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await stream.write_in(_LEAVE)
        with contextlib.suppress(*has_gone):
            await stream.close()
