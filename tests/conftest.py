"""What every test shares: the embedded cloud, and what lets a busy machine come through a whole run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.brisk_keys import make_keys_brisk
from tests.fresh_database import copy_fresh_databases
from tests.world import world, world_server

__all__ = ["world", "world_server"]
_MADE_BETWEEN_LOOKS = 10_000
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
make_keys_brisk()
copy_fresh_databases()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that mostly wait for servers stand between those that keep a processor busy; the longest file begins."""
    files = list(dict.fromkeys(item.path for item in items))
    crash, contract, ui = ([path for path in files if path.parent.name == name] for name in ("crash", "contract", "ui"))
    mixed = [path for _, path in sorted([*_spread(contract), *_spread(ui)])]
    places = {path: place for place, path in enumerate(dict.fromkeys([*crash, *mixed, *files]))}
    items.sort(key=lambda item: places[item.path])


def _spread(files: list[Path]) -> list[tuple[float, Path]]:
    """Each with its share of the way."""
    return [(index / len(files), path) for index, path in enumerate(files)]


def pytest_collection_finish() -> None:
    """What was imported stays, and consoles make much that goes with them: the collector looks more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MADE_BETWEEN_LOOKS)


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Who breaks while it is thrown away fails a test of its own file; what is left over is not looked at again."""
    yield
    gc.collect()
    gc.freeze()
