"""The keys that move through lines or rows, the same in every list."""

from __future__ import annotations

from textual.binding import Binding


def scroll_bindings(place: str, *, first: str, last: str, sideways: str = "") -> list[Binding]:
    """`place` begins the ids by which keys are remapped; `first` and `last` are the list's own actions."""
    moves = [
        ("up,k", "move(-1)", "up", "up"),
        ("down,j", "move(1)", "down", "down"),
        ("pageup", "page(-1)", "page up", "page-up"),
        ("pagedown,ctrl+f", "page(1)", "page down", "page-down"),
        ("home,g", first, "first", "first"),
        ("end,G", last, "last", "last"),
        ("left", "sideways(-1)", f"{sideways}to the left", "left"),
        ("right", "sideways(1)", f"{sideways}to the right", "right"),
    ]
    return [Binding(key, action, words, show=False, id=f"{place}.{name}") for key, action, words, name in moves]
