"""48 container hosts on loopback for load: 38 that answer with 988 containers, 10 that are dead or stall.

`python -m tests.contract.host_crowd FILE` serves until its standard input ends; FILE then tells their addresses.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aicompute_tui.demo.lab.box import Box
from aicompute_tui.demo.lab.engine import Lab
from aicompute_tui.demo.lab.routes import Door
from aicompute_tui.demo.lab.seeds import Seed, box_of
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.ids import new_id
from aicompute_tui.runtime import Runtime

HOSTS, DEAD = 48, 10
LIVING = HOSTS - DEAD
CONTAINERS_EACH = 26
_REFUSING, _SILENT = 4, 3
"""Of the dead; the others answer with headers and then stall."""
_IMAGES = ("ollama/ollama:0.33.0", "vllm/vllm-openai:v0.11.0", "qdrant/qdrant:v1.15", "example/worker:2")
_HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n{"
_START_SECONDS = 30.0


@dataclass(frozen=True)
class Crowd:
    living: tuple[str, ...]
    dead: tuple[str, ...]
    process: subprocess.Popen[bytes]

    def hosts(self, runtime: Runtime) -> list[Host]:
        """Rows for a store; those that are dead are named so."""
        found = [(f"load-{place:02}", url) for place, url in enumerate(self.living)]
        found += [(f"dead-{place:02}", url) for place, url in enumerate(self.dead)]
        return [host_row(runtime, name, url) for name, url in found]


def host_row(runtime: Runtime, name: str, url: str) -> Host:
    now = runtime.clock.now()
    actor = runtime.actor
    return Host(
        id=new_id(now),
        owner=actor.owner,
        created_by=actor.name,
        name=name,
        url=url,
        kept_by=runtime.host_id,
        created_at=now,
    )


@contextmanager
def host_crowd(folder: Path) -> Iterator[Crowd]:
    file = folder / "crowd"
    words = [sys.executable, "-m", "tests.contract.host_crowd", str(file)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, cwd=Path(__file__).resolve().parents[2])
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not file.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline, "the crowd does not listen"
            time.sleep(0.02)
        told: dict[str, Any] = json.loads(file.read_text(encoding="ascii"))
        yield Crowd(tuple(told["living"]), tuple(told["dead"]), process)
    finally:
        process.kill()
        process.communicate()


def crowd_boxes(host: str, began: float) -> list[Box]:
    """As many on each host: most run, some have ended, one is not well."""
    return [
        box_of(
            host,
            Seed(
                name=f"{host}-box-{number:02}",
                image=_IMAGES[number % len(_IMAGES)],
                made_seconds_ago=90_000 + number,
                up_seconds=3_600 * (number + 1),
                ended_seconds_ago=None if number % 9 else 600,
                health="unhealthy" if number == 1 else "healthy" if number % 2 else "",
                port=(8000, 20_000 + number),
                gpus=("0",) if number % 4 == 0 else (),
                words=("serve", f"--number={number}"),
                environment=(("NUMBER", str(number)),),
                cpu_percent=5.0 + number,
            ),
            began,
        )
        for number in range(CONTAINERS_EACH)
    ]


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes what is said and answers nothing."""
    while await reader.read(4096):
        pass
    writer.close()


async def _stalling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers at once, and never to the end."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_HEADERS)
    await _silent(reader, writer)


async def _serve(file: Path) -> None:
    began = time.time()
    servers = []
    for place in range(LIVING):
        door = Door(Lab(f"load-{place:02}", crowd_boxes(f"load-{place:02}", began)))
        servers.append(await asyncio.start_server(door.take, "127.0.0.1", 0))
    dead = [await asyncio.start_server(_silent, "127.0.0.1", 0) for _ in range(_SILENT)]
    dead += [await asyncio.start_server(_stalling, "127.0.0.1", 0) for _ in range(DEAD - _REFUSING - _SILENT)]
    refusing = [socket.socket() for _ in range(_REFUSING)]
    for each in refusing:
        each.bind(("127.0.0.1", 0))
    sockets = [*(each.sockets[0] for each in dead), *refusing]
    told = {
        "living": [_url(each.sockets[0].getsockname()[1]) for each in servers],
        "dead": [_url(each.getsockname()[1]) for each in sockets],
    }
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(told), encoding="ascii")
    partial.replace(file)
    await asyncio.to_thread(sys.stdin.buffer.read)


def _url(port: int) -> str:
    return f"tcp://127.0.0.1:{port}"


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
