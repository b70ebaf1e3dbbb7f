"""A registry on loopback: real pulls with real layers, one of which can be lost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
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


@dataclass
class Registry:
    folder: Path
    port: int

    def image(self, name: str) -> str:
        return f"127.0.0.1:{self.port}/{name}"

    def push(self, engine: RealEngine, local: str, name: str) -> str:
        """From an engine, which then has it no more."""
        whole = self.image(name)
        engine.docker("tag", local, whole)
        engine.docker("push", whole)
        engine.docker("rmi", whole)
        return whole

    def lose_layer(self, name: str) -> None:
        """The manifest stays, and names a layer that is not there."""
        repository, _, tag = name.partition(":")
        address = f"http://127.0.0.1:{self.port}/v2/{repository}/manifests/{tag}"
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        with urllib.request.urlopen(urllib.request.Request(address, headers={"Accept": kind})) as answer:
            digest = json.load(answer)["layers"][0]["digest"].removeprefix("sha256:")
        shutil.rmtree(self.folder / "data/docker/registry/v2/blobs/sha256" / digest[:2] / digest)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    program = shutil.which("docker-registry")
    need("docker-registry", program is not None, "apt-get install docker-registry")
    assert program is not None
    made = Registry(tmp_path / "registry", free_port())
    made.folder.mkdir()
    file = made.folder / "registry.yml"
    file.write_text(_CONFIGURATION.format(folder=made.folder, port=made.port))
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
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1) as answer:
        return bool(answer.status == 200)
    return False
