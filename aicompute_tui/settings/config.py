"""One person's config.toml: settings and keys, refused by line where it holds what we do not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.settings.keys import SETTINGS, check_value, nearest
from aicompute_tui.settings.toml_file import line_of, parsed, text_of

KEYS_TABLE = "keys"
_MUST_BE_KNOWN = "database_url"
"""Where it cannot be read, going on would open another database than the one that is meant."""


class Config(NamedTuple):
    """What a file says, and what in it cannot be used."""

    settings: Mapping[str, str] = {}
    keys: Mapping[str, tuple[str, ...]] = {}
    """Command id → the keys a person gave it, as they are spelled in the file."""
    problems: tuple[AicError, ...] = ()
    """What is wrong with the settings."""
    key_problems: tuple[AicError, ...] = ()
    """What is wrong with the keys, which no launch depends on."""


def read_config(path: Path) -> dict[str, str]:
    """Setting → value in its one spelling; an absent file is an empty one.

    Raises InvalidInput with file and line for bad TOML, an unknown key or a bad value, NotConfigured where it cannot
    be read.
    """
    config = read_what_can_be(path)
    for problem in (*config.problems, *config.key_problems):
        raise problem
    return dict(config.settings)


def read_what_can_be(path: Path) -> Config:
    """Everything in the file that can be used, and a problem for each thing that cannot.

    Raises the problem itself where it hides which database is meant.
    """
    try:
        text = text_of(path)
    except AicError as error:
        return Config(problems=(error,))
    if text is None:
        return Config()
    problems: list[AicError] = []
    key_problems: list[AicError] = []
    try:
        tree = parsed(path, text)
    except InvalidInput as error:
        problems.append(error)
        tree = _lines_that_parse(text)
        if _MUST_BE_KNOWN not in tree and re.search(rf"(?m)^\s*{_MUST_BE_KNOWN}\b", text):
            raise
    settings: dict[str, str] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for name, value in tree.items():
        try:
            if name == KEYS_TABLE:
                keys = _checked_keys(path, text, value, key_problems)
            else:
                settings[name] = _checked(path, text, name, value)
        except InvalidInput as error:
            if name == _MUST_BE_KNOWN:
                raise
            (key_problems if name == KEYS_TABLE else problems).append(error)
    return Config(settings, keys, tuple(problems), tuple(key_problems))


def key_line(path: Path, command_id: str) -> str:
    """`file, line N` of a command in the keys table."""
    try:
        text = text_of(path) or ""
    except AicError:
        return str(path)
    return f"{path}, line {line_of(text, command_id, KEYS_TABLE)}"


def _lines_that_parse(text: str) -> dict[str, object]:
    """The settings that stand on a line of their own before the first table."""
    import tomllib

    found: dict[str, object] = {}
    for line in text.splitlines():
        if line.lstrip().startswith("["):
            break
        try:
            found |= tomllib.loads(line)
        except tomllib.TOMLDecodeError:
            continue
    return found


def _checked(path: Path, text: str, key: str, value: object) -> str:
    where = f"{path}, line {line_of(text, key)}"
    setting = SETTINGS.get(key)
    if setting is None:
        near = nearest(key, [*SETTINGS, KEYS_TABLE])
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


def _checked_keys(path: Path, text: str, value: object, problems: list[AicError]) -> dict[str, tuple[str, ...]]:
    hint = 'Write it like "instance.terminate" = "ctrl+t", under [keys].'
    if not isinstance(value, dict):
        raise InvalidInput(f"{path}, line {line_of(text, KEYS_TABLE)}: keys is a table.", hint)
    found: dict[str, tuple[str, ...]] = {}
    for command_id, given in _flat(value):
        listed = given if isinstance(given, list) else [given]
        if all(isinstance(key, str) for key in listed):
            found[command_id] = tuple(str(key) for key in listed)
        else:
            where = f"{path}, line {line_of(text, command_id, KEYS_TABLE)}"
            problems.append(InvalidInput(f"{where}: {command_id} takes a key or a list of keys.", hint))
    return found


def _flat(table: Mapping[str, object], before: str = "") -> list[tuple[str, object]]:
    """`instance.terminate = "x"` without quotes is a table in a table, and means the same."""
    found: list[tuple[str, object]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            found += _flat(value, f"{before}{name}.")
        else:
            found.append((before + name, value))
    return found
