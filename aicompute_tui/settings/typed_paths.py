"""Makes a path that a person typed mean the same file in every folder."""

from __future__ import annotations

import os

from aicompute_tui.domain.errors import InvalidInput

_NO_FILE = "none"
"""Takes back what was set; a file of that name is written ./none."""


def resolved(kind: str, text: str) -> str:
    """What was typed for a parameter of that kind: a path absolute, anything else as it is. Raises InvalidInput.

    Of what may also be a name, a path is what lies there or is written as one.
    """
    is_path = kind == "path" or (
        kind == "path or name" and (text.startswith(("/", ".", "~")) or os.path.exists(text))  # noqa: PTH110
    )
    if not is_path or not text or text.lower() == _NO_FILE:
        return text
    return absolute_path(text)


def absolute_path(text: str) -> str:
    """With `~` spelled out; a symbolic link stays one. Raises InvalidInput."""
    try:
        return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - pathlib is slow to import
    except (OSError, ValueError):
        raise InvalidInput(f"“{text[:60]}” leads to no file from here.", "Give the whole path.") from None
