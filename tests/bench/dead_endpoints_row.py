"""From a key to its paint over a real agent with 100 dead or stalling endpoints, beside a console where all answer.

`python -m tests.bench.dead_endpoints_row --keys 40` makes a shorter trial of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.runtime import build
from aicompute_tui.store.fast import read_snapshot
from aicompute_tui.ui.scheduling import answer_soon
from tests.bench.elsewhere import give_way
from tests.bench.key_paint_row import KEYS, typed
from tests.bench.processes import PROGRAM, ROOT, clean_environment, end_agents
from tests.bench.row import Row
from tests.bench.terminal import Terminal

STALLING, DEAD = 50, 50
_MOST_P50_MS, _MOST_P99_MS, _MOST_SLOWER = 10.0, 30.0, 1.5
_SIZE = {"columns": 120, "rows": 40}
_INTERVAL_SECONDS = 10
"""The least that can be set, so that half of the stalling ones are being waited for at any moment."""
_KNOWN_SECONDS = 120.0
_STALLING_CHAT, _SILENT_TEST = "talker", "silent"
"""What the connections are called that the chat and the test are opened on."""


class _Home(NamedTuple):
    name: str
    environment: Mapping[str, str]
    is_down: bool

    @property
    def folder(self) -> Path:
        return Path(self.environment["AIC_TUI_HOME"])


def measure(runs: int) -> Row:
    """`runs` counts for the first frame; each figure of keys is of 300."""
    return watched(runs, KEYS)


def watched(runs: int, keys: int) -> Row:
    answer_soon()  # this process stands for the terminal that a person looks at
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as name, _crowds() as (well, broken, talkers):
        chats = (("none", well, talkers[0], talkers[0], False), ("dead", broken, talkers[1], talkers[2], True))
        for word, ports, chat, test, is_down in chats:
            environment = clean_environment(
                Path(name) / word, NO_PROXY="*", AIC_TUI_HEALTH_INTERVAL_SECONDS=str(_INTERVAL_SECONDS)
            )
            home = _Home(word, environment, is_down)
            try:
                asyncio.run(_fill(home, ports, chat, test))
                figures |= _keys(home, keys) | _first_frames(home, runs)
            finally:
                end_agents(home.folder)
    met = (
        all(value <= _MOST_P50_MS for key, value in figures.items() if key.startswith("dead") and "p50" in key)
        and all(value <= _MOST_P99_MS for key, value in figures.items() if key.startswith("dead") and "p99" in key)
        and figures["dead_first_frame_ms"] <= _MOST_SLOWER * figures["none_first_frame_ms"]
    )
    budget = (
        f"{STALLING + DEAD} dead or stalling endpoints: a key p50 <= {_MOST_P50_MS:g} ms, p99 <= {_MOST_P99_MS:g} ms "
        f"over the list, a silent one's test and a stalling one's answer; first frame <= {_MOST_SLOWER} times"
    )
    counts = {"stalling": STALLING, "dead": DEAD, "keys": keys, "runs": runs}
    return Row(budget=budget, met=met, figures={**figures, **counts})


@contextmanager
def _crowds() -> Iterator[tuple[list[int], list[int], list[int]]]:
    """Ports: of those that answer, of those that are dead or stall, and of the three that talk."""
    held = [socket.socket() for _ in range(DEAD)]
    with _told("health_crowd", str(STALLING + DEAD), str(STALLING)) as ports, _told("stalling_talker") as talkers:
        try:
            for each in held:
                each.bind(("127.0.0.1", 0))
            dead = [each.getsockname()[1] for each in held]
            well, stalling = ports[: STALLING + DEAD], ports[STALLING + DEAD :]
            yield well, [port for pair in zip(stalling, dead, strict=True) for port in pair], talkers
        finally:
            for each in held:
                each.close()


@contextmanager
def _told(module: str, *words: str) -> Iterator[list[int]]:
    """The ports of servers in a process of their own, which run at the lowest priority: in truth they are elsewhere."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *words]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    give_way(process.pid)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


