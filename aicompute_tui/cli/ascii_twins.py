"""Plain ASCII for terminals that do not speak UTF-8."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from aicompute_tui.settings.charset import takes_utf8

_TWINS = str.maketrans(
    {
        "…": "...",
        "—": "-",
        "–": "-",
        "“": '"',
        "”": '"',
        "’": "'",
        "×": "x",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "·": "-",
        "•": "*",
        "●": "*",
        "○": "o",
        "✓": "+",
        "✗": "x",
        "⚠": "!",
        "\u00a0": " ",
    }
)


def speaks_utf8(stream: TextIO, environment: Mapping[str, str] | None = None) -> bool:
    """A pipe gets UTF-8 where its encoding says so; a terminal also needs a locale that does not say otherwise."""
    encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
    if encoding not in ("utf-8", "utf8"):
        return False
    if not stream.isatty():
        return True
    return takes_utf8(os.environ if environment is None else environment)


def plain(text: str) -> str:
    """`text` in ASCII, letter by letter, with `?` where there is no twin."""
    return text.translate(_TWINS).encode("ascii", "replace").decode("ascii")


def fitting(text: str, stream: TextIO) -> str:
    """`text` as `stream` can show it."""
    return text if speaks_utf8(stream) else plain(text)


def say(text: str) -> None:
    """One line to stderr; a terminal that is gone is no failure."""
    try:
        sys.stderr.write(fitting(text, sys.stderr) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return
