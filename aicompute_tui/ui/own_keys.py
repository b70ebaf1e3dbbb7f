"""A person's own keys while a console is open."""

from __future__ import annotations

from collections.abc import Mapping

_changed: dict[str, tuple[str, ...]] = {}


def own_keys(command_id: str) -> tuple[str, ...] | None:
    """The keys a person gave a command, None where it has its usual ones."""
    return _changed.get(command_id)


def use_keymap(changed: Mapping[str, tuple[str, ...]]) -> bool:
    """From now on these commands have these keys, all others their usual ones; False where it was so already."""
    if dict(changed) == _changed:
        return False
    _changed.clear()
    _changed.update(changed)
    return True
