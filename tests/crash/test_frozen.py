"""A process frozen while it launches or ends a machine, whose work another took over, wakes and does nothing."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.crash.harness import LAUNCH, TERMINATE, Scene, check
from tests.world import World


@pytest.fixture
def scene(tmp_path: Path, world: World) -> Scene:
    empty = tmp_path / "empty"
    empty.mkdir()
    made = Scene(tmp_path / "scene", world, empty)
    assert made.run(["instance", "list"]).returncode == 0
    return made


def committed_before(scene: Scene, command: tuple[str, ...], call: str) -> str:
    """The last commit before the call that costs money goes out, from an unharmed run."""
    assert scene.run(command).returncode == 0
    points = scene.points()
    sent = points.index(f"{call} 1, before send")
    return next(point for point in reversed(points[:sent]) if point.endswith(", after"))


def test_a_launch_that_wakes_after_it_was_taken_over_sends_nothing(scene: Scene) -> None:
    point = committed_before(scene, (*LAUNCH[:3], "first", *LAUNCH[4:]), "RunInstances")
    sent = len(scene.world.log("RunInstances"))
    with scene.frozen(LAUNCH, point) as process:
        scene.settle()
        settled = scene.ledger()
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in said
    assert len(scene.world.log("RunInstances")) == sent
    assert scene.ledger() == settled
    check(scene)


def test_an_end_that_wakes_after_it_was_taken_over_sends_nothing(scene: Scene) -> None:
    first = (*LAUNCH[:3], "first", *LAUNCH[4:])
    assert scene.run(first).returncode == 0
    point = committed_before(scene, ("instance", "terminate", "first", "--yes"), "TerminateInstances")
    scene.world.reset()
    assert scene.run(LAUNCH).returncode == 0
    with scene.frozen(TERMINATE, point) as process:
        scene.settle()
        settled = scene.ledger()
        sent = len(scene.world.log("TerminateInstances"))
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
    assert len(scene.world.log("TerminateInstances")) == sent
    assert scene.ledger() == settled