async def _fill(home: _Home, ports: Sequence[int], chat: int, test: int) -> None:
    """Connections and servers by turns, so that half of each stalls and half is dead."""
    runtime = build(dict(home.environment))
    store = await runtime.open_store()

    def connection(name: str, port: int) -> Connection:
        now = runtime.clock.now()
        return Connection(
            id=new_id(now), owner="bench", created_by="bench", name=name, kind="vllm", model="tiny",
            base_url=f"http://127.0.0.1:{port}/v1", created_at=now,
        )  # fmt: skip

    try:
        async with store.write() as transaction:
            for name, port in ((_STALLING_CHAT, chat), (_SILENT_TEST, test)):
                await transaction.connections.insert(connection(name, port))
            for number, port in enumerate(ports):
                if number % 4 < 2:
                    await transaction.connections.insert(connection(f"connection-{number:03}", port))
                    continue
                now = runtime.clock.now()
                server = ModelServer(
                    id=new_id(now), owner="bench", created_by="bench", name=f"server-{number:03}",
                    kind=ServerKind.VLLM, base_url=f"http://127.0.0.1:{port}", created_at=now,
                )  # fmt: skip
                await transaction.servers.insert(server)
    finally:
        await runtime.aclose()


def _keys(home: _Home, keys: int) -> dict[str, float]:
    """Over the list, then in a test that waits for a silent one, then in a chat that a stalling one answers."""
    figures: dict[str, float] = {}
    with Terminal([PROGRAM], home.environment, **_SIZE) as console:
        console.wait_for("agent ●", seconds=60)
        _until_known(home, console)
        _go(console, "4", "connection-0")
        figures |= typed(f"{home.name}_list", console, opens="/", leaves="\x1b", keys=keys)
        _go(console, f":connection-test {_SILENT_TEST}\r", "nobody told a price")
        if home.is_down:
            _go(console, "\r", _SILENT_TEST)
        figures |= typed(f"{home.name}_test", console, keys=keys)
        _go(console, "\x1b", "")
        _go(console, "\x1b", "")
        _go(console, f":connection-ask {_STALLING_CHAT} hello\r", "start anew")
        _go(console, "\r", "it begins")
        figures |= typed(f"{home.name}_chat", console, keys=keys)
    return figures


def _go(console: Terminal, keys: str, shows: str) -> None:
    begin = len(console.written)
    console.press(keys)
    if shows:
        console.wait_for(shows, seconds=30, since=begin)
    console.watch(1)


def _until_known(home: _Home, console: Terminal) -> None:
    """Every endpoint has been asked as often as it takes to tell that it is down, or that it is well."""
    deadline = time.monotonic() + _KNOWN_SECONDS
    database = build(dict(home.environment)).places.database_file
    wanted = {"down"} if home.is_down else {"up", "degraded"}
    while time.monotonic() < deadline:
        console.watch(1)
        with suppress(OSError):
            told = read_snapshot(database)
            states = [row.state for row in told.connections] + [row.state for row in told.servers] if told else []
            if sum(state in wanted for state in states) >= STALLING + DEAD:
                return
    raise TimeoutError(f"the endpoints of {home.name} were not told {wanted} in {_KNOWN_SECONDS:g} s")


def _first_frames(home: _Home, runs: int) -> dict[str, float]:
    took = []
    for counted in range(-1, runs):
        with Terminal([PROGRAM], home.environment, **_SIZE) as console:
            seconds = console.wait_for("Dashboard", "Connections")
            if counted >= 0:
                took.append(seconds * 1000)
    return {f"{home.name}_first_frame_ms": round(statistics.median(took), 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keys", type=int, default=KEYS)
    options = parser.parse_args()
    json.dump(watched(options.runs, options.keys), sys.stdout, indent=2)
    print()
