"""Real Docker engines side by side, made and ended by the tests: nothing of theirs leaves this machine or stays."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from tests.contract.certificates import Certificates, make_certificates
from tests.contract.ssh_world import free_port
from tests.needs import need

IMAGE = "bb:1"
"""busybox with every applet."""
_BUSYBOX = Path("/bin/busybox")
_START_SECONDS = 60.0
_IN_OWN_NAMESPACES = (
    'E=$1; H=$2; shift 2; mkdir -p /etc/docker && mount --bind "$E" /etc/docker && hostname "$H" && exec dockerd "$@"'
)
"""An /etc/docker and a host name of its own; else two engines say the same id."""


@dataclass
class RealEngine:
    """One engine with a socket, a TCP port and one with TLS. Containers on it have no way out but to loopback."""

    name: str
    folder: Path
    port: int
    tls_port: int
    certificates: Certificates
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    bridge: str = ""

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def unix(self) -> str:
        return f"unix://{self.socket}"

    @property
    def tcp(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def tls(self) -> str:
        return f"https://127.0.0.1:{self.tls_port}"

    @property
    def version(self) -> str:
        return self.docker("version", "--format", "{{.Server.Version}}")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def docker(self, *words: str, stdin: bytes = b"") -> str:
        """What the docker command of this machine says; raises where it fails."""
        done = subprocess.run(["docker", "-H", self.unix, *words], input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode(errors="replace").strip()

    def run(self, name: str, script: str, *options: str) -> str:
        """Starts a container with a shell script; answers its id."""
        return self.docker("run", "-d", "--name", name, *options, IMAGE, "sh", "-c", script)

    def inspect(self, name: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", name))
        return found[0]

    def start(self) -> None:
        for left in ("pid", "exec/containerd/containerd.pid"):
            (self.folder / left).unlink(missing_ok=True)  # nobody reaps here: what was killed still has its number
        if not self.bridge:
            self.bridge = _new_bridge()
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **_DEAD_PROXY, **self.environment},
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, self.log[-2_000:]
            assert time.monotonic() < deadline, self.log[-2_000:]
            time.sleep(0.05)

    def _command(self) -> list[str]:
        folder, tls = self.folder, self.certificates
        (folder / "etc").mkdir(exist_ok=True)
        words = ["setpriv", "--pdeathsig", "TERM", "unshare", "-m", "-u", "sh", "-c", _IN_OWN_NAMESPACES, "sh"]
        words += [str(folder / "etc"), f"host-{self.name}"]
        words += ["--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
        words += ["--pidfile", str(folder / "pid"), "-H", self.unix]
        words += ["--bridge", self.bridge, "--iptables=false", "--ip-forward=false", "--ip=127.0.0.1"]
        words += ["--shutdown-timeout", "2"]
        if self.port:
            words += ["-H", self.tcp]
        if self.tls_port:
            words += ["-H", f"tcp://127.0.0.1:{self.tls_port}", "--tlsverify", "--tlscacert", str(tls.authority)]
            words += ["--tlscert", str(tls.server), "--tlskey", str(tls.server_key)]
        return [*words, *self.options]

    def answers(self) -> bool:
        words = ["curl", "-sf", "--max-time", "2", "--unix-socket", str(self.socket), "http://engine/_ping"]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0

    def add_image(self, name: str = IMAGE, serve: str = "") -> None:
        """With `serve` its entry point is that script, whatever words it is given."""
        start = 'ENTRYPOINT ["/bin/sh", "/serve"]' if serve else 'CMD ["/bin/sh"]'
        self.docker("import", "-c", start, "-", name, stdin=_busybox_image(serve))

    def kill(self) -> None:
        """The engine alone, at once; its containers run on."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It answers nothing and closes nothing: from the first line on, not some time after the signal."""
        assert self.process is not None
        process = psutil.Process(self.process.pid)
        process.send_signal(signal.SIGSTOP)
        try:
            while not all(_is_stopped(process.pid, each.id) for each in process.threads()):
                time.sleep(0.001)
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def clear(self) -> None:
        """No container is left."""
        if ids := self.docker("ps", "-aq").split():
            self.docker("rm", "-f", "-v", *ids)

    def end(self) -> None:
        """Nothing of it is left, also where it was killed and its containers run on."""
        if self.process is not None:
            with contextlib.suppress(AssertionError):
                self.clear()
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
            self.kill()
        for each in self._left():
            with contextlib.suppress(psutil.Error):
                each.kill()
        if self.bridge:
            _ip("link", "del", self.bridge)
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            if str(self.folder) in line:
                subprocess.run(["umount", "-l", line.split()[1]], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left(self) -> list[psutil.Process]:
        """Shims of containers, what runs in these, and the engine's own containerd."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.folder) in " ".join(each.cmdline()) and each.pid != os.getpid():
                    found += [*each.children(recursive=True), each]
        return found


def _is_stopped(process_id: int, thread_id: int) -> bool:
    """By proc(5): the state is the first word behind the name in brackets; also true of a thread that has ended."""
    try:
        words = Path(f"/proc/{process_id}/task/{thread_id}/stat").read_text()
    except OSError:
        return True
    return words.rpartition(")")[2].split()[0] == "T"


_DEAD_PROXY = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}
"""A pull from anywhere but loopback fails at once."""


def new_engine(name: str, *options: str, has_tls: bool = False) -> RealEngine:
    """Not started yet."""
    need_docker()
    folder = Path(tempfile.mkdtemp(prefix=f"aic-{name}-", dir="/tmp"))
    certificates = make_certificates(folder / "tls")
    engine = RealEngine(name, folder, free_port(), 0, certificates, options)
    if has_tls:
        engine.port, engine.tls_port = 0, free_port()
    return engine


def need_docker() -> None:
    programs = ("dockerd", "docker", "unshare", "setpriv", "curl", "ip")
    present = os.getuid() == 0 and all(map(shutil.which, programs)) and _BUSYBOX.exists()
    need("docker", present, "as root: apt-get install docker.io busybox-static iproute2 curl util-linux")


@contextlib.contextmanager
def running_engine(name: str, *options: str, has_tls: bool = False) -> Iterator[RealEngine]:
    engine = new_engine(name, *options, has_tls=has_tls)
    try:
        engine.start()
        engine.add_image()
        yield engine
    finally:
        engine.end()


@pytest.fixture(scope="session")
def two_engines() -> Iterator[tuple[RealEngine, RealEngine]]:
    """The same for all tests of a run; each test leaves no container on them by `engines`."""
    with running_engine("a") as first, running_engine("b") as second:
        yield first, second


@pytest.fixture
def engines(two_engines: tuple[RealEngine, RealEngine]) -> Iterator[tuple[RealEngine, RealEngine]]:
    yield two_engines
    for each in two_engines:
        each.clear()


@pytest.fixture
def engine(engines: tuple[RealEngine, RealEngine]) -> RealEngine:
    return engines[0]


@pytest.fixture
def mortal_engine() -> Iterator[RealEngine]:
    """One that a test may kill."""
    with running_engine("m") as made:
        yield made


def _new_bridge() -> str:
    """A bridge with a network that nobody else on this machine has."""
    name = f"aic{secrets.token_hex(4)}"
    for _ in range(50):
        network = f"172.{secrets.choice(range(20, 31))}.{secrets.randbelow(250) + 1}"
        if network in _ip("-4", "addr"):
            continue
        _ip("link", "add", name, "type", "bridge")
        _ip("addr", "add", f"{network}.1/24", "dev", name)
        _ip("link", "set", name, "up")
        return name
    raise AssertionError("no network is free")


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, check=False, text=True).stdout


def _busybox_image(serve: str) -> bytes:
    """A file system of one program and its names."""
    listed = subprocess.run([_BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in ("bin", "etc", "tmp", "root"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        tar.add(_BUSYBOX, "bin/busybox")
        for applet in listed:
            if applet != "busybox":
                entry = tarfile.TarInfo(f"bin/{applet}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
        _text_file(tar, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        _text_file(tar, "etc/group", "root:x:0:\n")
        if serve:
            _text_file(tar, "serve", serve)
    return buffer.getvalue()


def _text_file(tar: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o644
    tar.addfile(entry, io.BytesIO(text.encode()))


def lines_of(script: Sequence[str]) -> str:
    """A script for a container that then stays until it is stopped, at once when it is asked to."""
    return "; ".join([*script, "trap exit TERM; while :; do sleep 0.1; done"])
