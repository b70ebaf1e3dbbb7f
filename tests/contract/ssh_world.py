"""A real sshd on loopback as a machine: it can be killed, started again, frozen, and given another host key."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.ssh.base import NodeAddress
from aicompute_tui.ssh.pool import NodePool
from tests.needs import need

INSTANCE_ID = "018f-machine"
_CONFIGURATION = """Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv PATH={folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
MaxStartups 100
LogLevel VERBOSE
"""


def sshd_program() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin")


_PORTS_EACH = 600
_asked_ports = itertools.count(os.getpid() * 37)


def free_port() -> int:
    """Of this worker of the tests alone, and none that the kernel gives to whoever asks for any."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in itertools.islice(_asked_ports, _PORTS_EACH):
        port = 21_000 + worker % 16 * _PORTS_EACH + number % _PORTS_EACH
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports of this worker are taken")


@dataclass
class SshWorld:
    """`folder/bin` comes first in the PATH of what runs on the machine."""

    folder: Path
    port: int
    program: str
    process: subprocess.Popen[bytes] | None = None
    frozen: list[psutil.Process] = field(default_factory=list)

    @property
    def key_file(self) -> Path:
        return self.folder / "user_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known" / "known_hosts"

    @property
    def log(self) -> str:
        return (self.folder / "sshd.log").read_text(errors="replace")

    def address(self, instance_id: str = INSTANCE_ID, *, port: int | None = None, login: str = "") -> NodeAddress:
        return NodeAddress(
            instance_id=instance_id,
            host="127.0.0.1",
            port=port or self.port,
            login=login or getpass.getuser(),
            name="calm-otter",
        )

    def pool(self, **options: float) -> NodePool:
        return NodePool(self.key_file, self.known_hosts, SystemClock(), **options)

    def make(self) -> None:
        (self.folder / "bin").mkdir()
        self.new_host_key()
        _keygen(self.key_file)
        shutil.copy(self.key_file.with_suffix(".pub"), self.folder / "authorized_keys")
        (self.folder / "sshd.conf").write_text(_CONFIGURATION.format(port=self.port, folder=self.folder))
        (self.folder / "sshd.log").touch()

    def new_host_key(self) -> None:
        for name in ("host_key", "host_key.pub"):
            (self.folder / name).unlink(missing_ok=True)
        _keygen(self.folder / "host_key")

    def program_on_path(self, name: str, text: str) -> None:
        """A shell script in place of a program of the machine."""
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def start(self) -> None:
        folder = self.folder
        words = [self.program, "-D", "-f", str(folder / "sshd.conf"), "-E", str(folder / "sshd.log")]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.01)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
        return False

    def sessions(self) -> list[psutil.Process]:
        """One sshd per connection, its children by privilege separation and what they run."""
        if self.process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return list(psutil.Process(self.process.pid).children(recursive=True))
        return []

    def kill(self) -> None:
        """The daemon and every connection at once; what they ran lives on as on a real machine."""
        daemon, self.process = self.process, None
        if daemon is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for each in psutil.Process(daemon.pid).children(recursive=True):
                if each.name().startswith("sshd"):
                    each.kill()
        daemon.kill()
        daemon.wait()

    def freeze(self) -> None:
        """Nothing answers any more, and nothing is closed either."""
        assert self.process is not None
        found = [each for each in self.sessions() if each.name().startswith("sshd")]
        self.frozen = [psutil.Process(self.process.pid), *found]
        for each in self.frozen:
            each.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        for each in self.frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGCONT)
        self.frozen = []

    def accepted(self) -> int:
        """How many connections were let in so far."""
        return self.log.count("Accepted publickey")


def running(marker: str) -> list[psutil.Process]:
    """Processes of this host with `marker` in their command line."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if marker in " ".join(each.cmdline()) and each.pid != os.getpid():
                found.append(each)
    return found


def _keygen(file: Path) -> None:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


@pytest.fixture
def ssh_world(tmp_path: Path) -> Iterator[SshWorld]:
    program = sshd_program()
    need("sshd", program is not None, "apt-get install openssh-server")
    need("ssh", shutil.which("ssh-keygen") is not None, "apt-get install openssh-client")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    assert program is not None
    folder = tmp_path / "machine"
    folder.mkdir()
    world = SshWorld(folder=folder, port=free_port(), program=program)
    world.make()
    world.start()
    yield world
    world.thaw()
    world.kill()


@pytest_asyncio.fixture
async def pool(ssh_world: SshWorld) -> AsyncIterator[NodePool]:
    """Closing it leaves no task behind."""
    before = asyncio.all_tasks()
    made = ssh_world.pool()
    yield made
    await made.aclose()
    await asyncio.sleep(0)
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left
