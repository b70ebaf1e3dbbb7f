"""A port of this host that leads to one of the machine's: as it comes, both ways, and in words where it cannot be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest

from aicompute_tui.domain.errors import Conflict
from aicompute_tui.ssh.pool import NodePool
from tests.contract.ssh_world import INSTANCE_ID, SshWorld, free_port, pool, ssh_world
from tests.waiting import until

__all__ = ["pool", "ssh_world"]


class ModelServer:
    """Answers in chunks, the next one only when the last has been seen, and an echo after the end of what it reads."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.connections = 0
        self.broken = 0
        self.tasks: set[asyncio.Task[None] | None] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.add(asyncio.current_task())
        try:
            request = await reader.readline()
            if request.startswith(b"ECHO"):
                writer.write((await reader.read()).upper())
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for number in count() if request.startswith(b"ENDLESS") else range(5):
                    writer.write(b"7\r\ndata: %d\r\n" % number)
                    await writer.drain()
                    await self.go_on.wait()
                    self.go_on.clear()
                writer.write(b"0\r\n\r\n")
            await writer.drain()
        except OSError:
            self.broken += 1
        except asyncio.CancelledError:
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[ModelServer, int]]:
    model = ModelServer()
    server = await asyncio.start_server(model.answer, "127.0.0.1", 0)
    try:
        yield model, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in filter(None, model.tasks):
            task.cancel()
        await asyncio.gather(*filter(None, model.tasks))


@pytest.mark.asyncio
async def test_a_streamed_answer_comes_chunk_by_chunk(ssh_world: SshWorld, pool: NodePool) -> None:
    async with serving() as (model, port):
        tunnel = await pool.forward(ssh_world.address(), port, 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.local_port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for number in range(5):
            assert await asyncio.wait_for(reader.readexactly(12), 5) == b"7\r\ndata: %d\r\n" % number
            model.go_on.set()
        assert await reader.read() == b"0\r\n\r\n"
        writer.close()
        await tunnel.aclose()
        assert not tunnel.is_open
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", tunnel.local_port)


@pytest.mark.asyncio
async def test_an_end_of_writing_is_passed_on_and_the_answer_still_comes(ssh_world: SshWorld, pool: NodePool) -> None:
    async with serving() as (_, port):
        tunnel = await pool.forward(ssh_world.address(), port, 0)

        async def echo(text: bytes) -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.local_port)
            writer.write(b"ECHO\n" + text)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

        texts = [b"x%d" % number * 300_000 for number in range(8)]
        assert await asyncio.gather(*map(echo, texts)) == [text.upper() for text in texts]
        assert ssh_world.accepted() == 1
        await tunnel.aclose()


@pytest.mark.asyncio
async def test_a_port_that_is_taken_here(ssh_world: SshWorld, pool: NodePool) -> None:
    async with serving() as (_, port):
        with pytest.raises(Conflict, match=f"Port {port} of this host is taken by another program"):
            await pool.forward(ssh_world.address(), port, port)
        with pytest.raises(Conflict):
            await pool.forward(ssh_world.address(), port, 70_000)


@pytest.mark.asyncio
async def test_nothing_listens_on_the_machine(ssh_world: SshWorld, pool: NodePool) -> None:
    tunnel = await pool.forward(ssh_world.address(), free_port(), 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.local_port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    assert tunnel.is_open
    await tunnel.aclose()


@pytest.mark.asyncio
async def test_a_tunnel_says_that_its_connection_broke(ssh_world: SshWorld, pool: NodePool) -> None:
    async with serving() as (_, port):
        tunnel = await pool.forward(ssh_world.address(), port, 0)
        broken = asyncio.Event()
        pool.watch_break(INSTANCE_ID, broken.set)
        taken_back = asyncio.Event()
        pool.watch_break(INSTANCE_ID, taken_back.set)()
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.local_port)
        writer.write(b"GET\n")
        await reader.readuntil(b"\r\n\r\n")
        ssh_world.kill()
        await asyncio.wait_for(broken.wait(), 5)
        assert not tunnel.is_open
        assert not taken_back.is_set()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(10_000), 5)
        writer.close()
        port_before = tunnel.local_port
        await tunnel.aclose()
        ssh_world.start()
        again = await pool.forward(ssh_world.address(), port, port_before)
        assert (again.local_port, again.is_open) == (port_before, True)
        await again.aclose()


@pytest.mark.asyncio
async def test_a_client_that_goes_away_is_told_to_the_machine(ssh_world: SshWorld, pool: NodePool) -> None:
    async with serving() as (model, port):
        tunnel = await pool.forward(ssh_world.address(), port, 0)
        _, writer = await asyncio.open_connection("127.0.0.1", tunnel.local_port)
        writer.write(b"ENDLESS\n")
        await until(lambda: model.connections, "the machine is asked")
        writer.transport.abort()

        def told() -> int:
            model.go_on.set()
            return model.broken

        await until(told, "the server's writing fails")
        await tunnel.aclose()


@pytest.mark.asyncio
async def test_closing_the_tunnel_ends_what_it_carries(ssh_world: SshWorld, pool: NodePool) -> None:
    async with serving() as (_, port):
        tunnel = await pool.forward(ssh_world.address(), port, 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", tunnel.local_port)
        writer.write(b"GET\n")
        await reader.readuntil(b"\r\n\r\n")
        began = time.monotonic()
        await tunnel.aclose()
        with pytest.raises((OSError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(10_000), 5)
        assert time.monotonic() - began < 5
        writer.close()
