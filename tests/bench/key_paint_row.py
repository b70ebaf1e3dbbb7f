"""From a key to its paint, in a terminal: the list while a sweep of 17,000 goes on, and a log of 2,000 lines/s."""

from __future__ import annotations

import asyncio
import getpass
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from aicompute_tui.runtime import Runtime, build
from tests.bench.processes import PROGRAM, ROOT, clean_environment, end_agents
from tests.bench.row import Row
from tests.bench.seed import instances, machine_name
from tests.bench.terminal import Terminal
from tests.contract.ssh_world import SshWorld, free_port, sshd_program

_MACHINES = 1_000
_KEYS = 120
_LETTERS = "QXZ"
"""In no line of the log and in no word of the console."""
_MOST_P50_MS, _MOST_P99_MS = 10.0, 30.0
_LINES_PER_SECOND = 2_000
_TALKER = f"""case "$1" in
inspect) echo running ;;
logs) exec {sys.executable} -c '
import sys, time
number, began = 0, time.monotonic()
while True:
    while number < (time.monotonic() - began) * {_LINES_PER_SECOND}:
        sys.stdout.write("2026-11-20t08:00:00.12z info engine 000: %09d " % number + "abcdef 01234567 " * 6 + chr(10))
        number += 1
    sys.stdout.flush()
    time.sleep(0.02)
' ;;
esac"""


def measure(runs: int) -> Row:
    """`runs` does not apply: each figure is of 120 keys."""
    program = sshd_program()
    if program is None:
        raise RuntimeError("sshd is absent; get it by: apt-get install openssh-server")
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as name:
        folder = Path(name)
        ssh = SshWorld(folder=folder / "ssh", port=free_port(), program=program)
        ssh.folder.mkdir()
        ssh.make()
        ssh.program_on_path("docker", _TALKER)
        ssh.start()
        home = folder / "home"
        environment = _environment(home, folder, ssh)
        asyncio.run(_seed(build(environment=environment), ssh))
        try:
            with _account(folder, home) as url:
                figures = _measured({**environment, "AWS_ENDPOINT_URL": url}, home)
        finally:
            end_agents(home)
            ssh.kill()
    met = all(value <= _MOST_P50_MS for key, value in figures.items() if key.endswith("p50_ms")) and all(
        value <= _MOST_P99_MS for key, value in figures.items() if key.endswith("p99_ms")
    )
    budget = f"p50 <= {_MOST_P50_MS:g} ms, p99 <= {_MOST_P99_MS:g} ms under the sweep, and over the log as well"
    return Row(budget=budget, met=met, figures={**figures, "keys": _KEYS, "log_lines_per_second": _LINES_PER_SECOND})


def _environment(home: Path, folder: Path, ssh: SshWorld) -> dict[str, str]:
    (folder / "nothing").touch()
    return clean_environment(
        home,
        AWS_ACCESS_KEY_ID="AKIABENCHBENCHBENCH0",
        AWS_SECRET_ACCESS_KEY="of-the-bench",
        AWS_DEFAULT_REGION="ca-central-1",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=str(folder / "nothing"),
        AWS_SHARED_CREDENTIALS_FILE=str(folder / "nothing"),
        AIC_TUI_SSH_PORT=str(ssh.port),
    )


async def _seed(runtime: Runtime, ssh: SshWorld) -> None:
    """Many machines of another host, and the newest of this one, which talks."""
    store = await runtime.open_store()
    try:
        shutil.copy(ssh.key_file, runtime.places.ssh_key)
        shutil.copy(ssh.key_file.with_suffix(".pub"), runtime.places.ssh_key.with_suffix(".pub"))
        rows = instances(_MACHINES, runtime.clock.now())
        rows[-1] = replace(
            rows[-1],
            framework="vllm",
            host_id=runtime.host_id,
            public_address="127.0.0.1",
            login=getpass.getuser(),
        )
        async with store.write() as transaction:
            await transaction.instances.insert_many(rows)
    finally:
        await runtime.aclose()


@contextmanager
def _account(folder: Path, home: Path) -> Iterator[str]:
    port_file = folder / "port"
    database = home / "data" / "aic-tui.db"
    words = [sys.executable, "-m", "tests.bench.large_account", str(port_file), str(database)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, cwd=ROOT)
    try:
        deadline = time.monotonic() + 30
        while not port_file.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("the large account does not answer")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port_file.read_text()}"
    finally:
        process.kill()
        process.communicate()


def _measured(environment: Mapping[str, str], home: Path) -> dict[str, float]:
    newest = machine_name(_MACHINES - 1)
    with Terminal([PROGRAM], environment, columns=120, rows=40) as terminal:
        terminal.wait_for(newest, seconds=60)
        terminal.watch(40)  # the console's own agent sweeps once at its start
        quiet = _keys(terminal)
        with _sweeping(environment, home):
            terminal.watch(3)
            swept = _keys(terminal)
            terminal.press("g")
            terminal.press("l")
            terminal.wait_for("engine 000", seconds=30)
            terminal.watch(3)
            logged = _keys(terminal)
    return {
        **{f"quiet_{name}": value for name, value in quiet.items()},
        **{f"sweep_{name}": value for name, value in swept.items()},
        **{f"sweep_and_log_{name}": value for name, value in logged.items()},
    }


@contextmanager
def _sweeping(environment: Mapping[str, str], home: Path) -> Iterator[None]:
    """Full passes over the whole account, one after the other."""
    stopped = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def sweep() -> None:
        while not stopped.is_set():
            process = subprocess.Popen(
                [PROGRAM, "agent", "--once"],
                env=dict(environment),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            running[:] = [process]
            process.wait()

    thread = threading.Thread(target=sweep)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        for process in running:
            with suppress(ProcessLookupError):
                process.kill()
        thread.join()
        end_agents(home)


def _keys(terminal: Terminal) -> dict[str, float]:
    """A line of entry is opened and letters are typed into it one by one, each awaited on the terminal."""
    terminal.press("/")
    terminal.watch(1)
    pauses = random.Random(7)
    took = []
    for number in range(_KEYS):
        letter = _LETTERS[number % len(_LETTERS)]
        took.append(terminal.latency(letter) * 1000)
        terminal.watch(pauses.uniform(0.05, 0.25))
        if number % 30 == 29:
            terminal.press("\x15")  # empties the line
            terminal.watch(0.3)
    terminal.press("\x1b")
    terminal.watch(1)
    took.sort()
    return {
        "p50_ms": round(statistics.median(took), 1),
        "p99_ms": round(took[round(0.99 * (len(took) - 1))], 1),
    }
