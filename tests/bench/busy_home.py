"""A state home with 1,000 machines, an account of 17 regions that lists them, and a machine whose log never rests."""

from __future__ import annotations

import asyncio
import getpass
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aicompute_tui.runtime import Runtime, build
from tests.bench.elsewhere import give_way, running
from tests.bench.processes import clean_environment, end_agents
from tests.bench.seed import instances, machine_name
from tests.contract.ssh_world import SshWorld, free_port, sshd_program

MACHINES = 1_000
NEWEST = machine_name(MACHINES - 1)
"""The machine that talks."""
LOG_WORDS = "engine 000"
"""In every line of its log and nowhere else."""
_TALKER = """case "$1" in
inspect) echo running ;;
logs) exec {python} -c '
import os, sys, time
os.nice(19)
try:
    with open("/proc/self/autogroup", "w") as session: session.write("19")
except OSError: pass
number, began = 0, time.monotonic()
while True:
    while number < (time.monotonic() - began) * {rate}:
        sys.stdout.write("2026-11-20t08:00:00.12z info engine 000: %09d " % number + "abcdef 01234567 " * 6 + chr(10))
        number += 1
    sys.stdout.flush()
    time.sleep(0.02)
' ;;
esac"""


@dataclass(frozen=True, slots=True)
class BusyHome:
    home: Path
    environment: dict[str, str]


@contextmanager
def busy_home(*, lines_per_second: int) -> Iterator[BusyHome]:
    """Cloud and machine run here at the lowest priority: in truth they would take nothing of this processor."""
    program = sshd_program()
    if program is None:
        raise RuntimeError("sshd is absent; get it by: apt-get install openssh-server")
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as name:
        folder = Path(name)
        ssh = SshWorld(folder=folder / "ssh", port=free_port(), program=program)
        ssh.folder.mkdir()
        ssh.make()
        ssh.program_on_path("docker", _TALKER.format(python=sys.executable, rate=lines_per_second))
        ssh.start()
        home = folder / "home"
        environment = _environment(home, folder, ssh)
        asyncio.run(_seed(build(environment=environment), ssh))
        try:
            if ssh.process is not None:
                give_way(ssh.process.pid)
            with _account(folder, home) as url:
                yield BusyHome(home, {**environment, "AWS_ENDPOINT_URL": url})
        finally:
            end_agents(home)
            ssh.kill()


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
        rows = instances(MACHINES, runtime.clock.now())
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
    with running([sys.executable, "-m", "tests.bench.large_account", str(port_file), str(database)]):
        deadline = time.monotonic() + 60
        while not port_file.exists():
            if time.monotonic() > deadline:
                raise RuntimeError("waited 60 s for the large account to listen")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port_file.read_text()}"
