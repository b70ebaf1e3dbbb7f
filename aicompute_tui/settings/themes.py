"""Colour themes by name: the built-in ones, and a person's own files in the themes folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.settings.keys import nearest
from aicompute_tui.settings.toml_file import line_of, parsed, text_of

DARK, LIGHT, ANSI_DARK, ANSI_LIGHT = "dark", "light", "ansi-dark", "ansi-light"
BUILT_IN = (DARK, LIGHT, ANSI_DARK, ANSI_LIGHT)
TOKENS = (
    "background",
    "surface",
    "panel",
    "foreground",
    "primary",
    "secondary",
    "accent",
    "success",
    "warning",
    "error",
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_KEYS = ("name", "dark", "tokens")
_MOST_FILES = 100


class ThemeFile(NamedTuple):
    """A theme as its file says; a token that is absent is that of the built-in dark or light one."""

    name: str
    is_dark: bool
    tokens: Mapping[str, str]
    path: Path


class FoundThemes(NamedTuple):
    themes: Mapping[str, ThemeFile]
    problems: tuple[AicError, ...]


def themes_folder(config: Path) -> Path:
    return config / "themes"


def find_themes(config: Path) -> FoundThemes:
    """Every file of the folder; one that cannot be used is a problem and hides no other."""
    themes: dict[str, ThemeFile] = {}
    problems: list[AicError] = []
    try:
        paths = sorted(themes_folder(config).glob("*.toml"))[:_MOST_FILES]
    except OSError:
        paths = []
    for path in paths:
        try:
            theme = read_theme(path)
            if theme.name in themes:
                step = "Give one of them another name."
                raise InvalidInput(f"{path}: {themes[theme.name].path.name} is called “{theme.name}” too.", step)
            themes[theme.name] = theme
        except AicError as error:
            problems.append(error)
    return FoundThemes(themes, tuple(problems))


def read_theme(path: Path) -> ThemeFile:
    """Raises InvalidInput naming file and line, NotConfigured where it cannot be read."""
    text = text_of(path)
    if text is None:
        raise InvalidInput(f"There is no {path}.", "`aic-tui theme list` shows the themes there are.")
    tree = parsed(path, text)
    for key in tree:
        if key not in _KEYS:
            raise _unknown(path, text, key, "", _KEYS)
    name = tree.get("name", path.stem)
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in BUILT_IN:
        step = f"Use letters, digits, dot, dash and underscore; not {', '.join(BUILT_IN)}."
        raise InvalidInput(f"{path}, line {line_of(text, 'name')}: that cannot be a theme's name.", step)
    is_dark = tree.get("dark", True)
    if not isinstance(is_dark, bool):
        raise InvalidInput(f"{path}, line {line_of(text, 'dark')}: dark is true or false.", "Write dark = true.")
    return ThemeFile(name, is_dark, _tokens(path, text, tree.get("tokens", {})), path)


def _tokens(path: Path, text: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict):
        raise InvalidInput(f"{path}, line {line_of(text, 'tokens')}: tokens is a table.", "Write [tokens] above them.")
    for token, colour in table.items():
        if token not in TOKENS:
            raise _unknown(path, text, token, "tokens", TOKENS)
        if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
            where = f"{path}, line {line_of(text, token, 'tokens')}"
            raise InvalidInput(f"{where}: {token} is no colour.", 'Write it like accent = "#7aa2f7".')
    return dict(table)


def _unknown(path: Path, text: str, key: str, table: str, known: tuple[str, ...]) -> InvalidInput:
    near = nearest(key, list(known))
    hint = f"Did you mean “{near}”?" if near else f"Known are {', '.join(known)}."
    return InvalidInput(f"{path}, line {line_of(text, key, table)}: there is no “{key}” in a theme.", hint)


def check_theme(name: str, config: Path) -> None:
    """Raises InvalidInput for a theme that is not there, or whose file cannot be used."""
    found = find_themes(config)
    if not name or name in BUILT_IN or name in found.themes:
        return
    own = [error for error in found.problems if f"{name}.toml" in error.message]
    if own:
        raise own[0]
    known = [*BUILT_IN, *found.themes]
    near = nearest(name, known)
    hint = f"Did you mean “{near}”?" if near else f"There are {', '.join(known)}."
    raise InvalidInput(f"There is no theme “{name}”.", hint)
