"""Killed at every point of launch and terminate: no machine without a row, no row without a machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.crash.harness import OPERATIONS, REPOSITORY, Operation, Scene, check, try_point
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


def points_of(operation: Operation, folder: Path, world: World, template: Path, source: Path) -> list[str]:
    """Every point the unharmed command passes, each once."""
    scene = Scene(folder, world, template, source)
    if operation.prepare is not None:
        assert scene.run(operation.prepare).returncode == 0
    world.faults(*operation.faults)
    done = scene.run(operation.command)
    assert (done.returncode == 0) == (not operation.faults), done.stderr
    points = list(dict.fromkeys(scene.points()))
    scene.settle()
    check(scene)
    return points


def crash_everywhere(
    folder: Path, worlds: SimpleQueue[World], template: Path, source: Path, *, stop_at_first: bool
) -> tuple[int, list[str]]:
    """How many points were tried and what failed at which. Who stops at the first begins around the wire."""
    failures: list[str] = []

    def one(job: tuple[int, Operation, str]) -> None:
        if stop_at_first and failures:
            return
        number, operation, point = job
        world = worlds.get()
        try:
            try_point(Scene(folder / str(number), world, template, source), operation, point)
        except AssertionError as error:
            failures.append(f"{operation.name} killed at {point}: {error}")
        finally:
            worlds.put(world)

    jobs: list[tuple[int, Operation, str]] = []
    for operation in OPERATIONS:
        world = worlds.get()
        try:
            for point in points_of(operation, folder / operation.name, world, template, source):
                jobs.append((len(jobs), operation, point))
        except AssertionError as error:
            failures.append(f"{operation.name} unharmed: {error}")
        finally:
            worlds.put(world)
    if stop_at_first:
        jobs.sort(key=lambda job: job[2].startswith("commit"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, jobs))
    return len(jobs), failures


@pytest.mark.timeout(1500)
def test_nothing_leaks_wherever_the_process_dies(
    tmp_path: Path, worlds: SimpleQueue[World], template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tried, failures = crash_everywhere(tmp_path, worlds, template, REPOSITORY, stop_at_first=False)
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
    _, failures = crash_everywhere(tmp_path / "crashes", worlds, template, source, stop_at_first=True)
    assert failures, f"{mutant} went unnoticed"
