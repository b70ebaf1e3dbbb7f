"""One crash: a fresh home, an emptied cloud, a command killed at one point, passes until quiet, and what must hold."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.launch import LaunchAttempt
from aicompute_tui.store.database import Store, database_url
from tests.crash.warm import WarmProcess
from tests.entry import FileClock
from tests.world import World

REPOSITORY = Path(__file__).resolve().parents[2]
ALIVE = {"pending", "running", "stopping", "stopped"}
LAUNCH = ("instance", "launch", "--name", "one", "--no-agent", "--yes", "-o", "json")
TERMINATE = ("instance", "terminate", "one", "--yes", "-o", "json")
DROPPED_TERMINATE = {"action": "TerminateInstances", "drop_before": True, "times": 3}
"""As many as one logical call sends: the command sees no answer, the machine lives on."""


@dataclass(frozen=True)
class Operation:
    """A command whose every point is tried; `prepare` runs unharmed before it."""

    name: str
    command: Sequence[str]
    prepare: Sequence[str] | None = None
    faults: tuple[dict[str, Any], ...] = ()


OPERATIONS = (
    Operation("launch", LAUNCH),
    Operation("terminate", TERMINATE, prepare=LAUNCH),
    Operation("terminate unheard", TERMINATE, prepare=LAUNCH, faults=(DROPPED_TERMINATE,)),
)


@dataclass
class Ledger:
    """What the store holds when all is quiet."""

    rows: list[Instance] = field(default_factory=list)
    attempts: list[LaunchAttempt] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)


class Scene:
    """One home on one cloud. `warm` runs the product where it is another than the repository's, or is run often."""

    def __init__(self, folder: Path, world: World, template: Path, warm: WarmProcess | None = None) -> None:
        self.world = world
        self._warm = warm
        self.home = folder / "home"
        self.clock_file = folder / "clock"
        self.points_file = folder / "points"
        self._said = folder / "said"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(template, self.home)
        self.clock_file.write_text("0")
        world.reset()

    def run(self, command: Sequence[str], kill_at: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command with hooks, to its end or its death."""
        self.points_file.unlink(missing_ok=True)
        extra = ["--kill-at", kill_at] if kill_at else []
        arguments = [*extra, str(self.clock_file), str(self.points_file), "--", *command]
        return self._python("tests.crash.killed", arguments)

    @contextmanager
    def frozen(self, command: Sequence[str], point: str) -> Iterator[subprocess.Popen[str]]:
        """The command, stopped dead at `point`; killed at the end whatever happened."""
        self.points_file.unlink(missing_ok=True)
        arguments = ["--freeze-at", point, str(self.clock_file), str(self.points_file), "--", *command]
        process = subprocess.Popen(
            self._command("tests.crash.killed", arguments),
            env=self._environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), f"was to freeze at {point} and ended"
            yield process
        finally:
            process.kill()
            process.communicate()

    def points(self) -> list[str]:
        return [json.loads(line) for line in self.points_file.read_text().splitlines()]

    def settle(self) -> None:
        """Agent passes with the clock moved past every lease and look-up window, until nothing changes any more."""
        done = self._python("tests.crash.settle", [str(self.clock_file)])
        assert done.returncode == 0, f"the passes after the crash failed:\n{done.stdout}\n{done.stderr}"

    def ledger(self) -> Ledger:
        return asyncio.run(self._read())

    async def _read(self) -> Ledger:
        store = await Store.open(
            database_url(self.home / "data" / "aic-tui.db"), clock=FileClock(self.clock_file), migrate=False
        )
        try:
            async with store.read() as transaction:
                rows = await transaction.instances.list(include_final=True)
                attempts = [each for row in rows for each in await transaction.attempts.list(row.id)]
                return Ledger(rows, attempts, await transaction.jobs.list())
        finally:
            await store.aclose()

    def _python(self, module: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        if self._warm is not None:
            return self._warm.run(module, arguments, self._environment(), self.home, self._said)
        return subprocess.run(
            self._command(module, arguments),
            env=self._environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _command(self, module: str, arguments: Sequence[str]) -> list[str]:
        return [sys.executable, "-P", "-m", module, *arguments]

    def _environment(self) -> dict[str, str]:
        return {
            **self.world.environment(),
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "AIC_TUI_HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
        }


def try_point(scene: Scene, operation: Operation, point: str) -> None:
    """Dies at `point`, settles, and asserts that nothing leaked and nothing was lost."""
    if operation.prepare is not None:
        prepared = scene.run(operation.prepare)
        assert prepared.returncode == 0, prepared.stderr
    scene.world.faults(*operation.faults)
    died = scene.run(operation.command, kill_at=point)
    assert died.returncode == -signal.SIGKILL, f"was to die at {point}, ended with {died.returncode}: {died.stderr}"
    scene.settle()
    check(scene)


def check(scene: Scene) -> None:
    """The promise: machines and open rows stand one to one, and what was to end has ended."""
    ledger = scene.ledger()
    machines = scene.world.machines()
    alive = {machine["instance_id"] for machine in machines if machine["state"] in ALIVE}
    open_rows = [row for row in ledger.rows if not row.is_final]
    assert sorted(str(row.remote_id) for row in open_rows) == sorted(alive), describe(ledger, machines)
    assert all(not job.is_final or job.ended_at is not None for job in ledger.jobs)
    end_was_asked = any(job.action_id == "instance.terminate" for job in ledger.jobs)
    if end_was_asked:
        assert not alive, f"a machine that was to end lives: {describe(ledger, machines)}"
    else:
        ended = [machine for machine in machines if machine["state"] not in ALIVE]
        assert not ended, f"a machine nobody wanted ended has ended: {describe(ledger, machines)}"
    check_tokens(scene, ledger)


def check_tokens(scene: Scene, ledger: Ledger) -> None:
    """On the wire: one token per zone attempt, each written down."""
    tokens_by_zone: dict[str, set[str]] = defaultdict(set)
    for call in scene.world.log("RunInstances"):
        parameters = call["parameters"]
        place = next(str(value) for key, value in parameters.items() if key.endswith("SubnetId"))
        tokens_by_zone[place].add(parameters["ClientToken"])
    assert all(len(tokens) == 1 for tokens in tokens_by_zone.values()), tokens_by_zone
    sent = set().union(*tokens_by_zone.values())
    assert sent <= {attempt.client_token for attempt in ledger.attempts}, "a token went out that nobody wrote down"


def describe(ledger: Ledger, machines: list[dict[str, Any]]) -> str:
    rows = [
        (row.name, row.state.value, row.desired_state.value, row.remote_id, row.error_message) for row in ledger.rows
    ]
    jobs = [(job.action_id, job.state.value, job.error_message) for job in ledger.jobs]
    return f"rows {rows}; jobs {jobs}; machines {[(each['instance_id'], each['state']) for each in machines]}"
