"""1,000 model servers, 100 of them dead or stalling, each looked at every 30 s by the real agent: its CPU and memory.

`python -m tests.bench.health_row --seconds 120` makes a shorter trial of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from aicompute_tui.agent.start import connect_agent
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.runtime import Runtime, build
from tests.bench.processes import ROOT, clean_environment, end_agents
from tests.bench.row import Row

SERVERS, STALLING, DEAD = 1_000, 50, 50
SECONDS = 300.0
_SETTLE_SECONDS = 60.0
"""Two rounds: all have been met, and the first reports written."""
_INTERVAL = 30.0
_MOST_CPU_PERCENT, _MOST_LATE_SECONDS, _MOST_GROWTH_MIB = 8.0, 1.0, 10.0


def measure(runs: int) -> Row:
    """One window; `runs` does not apply."""
    del runs
    return watched(SECONDS)


def watched(seconds: float) -> Row:
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as name, _crowd() as ports:
        home = Path(name) / "home"
        runtime = build(clean_environment(home, NO_PROXY="*"))
        try:
            figures = asyncio.run(_watch(runtime, ports, seconds))
        finally:
            end_agents(home)
    met = (
        figures["agent_cpu_percent"] <= _MOST_CPU_PERCENT
        and figures["start_late_p99_seconds"] < _MOST_LATE_SECONDS
        and figures["rss_growth_mib"] <= _MOST_GROWTH_MIB
        and figures["looks"] >= SERVERS * (seconds / _INTERVAL - 1)
    )
    budget = (
        f"{SERVERS} servers each 30 s, {STALLING + DEAD} dead or stalling: <= 8 % of one core, p99 start < 1 s late"
    )
    return Row(budget=f"{budget}, memory flat", met=met, figures=figures)


@contextmanager
def _crowd() -> Iterator[list[int]]:
    """Ports: of those that answer, that stall, and that nobody listens at."""
    command = [sys.executable, "-m", "tests.bench.health_crowd", str(SERVERS - STALLING - DEAD), str(STALLING)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    held = [socket.socket() for _ in range(DEAD)]
    try:
        for each in held:
            each.bind(("127.0.0.1", 0))
        assert process.stdout is not None
        yield [*json.loads(process.stdout.readline()), *(each.getsockname()[1] for each in held)]
    finally:
        process.kill()
        process.communicate()
        for each in held:
            each.close()


async def _watch(runtime: Runtime, ports: list[int], seconds: float) -> dict[str, float]:
    store = await runtime.open_store()
    async with store.write() as transaction:
        for number, port in enumerate(ports):
            await transaction.servers.insert(_server(runtime, number, port))
    client, start = await connect_agent(runtime)
    try:
        agent = psutil.Process(start.status.pid)
        await asyncio.sleep(_SETTLE_SECONDS)
        before, began, rss = agent.cpu_times(), time.monotonic(), agent.memory_info().rss
        since = time.time()
        await asyncio.sleep(seconds)
        after, took = agent.cpu_times(), time.monotonic() - began
        used = after.user + after.system - before.user - before.system
        grown = agent.memory_info().rss - rss
        return {
            "agent_cpu_percent": round(100.0 * used / took, 2),
            "rss_mib": round(agent.memory_info().rss / 2**20, 1),
            "rss_growth_mib": round(grown / 2**20, 1),
            "seconds": round(took, 1),
            **_history(runtime.places.database_file, since),
        }
    finally:
        await client.aclose()
        await runtime.aclose()


def _server(runtime: Runtime, number: int, port: int) -> ModelServer:
    now = runtime.clock.now()
    return ModelServer(
        id=new_id(now),
        owner="bench",
        created_by="bench",
        name=f"server-{number:04}",
        kind=ServerKind.VLLM,
        base_url=f"http://127.0.0.1:{port}",
        created_at=now,
    )


def _history(path: Path, since: float) -> Mapping[str, float]:
    """How late each look began against its even steps, from what the agent wrote down."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT target_id, at, failed_checks FROM health_samples WHERE at >= ? ORDER BY target_id, at",
            (int(since * 1_000_000),),
        ).fetchall()
    by_target: dict[str, list[float]] = {}
    for target, at, _ in rows:
        by_target.setdefault(target, []).append(at / 1_000_000)
    late: list[float] = []
    for moments in by_target.values():
        off = [at - moments[0] - _INTERVAL * round((at - moments[0]) / _INTERVAL) for at in moments]
        late += [each - min(off) for each in off]
    late.sort()
    return {
        "looks": len(rows),
        "failed_looks": sum(row[2] for row in rows),
        "targets": len(by_target),
        "start_late_p50_seconds": round(late[len(late) // 2], 3) if late else 0.0,
        "start_late_p99_seconds": round(late[int(len(late) * 0.99)], 3) if late else 99.0,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    json.dump(watched(parser.parse_args().seconds), sys.stdout, indent=2)
    print()
