"""A machine whose watch ends it after two idle minutes, and looks at it every thirty seconds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.node_world import faketime_library, namespaces_work
from tests.contract.watch_world import Watched
from tests.needs import need

LIMIT = 120


def require_all() -> None:
    need("namespaces", namespaces_work(), "allow unprivileged user namespaces (kernel.unprivileged_userns_clone=1)")
    for tool, package in (("ip", "iproute2"), ("curl", "curl"), ("nsenter", "util-linux")):
        need(package, shutil.which(tool) is not None, f"apt-get install {package}")
    need("faketime", faketime_library() is not None, "apt-get install faketime")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Watched]:
    """Without a framework, half used to its idle limit of two minutes."""
    require_all()
    with Watched(tmp_path).up() as machine:
        machine.configure()
        yield machine


@pytest.fixture
def real_machine(tmp_path: Path) -> Iterator[Watched]:
    """One whose time passes."""
    require_all()
    with Watched(tmp_path, time_is_real=True).up() as machine:
        machine.configure()
        yield machine


def spend(machine: Watched, seconds: float) -> dict[str, str]:
    """Looks every 30 seconds for so long."""
    told = machine.activity() if seconds <= 0 else {}
    while seconds > 0:
        told = machine.look(min(30, seconds))
        seconds -= 30
    return told
