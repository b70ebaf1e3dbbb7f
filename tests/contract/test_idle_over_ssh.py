"""What counts as somebody at a machine: keys typed into a real sshd's shell do, tunnels and tails and output do not."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest
import pytest_asyncio

from tests.contract.watch_world import SERVER_PORT, Watched
from tests.contract.watched_machine import LIMIT, require_all, spend
from tests.needs import need
from tests.waiting import until

_PORT = "2222"
_TUNNEL_PORT = "2223"
_GRAIN_SECONDS = 8
"""A terminal's times are moved by the kernel only when they differ in more than their last three bits."""
_SSHD = """ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
StrictModes no
"""


@dataclass
class Reached:
    """A machine with sshd running as its login user, and everything that was opened to it."""

    machine: Watched
    opened: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.machine.folder

    def sshd(self) -> None:
        for name in ("host_key", "user_key"):
            subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        (self.folder / "home").mkdir()
        users = {"root": 0, "ubuntu": 1000}
        lines = [f"{name}:x:{number}:{number}::{self.folder}/home:/bin/bash\n" for name, number in users.items()]
        (self.folder / "etc/passwd").write_text("".join(lines))
        (self.folder / "etc/group").write_text("root:x:0:\nubuntu:x:1000:\n")
        (self.folder / "sshd.conf").write_text(_SSHD.format(port=_PORT, folder=self.folder))
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin")
        assert program is not None
        as_login = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
        self.open(*as_login, program, "-De", "-f", str(self.folder / "sshd.conf"))

    def open(self, *command: str) -> subprocess.Popen[str]:
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": (self.folder / "ssh-log").open("a")}
        process = self.machine.spawn(*command, bufsize=1, **streams)
        self.opened.append(process)
        return process

    def ssh(self, *words: str) -> subprocess.Popen[str]:
        options = [f"-oUserKnownHostsFile={self.folder}/known", "-oStrictHostKeyChecking=no", "-oBatchMode=yes"]
        return self.open("ssh", "-F/dev/null", "-p", _PORT, "-i", str(self.folder / "user_key"), *options, *words)

    def terminal(self) -> Path:
        """The one that is open, as the machine sees it."""
        return Path("/dev/pts/0")

    def times(self) -> tuple[int, int]:
        """When the terminal was last typed into and last printed on."""
        done = self.machine.run("stat", "-c", "%X %Y", str(self.terminal()))
        typed, printed = (int(word) for word in str(done["out"]).split())
        return typed, printed

    async def grain_passed(self) -> None:
        typed, _ = self.times()
        await until(lambda: int(time.time() - 0.5) // _GRAIN_SECONDS > typed // _GRAIN_SECONDS, "the next grain began")

    def close(self) -> None:
        for process in reversed(self.opened):
            process.kill()
        for process in self.opened:
            process.communicate()


@pytest_asyncio.fixture
async def reached(tmp_path: Path) -> AsyncIterator[Reached]:
    require_all()
    need(
        "sshd",
        shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin") is not None,
        "apt-get install openssh-server",
    )
    need("ssh", shutil.which("ssh") is not None, "apt-get install openssh-client")
    with Watched(tmp_path, terminals_are_real=True).up() as machine, ExitStack() as stack:
        machine.configure()
        reached = Reached(machine)
        stack.callback(reached.close)
        reached.sshd()
        await until(lambda: "listening" in (tmp_path / "ssh-log").read_text(), "sshd listens")
        yield reached


def answer(process: subprocess.Popen[str]) -> IO[str]:
    """Its lines as they come."""
    assert process.stdout is not None
    return process.stdout


async def shell(reached: Reached) -> subprocess.Popen[str]:
    process = reached.ssh("-tt", "ubuntu@127.0.0.1")
    type_in(process, "echo se''en")
    assert any("seen" in line for line in answer(process))
    return process


def type_in(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


@pytest.mark.asyncio
async def test_keys_in_a_shell_keep_the_machine_up_and_the_open_shell_alone_does_not(reached: Reached) -> None:
    machine = reached.machine
    process = await shell(reached)
    assert machine.look()["busy"] == "a shell in use"
    assert spend(machine, LIMIT - 30)["busy"] == ""
    await reached.grain_passed()
    type_in(process, "echo ag''ain")
    assert any("again" in line for line in answer(process))
    assert machine.look()["busy"] == "a shell in use"
    spend(machine, LIMIT - 1)
    assert not machine.has_ended
    machine.look(1)
    assert machine.has_ended
    assert process.poll() is None


@pytest.mark.asyncio
async def test_output_in_a_shell_does_not_keep_the_machine_up(reached: Reached) -> None:
    machine = reached.machine
    process = await shell(reached)
    type_in(process, "while sleep 1; do date +out-%s; done")
    assert any(line.startswith("out-") for line in answer(process))
    machine.look()
    typed, printed = reached.times()
    spend(machine, LIMIT - 1)
    assert not machine.has_ended
    await until(lambda: reached.times()[1] > printed, "it goes on printing")
    assert reached.times()[0] == typed
    machine.look(1)
    assert machine.has_ended


@pytest.mark.asyncio
async def test_tunnels_tails_and_probes_do_not_keep_the_machine_up(reached: Reached) -> None:
    machine = reached.machine
    machine.server = {"/": (200, "through")}
    machine.look()
    followed = reached.folder / "followed"
    followed.write_text("first\n")
    tail = reached.ssh("ubuntu@127.0.0.1", f"tail -F {followed}")
    tunnel = reached.ssh("-N", "-L", f"{_TUNNEL_PORT}:127.0.0.1:{SERVER_PORT}", "ubuntu@127.0.0.1")
    assert next(answer(tail)) == "first\n"

    def through() -> bool:
        return str(machine.run("curl", "-s", f"http://127.0.0.1:{_TUNNEL_PORT}/")["out"]) == "through"

    await until(through, "the tunnel is open")
    for number in range(LIMIT // 30):
        assert not machine.has_ended
        assert through()
        with followed.open("a") as file:
            file.write(f"{number}\n")
        assert next(answer(tail)) == f"{number}\n"
        probe = reached.ssh("ubuntu@127.0.0.1", "true")
        assert probe.wait(timeout=60) == 0
        assert machine.look(30)["busy"] == ""
    assert machine.has_ended
    assert tail.poll() is None
    assert tunnel.poll() is None
