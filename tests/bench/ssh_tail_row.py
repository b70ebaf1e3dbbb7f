"""How fast a long tail comes over ssh, decoded and batched, beside OpenSSH's own client that only throws it away."""

from __future__ import annotations

import asyncio
import os
import shlex
import statistics
import subprocess
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.services import node_logs
from aicompute_tui.services.log_pipeline import log_items
from aicompute_tui.services.node_logs import NodeLog, node_log_items
from aicompute_tui.ssh.base import NodeAddress
from tests.bench.row import Row
from tests.contract.ssh_world import SshWorld, free_port, sshd_program

_LINES = 200_000
_LINE = "2026-11-20T08:00:00.123456Z INFO aic-tui tells line {:07d} of what it does, " + "x" * 78
_LEAST_RATIO = 0.7


def measure(runs: int) -> Row:
    """Each round is a new connection for either; they take turns, and the first round goes uncounted."""
    program = sshd_program()
    if program is None:
        raise RuntimeError("sshd is absent; get it by: apt-get install openssh-server")
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as folder:
        world = SshWorld(folder=Path(folder), port=free_port(), program=program)
        world.make()
        file = world.folder / "setup.log"
        file.write_text("".join(f"{_LINE.format(number)}\n" for number in range(_LINES + 10_000)))
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        world.start()
        try:
            figures = _rounds(world, file, runs)
        finally:
            world.kill()
    ratio = figures["ssh_s"] / figures["tail_s"]
    figures |= {"ratio": round(ratio, 2), "lines_per_second": round(_LINES / figures["tail_s"])}
    budget = (
        f"{_LINES:,} lines through the connection and the pipeline at >= {_LEAST_RATIO} x the pace of `ssh host tail`"
    )
    return Row(budget=budget, met=ratio >= _LEAST_RATIO, figures={**figures, "lines": _LINES, "runs": runs})


def _rounds(world: SshWorld, file: Path, runs: int) -> dict[str, float]:
    measured: dict[str, list[float]] = {"ssh_s": [], "tail_s": [], "log_s": []}
    for counted in range(-1, runs):
        took = {"ssh_s": _ssh(world, file), "tail_s": asyncio.run(_tail(world, file))}
        took["log_s"] = asyncio.run(_log(world, file))
        if counted >= 0:
            for name, seconds in took.items():
                measured[name].append(seconds)
    return {name: round(statistics.median(values), 3) for name, values in measured.items()}


def _ssh(world: SshWorld, file: Path) -> float:
    words = ["ssh", "-F", "none", "-p", str(world.port), "-i", str(world.key_file), "-o", "BatchMode=yes"]
    words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    words += [f"{world.address().login}@127.0.0.1", _command(file)]
    began = time.monotonic()
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


async def _tail(world: SshWorld, file: Path) -> float:
    """The same command through the pool."""
    began = time.monotonic()
    pool = world.pool()
    async with pool.open(world.address(), _command(file)) as running, aclosing(log_items(running.chunks())) as items:
        count = sum([len(lines) async for item in items if isinstance(lines := item["lines"], list)])
    await pool.aclose()
    took = time.monotonic() - began
    _check(count)
    return took


async def _log(world: SshWorld, file: Path) -> float:
    """What `instance logs` sends, which also finds out where the tail begins."""
    node_logs.FILES["setup"] = str(file)

    async def address() -> NodeAddress:
        return world.address()

    began = time.monotonic()
    pool = world.pool()
    log = NodeLog(source="setup", tail=_LINES)
    async with aclosing(node_log_items(pool, address, log, clock=SystemClock())) as items:
        count = sum([len(lines) async for item in items if isinstance(lines := item.get("lines"), list)])
    await pool.aclose()
    took = time.monotonic() - began
    _check(count)
    return took


def _command(file: Path) -> str:
    return f"tail -n {_LINES} {shlex.quote(str(file))}"


def _check(count: int) -> None:
    if count != _LINES:
        raise RuntimeError(f"{count} lines came instead of {_LINES}")
