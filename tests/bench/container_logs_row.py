"""A container that prints 1,000,000 lines: read by `aic-tui container logs` and by `docker logs`, here and over ssh."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aicompute_tui.domain.host import Host
from aicompute_tui.domain.ids import new_id
from aicompute_tui.runtime import build
from tests.bench.processes import PROGRAM, clean_environment, end_agents
from tests.bench.row import Row
from tests.contract.engines import RealEngine, running_engine
from tests.contract.ssh_world import SshWorld, free_port, sshd_program

LINES = 1_000_000
_ROUNDS = 3
"""A round takes a minute."""
_LEAST, _TARGET, _LEAST_SSH = 0.7, 0.9, 0.7
_MOST_SECONDS = 300.0
_READY = b"it begins"
_REST = "request served, and what else is said of it fills the line up to a hundred bytes, or so"
_PRINTS = f"""awk 'BEGIN {{ for (i = 1; i <= {LINES}; i++) printf "INFO %07d {_REST}\\n", i }}'"""
_STAYS = "trap exit TERM; while :; do sleep 0.1; done"
_WAITS = f"echo {_READY.decode()}; while [ ! -e /go ]; do sleep 0.02; done; {_PRINTS}; {_STAYS}"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Readers:
    """Command lines that read the log of a container, and what they are started with."""

    docker: Sequence[str]
    host: str
    """Its name in our own store."""
    docker_environment: Mapping[str, str]
    our_environment: Mapping[str, str]

    def word(self, who: str, container: str, *options: str) -> tuple[list[str], Mapping[str, str]]:
        if who == "docker":
            return [*self.docker, "logs", *options, container], self.docker_environment
        return [PROGRAM, "container", "logs", *options, f"{self.host}/{container}"], self.our_environment


def measure(runs: int) -> Row:
    """`runs` does not apply: three rounds, in which all take turns, after one that goes uncounted."""
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as name, running_engine("l") as engine:
        folder = Path(name)
        engine.run("talker", f"{_PRINTS}; {_STAYS}")
        with _far(engine, folder) as ssh:
            here, far = _readers(engine, ssh, folder)
            _until_printed(engine)
            figures = _rounds(engine, here, far)
        end_agents(folder / "home")
    met = (
        min(figures["history_ratio"], figures["follow_ratio"]) >= _LEAST and figures["ssh_history_ratio"] >= _LEAST_SSH
    )
    budget = f"{LINES:,} lines at >= {_LEAST} x the pace of `docker logs` (target {_TARGET}), over ssh >= {_LEAST_SSH}"
    return Row(budget=budget, met=met, figures={**figures, "lines": LINES, "rounds": _ROUNDS})


def _rounds(engine: RealEngine, here: Readers, far: Readers) -> dict[str, float]:
    took: dict[str, list[float]] = {}
    most_mib = 0.0
    for counted in range(-1, _ROUNDS):
        for kind, readers in (("history", here), ("ssh_history", far)):
            for who in ("docker", "ours"):
                seconds = _history(readers, who, is_checked=counted < 0)
                if counted >= 0:
                    took.setdefault(f"{kind}_{who}_s", []).append(seconds)
        for who in ("docker", "ours"):
            seconds, mib = _follow(engine, here, who, f"live{counted + 1}{who}")
            most_mib = max(most_mib, mib if who == "ours" else 0.0)
            if counted >= 0:
                took.setdefault(f"follow_{who}_s", []).append(seconds)
    figures = {name: round(statistics.median(values), 2) for name, values in took.items()}
    for kind in ("history", "follow", "ssh_history"):
        figures[f"{kind}_ratio"] = round(figures[f"{kind}_docker_s"] / figures[f"{kind}_ours_s"], 2)
        figures[f"{kind}_lines_per_second"] = round(LINES / figures[f"{kind}_ours_s"])
    figures["our_resident_mib"] = round(most_mib, 1)
    return figures


def _history(readers: Readers, who: str, *, is_checked: bool) -> float:
    """All that is kept, thrown away; in the uncounted round counted instead."""
    words, environment = readers.word(who, "talker")
    if is_checked:
        count = 0
        with subprocess.Popen(words, env=dict(environment), stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            while piece := os.read(process.stdout.fileno(), _PIECE):
                count += piece.count(b"\n")
        if count != LINES:
            raise RuntimeError(f"{who} gave {count} lines of {LINES}")
    began = time.monotonic()
    subprocess.run(words, env=dict(environment), stdout=subprocess.DEVNULL, check=True, timeout=_MOST_SECONDS)
    return time.monotonic() - began


def _follow(engine: RealEngine, readers: Readers, who: str, container: str) -> tuple[float, float]:
    """Seconds from the first line to the last of a container that prints as fast as it can, and the reader's memory."""
    engine.run(container, _WAITS)
    words, environment = readers.word(who, container, "--follow")
    last = f"INFO {LINES:07d}".encode()
    with subprocess.Popen(words, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        file = process.stdout.fileno()
        try:
            _read_until(file, lambda text: _READY in text)
            began = time.monotonic()
            engine.docker("exec", container, "touch", "/go")
            count = _read_until(file, lambda text: last in text)
            seconds = time.monotonic() - began
            mib = _most_resident_mib(process.pid)
        finally:
            process.kill()
    engine.docker("rm", "-f", container)
    if not LINES <= count <= LINES + 1:
        raise RuntimeError(f"{who} followed {count} lines of {LINES}")
    return seconds, mib


def _read_until(file: int, is_it: Callable[[bytes], bool]) -> int:
    """How many lines came."""
    count, rest = 0, b""
    while piece := os.read(file, _PIECE):
        count += piece.count(b"\n")
        if is_it(rest + piece):
            return count
        rest = piece[-200:]
    raise RuntimeError("the log ended before")


def _most_resident_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def _until_printed(engine: RealEngine) -> None:
    deadline = time.monotonic() + _MOST_SECONDS
    while f"INFO {LINES:07d}" not in engine.docker("logs", "--tail", "1", "talker"):
        if time.monotonic() > deadline:
            raise RuntimeError("the container does not print to its end")
        time.sleep(0.2)


@contextmanager
def _far(engine: RealEngine, folder: Path) -> Iterator[SshWorld]:
    """An sshd here, whose docker program is led to the engine."""
    program = sshd_program()
    if program is None:
        raise RuntimeError("sshd is absent; get it by: apt-get install openssh-server")
    world = SshWorld(folder=folder / "ssh", port=free_port(), program=program)
    world.folder.mkdir()
    world.make()
    world.program_on_path("docker", f'DOCKER_HOST={engine.unix} exec {shutil.which("docker")} "$@"')
    Path("/run/sshd").mkdir(exist_ok=True)
    world.start()
    try:
        yield world
    finally:
        world.kill()


def _readers(engine: RealEngine, ssh: SshWorld, folder: Path) -> tuple[Readers, Readers]:
    home = folder / "home"
    environment = clean_environment(home)
    login = getpass.getuser()
    asyncio.run(_add_hosts(environment, engine, f"ssh://{login}@127.0.0.1:{ssh.port}{engine.socket}", ssh.key_file))
    on_path = folder / "bin"
    on_path.mkdir()
    options = f"-F none -i {ssh.key_file} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    (on_path / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} {options} "$@"\n')
    (on_path / "ssh").chmod(0o755)
    docker = shutil.which("docker") or "docker"
    usual = {"PATH": f"{on_path}:{os.environ['PATH']}", "HOME": str(folder)}
    there = f"ssh://{login}@127.0.0.1:{ssh.port}"
    return (
        Readers([docker, "-H", engine.unix], "here", usual, environment),
        Readers([docker, "-H", there], "far", usual, environment),
    )


async def _add_hosts(environment: Mapping[str, str], engine: RealEngine, far_url: str, key: Path) -> None:
    runtime = build(environment=dict(environment))
    try:
        store = await runtime.open_store()
        async with store.write() as transaction:
            for name, url, key_file in (("here", engine.unix, None), ("far", far_url, str(key))):
                now = runtime.clock.now()
                host = Host(
                    id=new_id(now),
                    owner=runtime.actor.owner,
                    created_by=runtime.actor.name,
                    name=name,
                    url=url,
                    ssh_key=key_file,
                    kept_by=runtime.host_id,
                    created_at=now,
                )
                await transaction.hosts.insert(host)
    finally:
        await runtime.aclose()
