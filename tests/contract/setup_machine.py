"""A rented machine on which the packaged set-up runs for real, in namespaces of its own, with stand-ins on its PATH."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.settings.packaged import DATA
from tests.contract import node_servers, node_standins
from tests.contract.node_world import namespaces_work
from tests.needs import need
from tests.waiting import until

SETUP = "/usr/local/sbin/aic-tui-setup"
MIB = 1024 * 1024
_UNSHARE = ["unshare", "--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child"]
# All that the script may count on besides the stand-ins: any other program is absent on this machine.
_TOOLS = [
    *("bash", "cat", "cmp", "curl", "cut", "date", "df", "du", "env", "flock", "grep", "mkdir", "mountpoint", "mv"),
    *("paste", "rm", "sed", "sha256sum", "sleep", "stat", "tail", "tee", "timeout", "tr"),
]


@dataclass(frozen=True)
class Step:
    stage: str
    state: str
    name: str
    percent: str
    started: str
    ended: str
    detail: str


def _steps(text: str) -> list[Step]:
    return [Step(*line.split("\t")) for line in text.splitlines()]


@dataclass
class SetupMachine:
    """Its disk lives as long as the test; each `start` is a boot."""

    folder: Path
    framework: str = "none"
    models: tuple[str, ...] = ()
    gpu_count: str = "2"
    has_instance_store: bool = False
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        for name in (*node_servers.FOLDERS, "etc/aic-tui", "opt/dlami/nvme", "docker", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(DATA / "node/setup.sh", self.folder / "sbin/aic-tui-setup")
        (self.folder / "sbin/aic-tui-setup").chmod(0o755)
        for tool in _TOOLS:
            path = shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") or sys.executable
            (self.folder / "bin" / tool).symlink_to(path)
        mv = shutil.which("mv", path="/usr/bin:/bin")
        noted = f'[[ $3 != */progress ]] || {{ cat "$2"; echo; }} >>{self.folder}/history'
        self.stand_in("mv", f'{noted}\nexec {mv} "$@"')
        self.stand_in("docker", f'exec {sys.executable} -I -S {node_standins.__file__} {self.folder} "$@"')
        self.stand_in("nvidia-smi", f"cat {self.folder}/gpus")
        self.stand_in("nvidia-ctk", f'echo "nvidia-ctk $*" >>{self.folder}/calls')
        self.stand_in("systemctl", f'echo "systemctl $*" >>{self.folder}/calls')
        self.set_gpus(int(self.gpu_count or 2))
        self.configure()
        self.plan()
        self.hub()

    def stand_in(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def set_gpus(self, count: int) -> None:
        lines = [f"GPU {number}: NVIDIA L4 (UUID: GPU-{number})\n" for number in range(count)]
        (self.folder / "gpus").write_text("".join(lines))

    def configure(self, **changes: str) -> None:
        """Writes the configuration as the user-data does."""
        framework = FRAMEWORKS.get(self.framework)
        values = {
            "framework": self.framework,
            "image": framework.image if framework else "",
            "container_port": str(framework.container_port if framework else ""),
            "node_port": str(framework.node_port if framework else ""),
            "gpu_count": self.gpu_count,
            "idle_seconds": "1800",
            "volume_gib": "120",
        } | changes
        text = "".join(f"{key}='{value}'\n" for key, value in values.items())
        models = " ".join(f"'{model}'" for model in self.models)
        (self.folder / "etc/aic-tui/node.conf").write_text(f"{text}models=({models})\n")

    def plan(self, **plan: object) -> None:
        """What the server in the container will do."""
        (self.folder / "plan.json").write_text(json.dumps({"framework": self.framework, **plan}))

    def hub(self, **plan: object) -> None:
        (self.folder / "hub.json").write_text(json.dumps({"repos": {}, **plan}))

    def pulls(self, *attempts: dict[str, object]) -> None:
        """How the next pulls of the image go; those after them succeed."""
        (self.folder / "pulls.json").write_text(json.dumps(attempts))

    def secrets(self, text: str) -> None:
        new = self.folder / "etc/aic-tui/secrets.new"
        new.write_text(text)
        new.replace(self.folder / "etc/aic-tui/secrets.env")

    def start(self, command: str = SETUP) -> None:
        inside = [sys.executable, "-S", "-m", node_servers.__name__, "machine", str(self.folder), command]
        opt = "nvme" if self.has_instance_store else ""
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen([*_UNSHARE, *inside, opt], stdin=subprocess.DEVNULL, env=environment)

    def power_off(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        for path in sorted((self.folder / "run").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    def run(self, command: str = SETUP) -> int:
        self.start(command)
        return self.until_end()

    def until_end(self) -> int:
        assert self.process is not None
        self.until(lambda: self.process is not None and self.process.poll() is not None, "the set-up ended")
        return int(self.process.returncode)

    def until(self, ask: Callable[[], object], what: str) -> None:
        try:
            asyncio.run(until(ask, what, seconds=120))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text('run/aic-tui/progress')}\n{self.text('output')}") from None

    def until_step(self, stage: str, state: str, detail: str) -> Step:
        def is_there() -> object:
            step = self.step(stage)
            return step.state == state and detail in step.detail

        self.until(is_there, f"{stage} is {state}: {detail}")
        return self.step(stage)

    def read(self) -> list[Step]:
        return _steps(self.text("run/aic-tui/progress"))

    @property
    def seen(self) -> list[list[Step]]:
        """Every progress that was ever told, in order."""
        return [_steps(text) for text in self.text("history").split("\n\n") if text]

    def forget(self) -> None:
        """What was told so far."""
        (self.folder / "history").unlink()

    @contextmanager
    def held_download(self) -> Iterator[None]:
        """The model server fetches no model meanwhile."""
        (self.folder / "held").touch()
        yield
        (self.folder / "held").unlink()

    def step(self, stage: str, name: str = "") -> Step:
        steps = [step for step in self.read() if step.stage == stage and name in ("", step.name)]
        return steps[0] if steps else Step(stage, "", "", "", "", "", "")

    def states(self) -> dict[str, str]:
        return {f"{step.stage} {step.name}".strip(): step.state for step in self.read()}

    def percents(self, stage: str, name: str = "") -> list[int]:
        """Every percent that was seen of a step, each once, in order."""
        found = [
            int(step.percent)
            for steps in self.seen
            for step in steps
            if step.stage == stage and name in ("", step.name) and step.percent
        ]
        return list(dict.fromkeys(found))

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def container(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.text("docker/container.json"))
        return found

    def docker_calls(self, verb: str) -> list[str]:
        return [line for line in self.text("docker/calls").splitlines() if line.split()[0] == verb]


class MakesMachine(Protocol):
    def __call__(
        self, framework: str = ..., *models: str, gpu_count: str = ..., has_instance_store: bool = ...
    ) -> SetupMachine: ...


@contextmanager
def machines(folder: Path) -> Iterator[MakesMachine]:
    """Gives a maker of the test's machine, which is switched off at the end."""
    need("namespaces", namespaces_work(), "allow unprivileged user namespaces (kernel.unprivileged_userns_clone=1)")
    for tool, package in (("ip", "iproute2"), ("curl", "curl")):
        need(package, shutil.which(tool) is not None, f"apt-get install {package}")
    made: list[SetupMachine] = []

    def make(
        framework: str = "none", *models: str, gpu_count: str = "2", has_instance_store: bool = False
    ) -> SetupMachine:
        made.append(SetupMachine(folder, framework, models, gpu_count, has_instance_store))
        return made[-1]

    try:
        yield make
    finally:
        for machine in made:
            machine.power_off()
