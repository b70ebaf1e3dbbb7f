"""What the footer of a wizard names in one of its views."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.ui.bindings import key_text, keys_of
from aicompute_tui.ui.navigation import NAVIGATION
from aicompute_tui.ui.widgets.footer_line import Hint

NamedHint = tuple[str, str]
"""A movement by its id, or a key as it is written, and its word."""


def wizard_hints(named: Sequence[NamedHint]) -> Sequence[Hint]:
    """A movement by its present key, anything else as it is written; help stands last."""
    made: list[Hint] = []
    for name, word in named:
        entry = NAVIGATION.get(name)
        key = keys_of(entry)[0] if entry is not None else ""
        made.append((key, key_text(key), word) if entry is not None else ("", name, word))
    return [*made, ("question_mark", "?", "help")]
