"""What goes wrong with ssh is said in words with a way on, within its time, to everyone who waits."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import AuthFailed, BadAnswer, NotConfigured, Refused, Unreachable
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.ssh import host_keys, link
from aicompute_tui.ssh.base import NodeAddress
from aicompute_tui.ssh.pool import NodePool
from tests.contract.ssh_world import INSTANCE_ID, SshWorld, pool, running, ssh_world
from tests.waiting import until

__all__ = ["pool", "ssh_world"]


@pytest.mark.asyncio
async def test_a_key_that_is_not_accepted(ssh_world: SshWorld, pool: NodePool) -> None:
    (ssh_world.folder / "authorized_keys").write_text("")
    with pytest.raises(AuthFailed, match="calm-otter does not accept our ssh key"):
        await pool.run(ssh_world.address(), "true")
    assert not ssh_world.known_hosts.exists(), "who did not let us in is not written down"


@pytest.mark.asyncio
async def test_a_missing_or_damaged_key_file(ssh_world: SshWorld, pool: NodePool) -> None:
    ssh_world.key_file.write_text("no key")
    with pytest.raises(NotConfigured, match="cannot be used"):
        await pool.run(ssh_world.address(), "true")
    ssh_world.key_file.unlink()
    with pytest.raises(NotConfigured, match="is missing"):
        await pool.run(ssh_world.address(), "true")


@pytest.mark.asyncio
async def test_a_changed_host_key_is_refused_until_it_is_forgotten(ssh_world: SshWorld) -> None:
    first = ssh_world.pool()
    await first.run(ssh_world.address(), "true")
    await first.aclose()
    assert ssh_world.known_hosts.stat().st_mode & 0o777 == 0o600
    ssh_world.kill()
    ssh_world.new_host_key()
    ssh_world.start()
    second = ssh_world.pool()
    with pytest.raises(Refused, match="The host key of calm-otter changed") as caught:
        await second.run(ssh_world.address(), "true")
    assert "aic-tui instance forget-key calm-otter" in caught.value.next_step
    await second.forget(INSTANCE_ID)
    assert (await second.run(ssh_world.address(), "echo in")).stdout == b"in\n"
    assert ssh_world.accepted() == 2
    await second.forget(INSTANCE_ID)
    assert ssh_world.known_hosts.read_text() == ""
    await second.aclose()


@pytest.mark.asyncio
async def test_openssh_reads_the_pinned_key(ssh_world: SshWorld, pool: NodePool) -> None:
    await pool.run(ssh_world.address(), "true")
    words = ["ssh", "-F", "none", "-p", str(ssh_world.port), "-i", str(pool.key_file), "-o", "BatchMode=yes"]
    words += ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={pool.known_hosts}"]
    words += ["-o", f"HostKeyAlias=aic-tui-{INSTANCE_ID}", f"{ssh_world.address().login}@127.0.0.1", "echo in"]
    done = await asyncio.to_thread(subprocess.run, words, check=True, capture_output=True)
    assert done.stdout == b"in\n"


@pytest.mark.asyncio
async def test_two_processes_do_not_lose_each_others_keys(ssh_world: SshWorld) -> None:
    pools = [ssh_world.pool() for _ in range(4)]
    names = [f"machine-{number}" for number in range(8)]
    await asyncio.gather(*(each.run(ssh_world.address(name), "true") for each in pools for name in names))
    await asyncio.gather(*(each.aclose() for each in pools))
    aliases = [line.split()[0] for line in ssh_world.known_hosts.read_text().splitlines()]
    assert sorted(aliases) == [f"aic-tui-{name}" for name in names]


def test_many_writers_at_once_lose_no_line(tmp_path: Path) -> None:
    file = tmp_path / "known" / "known_hosts"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: host_keys.pin(file, f"machine-{number}", f"ssh-ed25519 {number}"), range(200)))
    assert len(file.read_text().splitlines()) == 200
    assert host_keys.keys_of(file, "machine-7") == ["ssh-ed25519 7"]


@pytest.mark.asyncio
async def test_a_machine_that_is_not_there(ssh_world: SshWorld, pool: NodePool) -> None:
    ssh_world.kill()
    with pytest.raises(Unreachable, match="calm-otter refuses ssh at"):
        await pool.run(ssh_world.address(), "true")
    nowhere = NodeAddress(instance_id="x", host="no.such.host.invalid", port=22, login="ubuntu")
    with pytest.raises(Unreachable, match=r"no\.such\.host\.invalid"):
        await pool.run(nowhere, "true")


@pytest.mark.asyncio
async def test_something_else_answers(ssh_world: SshWorld, pool: NodePool) -> None:
    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises((BadAnswer, Unreachable)):
        await pool.run(ssh_world.address(port=port), "true")
    server.close()


@pytest.mark.asyncio
async def test_no_answer_is_given_up_in_time_and_names_the_likely_cause(
    ssh_world: SshWorld, pool: NodePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "CONNECT_SECONDS", 3.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            await pool.run(ssh_world.address(port=silent.getsockname()[1]), "true")
        assert 2.9 < time.monotonic() - began < 10
    assert "aic-tui instance allow-ssh calm-otter" in caught.value.next_step


@pytest.mark.asyncio
async def test_a_frozen_link_is_noticed_by_every_reader(ssh_world: SshWorld, pool: NodePool) -> None:
    async def follow(number: int) -> None:
        async with pool.open(ssh_world.address(), "echo; exec sleep 300") as command:
            chunks = command.chunks()
            await anext(chunks)
            begun.append(number)
            await anext(chunks)

    begun: list[int] = []
    broken: list[None] = []
    readers = [asyncio.create_task(follow(number)) for number in range(3)]
    await until(lambda: len(begun) == 3, "all read")
    pool.watch_break(INSTANCE_ID, lambda: broken.append(None))
    ssh_world.freeze()
    began = time.monotonic()
    results = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(result) for result in results] == [Unreachable] * 3
    assert time.monotonic() - began < 60
    assert len(broken) == 1


@pytest.mark.asyncio
async def test_a_break_while_a_command_runs(ssh_world: SshWorld, pool: NodePool) -> None:
    command = f"sleep 3{ssh_world.port}"
    task = asyncio.create_task(pool.run(ssh_world.address(), command))
    await until(lambda: running(command) and ssh_world.accepted(), "it runs")
    ssh_world.kill()
    with pytest.raises(Unreachable, match="The ssh connection to calm-otter broke"):
        await task
    ssh_world.start()
    assert (await pool.run(ssh_world.address(), "echo again")).stdout == b"again\n"


@pytest.mark.asyncio
async def test_a_command_that_takes_too_long_or_says_too_much(ssh_world: SshWorld, pool: NodePool) -> None:
    marker = f"sleep 2{ssh_world.port}"
    with pytest.raises(Unreachable, match="did not end within"):
        await pool.run(ssh_world.address(), marker, timeout_seconds=0.3)
    await until(lambda: not running(marker), "it is ended on the machine")
    with pytest.raises(BadAnswer, match="printed more than"):
        await pool.run(ssh_world.address(), "yes", most_output_bytes=100_000)
    done = await pool.run(ssh_world.address(), "cat", stdin=b"x" * 5_000_000)
    assert len(done.stdout) == 5_000_000


@pytest.mark.asyncio
async def test_one_callers_leaving_does_not_disturb_the_others(ssh_world: SshWorld, pool: NodePool) -> None:
    impatient = asyncio.create_task(pool.run(ssh_world.address(), "true"))
    patient = asyncio.create_task(pool.run(ssh_world.address(), "echo here"))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).stdout == b"here\n"
    assert ssh_world.accepted() == 1


@pytest.mark.asyncio
async def test_a_connection_nobody_uses_is_closed(ssh_world: SshWorld) -> None:
    made = NodePool(ssh_world.key_file, ssh_world.known_hosts, SystemClock(), idle_seconds=0.2)
    async with made.open(ssh_world.address(), "sleep 0.5; echo done") as command:
        assert [chunk async for chunk in command.chunks()] == [b"done\n"], "one in use stays"
    assert ssh_world.sessions()
    await until(lambda: not ssh_world.sessions(), "it is closed")
    assert (await made.run(ssh_world.address(), "echo anew")).stdout == b"anew\n"
    await made.aclose()
    await until(lambda: not ssh_world.sessions(), "closing the pool closes all")


@pytest.mark.asyncio
async def test_a_slow_reader_slows_the_command_down(ssh_world: SshWorld, pool: NodePool, tmp_path: Path) -> None:
    counter = tmp_path / "written"
    text = f"head -c 64M /dev/zero | tee {counter}"
    async with pool.open(ssh_world.address(), text) as command:
        chunks = command.chunks()
        size = len(await anext(chunks))
        sizes: list[int] = []

        def stands() -> bool:
            sizes.append(counter.stat().st_size)
            return len(sizes) > 30 and len(set(sizes[-30:])) == 1

        await until(stands, "it waits for its reader")
        assert sizes[-1] < 16 << 20
        async for chunk in chunks:
            size += len(chunk)
        assert size == 64 << 20


@pytest.mark.asyncio
async def test_whoever_waits_for_a_machine_that_is_forgotten_is_told_and_not_cancelled(ssh_world: SshWorld) -> None:
    is_met, is_over = asyncio.Event(), asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_met.set()
        await is_over.wait()
        writer.close()

    pool = ssh_world.pool()
    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        address = ssh_world.address(port=server.sockets[0].getsockname()[1])
        stays, leaves = (asyncio.create_task(pool.run(address, "true")) for _ in range(2))
        await asyncio.wait_for(is_met.wait(), 10)
        leaves.cancel()
        await pool.forget(INSTANCE_ID)
        with pytest.raises(Unreachable, match="to calm-otter was closed"):
            await stays
        with pytest.raises(asyncio.CancelledError):
            await leaves
        is_over.set()
    await pool.aclose()
