"""The pool against a real sshd: one connection for everyone, commands in full, and each failure in its own words."""

from __future__ import annotations

import asyncio

import pytest

from aicompute_tui.ssh.pool import NodePool
from tests.contract.ssh_world import SshWorld, pool, ssh_world

__all__ = ["pool", "ssh_world"]


@pytest.mark.asyncio
async def test_a_command_gets_its_input_and_gives_outputs_and_code(ssh_world: SshWorld, pool: NodePool) -> None:
    done = await pool.run(ssh_world.address(), "cat; echo no >&2; exit 3", stdin=b"\x00\xff'in")
    assert (done.exit_code, done.stdout, done.stderr) == (3, b"\x00\xff'in", b"no\n")


@pytest.mark.asyncio
async def test_many_callers_share_one_connection(ssh_world: SshWorld, pool: NodePool) -> None:
    answers = await asyncio.gather(*(pool.run(ssh_world.address(), f"echo {n}") for n in range(8)))
    assert [done.stdout for done in answers] == [f"{n}\n".encode() for n in range(8)]
    assert ssh_world.accepted() == 1


@pytest.mark.asyncio
async def test_a_stream_comes_whole_and_in_order(ssh_world: SshWorld, pool: NodePool) -> None:
    async with pool.open(ssh_world.address(), "seq 1 200000") as running:
        text = b"".join([chunk async for chunk in running.chunks()])
    assert text == b"".join(b"%d\n" % n for n in range(1, 200_001))
    assert running.exit_code == 0
