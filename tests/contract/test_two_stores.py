"""Two state homes on one account: each sees the other's machines as foreign, and neither can end them by accident."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.world import World

ALIVE = {"pending", "running"}


class Home:
    """One person's state home, used by the command line."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder = folder
        self._world = world

    def __call__(self, *words: str, code: int = 0) -> Any:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "aicompute_tui", *words, "-o", "json"],
            env={
                **self._world.environment(),
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "AIC_TUI_HOME": str(self.folder),
            },
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else json.loads(done.stderr.splitlines()[-1])

    def launch(self, name: str) -> Any:
        return self("instance", "launch", "--name", name, "--yes", "--no-agent")

    def once(self) -> None:
        self("agent", "--once")

    def sightings(self) -> list[dict[str, Any]]:
        rows = self("instance", "list", "--sightings")
        return [row for row in rows if "ownership" in row]


@pytest.fixture
def homes(tmp_path: Path, world: World) -> tuple[Home, Home]:
    folders = [tmp_path / "ada", tmp_path / "bob"]
    for folder in folders:
        folder.mkdir()
    return Home(folders[0], world), Home(folders[1], world)


def alive(world: World) -> set[str]:
    return {machine["instance_id"] for machine in world.machines() if machine["state"] in ALIVE}


def test_each_sees_the_others_machine_as_foreign_and_reaps_none(homes: tuple[Home, Home], world: World) -> None:
    ada, bob = homes
    theirs = {ada: ada.launch("hers")["remote_id"], bob: bob.launch("his")["remote_id"]}
    for home, other in ((ada, bob), (bob, ada)):
        home.once()
        assert [(row["remote_id"], row["ownership"]) for row in home.sightings()] == [(theirs[other], "foreign")]
        assert home("instance", "reap", "--yes") == []
    assert alive(world) == set(theirs.values())


def test_a_foreign_machine_is_adopted_only_by_typing_its_name(homes: tuple[Home, Home], world: World) -> None:
    ada, bob = homes
    remote_id = ada.launch("hers")["remote_id"]
    bob.once()
    refusal = bob("instance", "adopt", remote_id, "--yes", code=4)
    assert refusal["error"] == "Refused"
    adopted = bob("instance", "adopt", remote_id, "--confirm-name", "hers", "--yes")
    assert adopted["remote_id"] == remote_id
    bob.once()
    assert bob.sightings() == []
    ada.once()
    assert ada("instance", "list") == []
    ada.once()
    assert [(row["remote_id"], row["ownership"]) for row in ada.sightings()] == [(remote_id, "foreign")]
    assert alive(world) == {remote_id}


def test_a_machine_whose_row_is_gone_is_an_orphan_and_is_reaped(homes: tuple[Home, Home], world: World) -> None:
    ada, bob = homes
    bob.launch("his")
    ada("instance", "list")
    ada("backup", str(ada.folder / "before.db"))
    orphan = ada.launch("hers")["remote_id"]
    ada("restore", str(ada.folder / "before.db"), "--yes")
    ada.once()
    found = {row["ownership"]: row["remote_id"] for row in ada.sightings()}
    assert found["orphan"] == orphan
    [told] = ada("instance", "reap", "--dry-run")
    assert (told["remote_id"], told["outcome"]) == (orphan, "would be ended")
    assert orphan in alive(world)
    ada("instance", "reap", "--yes")
    assert orphan not in alive(world)
    assert len(alive(world)) == 1
