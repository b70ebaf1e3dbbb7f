"""A registry on loopback: real pulls with real layers, one of which can be lost."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.engines import RealEngine
from tests.contract.ssh_world import free_port
from tests.needs import need

_CONFIGURATION = """version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}
http: {{addr: 127.0.0.1:{port}}}
"""
USER, PASSWORD = "puller", "open sesame"
_PRIVATE = "auth: {{htpasswd: {{realm: private, path: {folder}/users}}}}\n"
_PASSWORD_HASH = "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW"


@dataclass
class Registry:
    folder: Path
    port: int
    client_folder: Path | None = None
    """Where the docker command finds who it is here."""

    def image(self, name: str) -> str:
        return f"127.0.0.1:{self.port}/{name}"

    def push(self, engine: RealEngine, local: str, name: str) -> str:
        """From an engine, which then has it no more."""
        whole = self.image(name)
        engine.docker("tag", local, whole)
        known = ("--config", str(self.client_folder)) if self.client_folder is not None else ()
        engine.docker(*known, "push", whole)
        engine.docker("rmi", whole)
        return whole

    def lose_layer(self, name: str) -> None:
        """The manifest stays, and names a layer that is not there."""
        repository, _, tag = name.partition(":")
        address = f"http://127.0.0.1:{self.port}/v2/{repository}/manifests/{tag}"
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        with urllib.request.urlopen(urllib.request.Request(address, headers={"Accept": kind})) as answer:
            digest = json.load(answer)["layers"][-1]["digest"].removeprefix("sha256:")
        shutil.rmtree(self.folder / "data/docker/registry/v2/blobs/sha256" / digest[:2] / digest)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with _running(tmp_path / "registry") as made:
        yield made


@pytest.fixture
def private_registry(tmp_path: Path) -> Iterator[Registry]:
    """It knows USER by PASSWORD and nobody else."""
    with _running(tmp_path / "private", is_private=True) as made:
        yield made


@contextlib.contextmanager
def _running(folder: Path, *, is_private: bool = False) -> Iterator[Registry]:
    program = shutil.which("docker-registry")
    need("docker-registry", program is not None, "apt-get install docker-registry")
    assert program is not None
    made = Registry(folder, free_port())
    made.folder.mkdir()
    file = made.folder / "registry.yml"
    file.write_text(_CONFIGURATION.format(folder=made.folder, port=made.port))
    if is_private:
        made.client_folder = made.folder / "client"
        made.client_folder.mkdir()
        proof = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        auths = {"auths": {f"127.0.0.1:{made.port}": {"auth": proof}}}
        (made.client_folder / "config.json").write_text(json.dumps(auths))
        (made.folder / "users").write_text(f"{USER}:{_PASSWORD_HASH}\n")
        with file.open("a") as more:
            more.write(_PRIVATE.format(folder=made.folder))
    environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
    process = subprocess.Popen(
        [program, "serve", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        deadline = time.monotonic() + 20
        while not _answers(made.port):
            assert process.poll() is None, "the registry ended"
            assert time.monotonic() < deadline, "the registry does not answer"
            time.sleep(0.05)
        yield made
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False
