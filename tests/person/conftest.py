"""The longest walks begin first, so that no worker is left with one of them when the others have ended."""

from __future__ import annotations

import pytest

LONGEST_FIRST = (
    "test_demo.py",
    "test_machine_walk.py",
    "test_every_key.py",
    "test_every_key_between.py",
    "test_every_key_wide.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
