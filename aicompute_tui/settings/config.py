"""One person's config.toml: read, and refused by line where it holds what we do not know."""

from __future__ import annotations

import re
from pathlib import Path

from aicompute_tui.domain.errors import InvalidInput, NotConfigured
from aicompute_tui.settings.keys import SETTINGS, check_value, nearest

_LARGEST_FILE = 1_000_000


def read_config(path: Path) -> dict[str, str]:
    """Key → value in its one spelling; an absent file is an empty one.

    Raises InvalidInput with file and line for bad TOML, an unknown key or a bad value, NotConfigured where it cannot
    be read.
    """
    text = _text_of(path)
    if text is None:
        return {}
    import tomllib

    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path} is not valid TOML: {error}.", "Correct that line.") from error
    return {key: _checked(path, text, key, value) for key, value in tree.items()}


def _text_of(path: Path) -> str | None:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidInput(f"{path} is too large to be a configuration file.", "Look what was written there.")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise NotConfigured(f"{path} cannot be read: {reason}.", "Give yourself the right to read it.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error


def _checked(path: Path, text: str, key: str, value: object) -> str:
    where = f"{path}, line {_line_of(text, key)}"
    setting = SETTINGS.get(key)
    if setting is None:
        near = nearest(key, list(SETTINGS))
        hint = f"Did you mean “{near}”?" if near else "`aic-tui setting list` shows what can be set."
        raise InvalidInput(f"{where}: there is no setting “{key}”.", hint)
    try:
        return check_value(setting, _as_text(value))
    except InvalidInput as error:
        raise InvalidInput(f"{where}: {error.message}", error.next_step) from error


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidInput("a setting takes one text, number or true/false.", 'Write it like region = "ca-central-1".')


def _line_of(text: str, key: str) -> int:
    """Line of the key or of the table so named; 1 where a spelling hides it."""
    name = re.escape(key)
    pattern = re.compile(rf"""^\s*(?:\[+\s*)?["']?{name}["']?\s*(?:[=.\]])""")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return number
    return 1
