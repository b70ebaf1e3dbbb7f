"""Killed at every point of launch and terminate: no machine without a row, no row without a machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.crash.harness import OPERATIONS, REPOSITORY, Operation, Scene, check, try_point
from tests.crash.warm import WarmProcess
from tests.world import World, start_world

LEAST_POINTS = 30
AT_ONCE = 2
MUTANTS = Path(__file__).parent / "mutants"


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleQueue[World]]:
    """One cloud for each crash that runs at a time."""
    started = [start_world(tmp_path_factory.mktemp(f"world{number}")) for number in range(AT_ONCE)]
    queue: SimpleQueue[World] = SimpleQueue()
    for _, world in started:
        queue.put(world)
    yield queue
    for process, _ in started:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, worlds: SimpleQueue[World]) -> Path:
    """A home whose database is made already."""
    folder = tmp_path_factory.mktemp("template")
    empty = folder / "empty"
    empty.mkdir()
    world = worlds.get()
    scene = Scene(folder / "scene", world, empty)
    assert scene.run(["instance", "list"]).returncode == 0
    worlds.put(world)
    return scene.home


@dataclass
class Lanes:
    """As many crashes at a time as there are clouds, each with a process that has read the product of `source`."""

    worlds: SimpleQueue[World]
    template: Path
    warm: SimpleQueue[WarmProcess]

    @contextmanager
    def scene(self, folder: Path) -> Iterator[Scene]:
        world, warm = self.worlds.get(), self.warm.get()
        try:
            yield Scene(folder, world, self.template, warm)
        finally:
            self.worlds.put(world)
            self.warm.put(warm)


@contextmanager
def lanes_of(source: Path, worlds: SimpleQueue[World], template: Path) -> Iterator[Lanes]:
    processes = [WarmProcess(f"{source}{os.pathsep}{REPOSITORY}") for _ in range(AT_ONCE)]
    queue: SimpleQueue[WarmProcess] = SimpleQueue()
    for process in processes:
        queue.put(process)
    try:
        yield Lanes(worlds, template, queue)
    finally:
        for process in processes:
            process.close()


def points_of(operation: Operation, scene: Scene) -> list[str]:
    """Every point the unharmed command passes, each once."""
    if operation.prepare is not None:
        assert scene.run(operation.prepare).returncode == 0
    scene.world.faults(*operation.faults)
    done = scene.run(operation.command)
    assert (done.returncode == 0) == (not operation.faults), done.stderr
    points = list(dict.fromkeys(scene.points()))
    scene.settle()
    check(scene)
    return points


def crash_everywhere(folder: Path, lanes: Lanes, *, stop_at_first: bool) -> tuple[int, list[str]]:
    """How many points were tried and what failed at which. Who stops at the first begins around the wire."""
    failures: list[str] = []

    def one(job: tuple[int, Operation, str]) -> None:
        if stop_at_first and failures:
            return
        number, operation, point = job
        with lanes.scene(folder / str(number)) as scene:
            try:
                try_point(scene, operation, point)
            except AssertionError as error:
                failures.append(f"{operation.name} killed at {point}: {error}")

    jobs: list[tuple[int, Operation, str]] = []
    for operation in OPERATIONS:
        with lanes.scene(folder / operation.name) as scene:
            try:
                for point in points_of(operation, scene):
                    jobs.append((len(jobs), operation, point))
            except AssertionError as error:
                failures.append(f"{operation.name} unharmed: {error}")
    if stop_at_first:
        jobs.sort(key=lambda job: job[2].startswith("commit"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, jobs))
    return len(jobs), failures


@pytest.mark.timeout(1500)
def test_nothing_leaks_wherever_the_process_dies(
    tmp_path: Path, worlds: SimpleQueue[World], template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with lanes_of(REPOSITORY, worlds, template) as lanes:
        tried, failures = crash_everywhere(tmp_path, lanes, stop_at_first=False)
    with capsys.disabled():
        print(f"\ncrash points tried: {tried}")
    assert not failures, "\n".join(failures)
    assert tried >= LEAST_POINTS


@pytest.mark.parametrize("mutant", ["no_intent_commit", "no_look_up", "no_terminate_intent"])
def test_a_mutant_without_a_safeguard_is_caught(
    mutant: str, tmp_path: Path, worlds: SimpleQueue[World], template: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(REPOSITORY / "aicompute_tui", source / "aicompute_tui")
    shutil.copytree(REPOSITORY / "styles", source / "styles")
    subprocess.run(
        ["patch", "-p1", "--no-backup-if-mismatch", "--fuzz=0", "-i", str(MUTANTS / f"{mutant}.patch")],
        cwd=source,
        check=True,
        capture_output=True,
    )
    with lanes_of(source, worlds, template) as lanes:
        _, failures = crash_everywhere(tmp_path / "crashes", lanes, stop_at_first=True)
    assert failures, f"{mutant} went unnoticed"
