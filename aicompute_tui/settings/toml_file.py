"""A person's own TOML files: read with the line of whatever is wrong, and changed without losing a comment."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aicompute_tui.domain.errors import InvalidInput, NotConfigured, Refused

_LARGEST_FILE = 1_000_000
_AT_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def text_of(path: Path) -> str | None:
    """None where there is no file. Raises NotConfigured where it cannot be read, InvalidInput where it is no text."""
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


def parsed(path: Path, text: str) -> dict[str, Any]:
    """Raises InvalidInput naming file and line."""
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        place = _AT_LINE.search(reason)
        line = place.group(1) if place else None
        where = f"{path}, line {line or max(1, len(text.splitlines()))}"
        raise InvalidInput(f"{where}: not valid TOML: {_AT_LINE.sub('', reason)}.", "Correct that line.") from error


def line_of(text: str, key: str, table: str = "") -> int:
    """Line of a key, or of the table so named; inside `table` where one is given. 1 where a spelling hides it."""
    name = re.escape(key)
    pattern = re.compile(rf"""^\s*(?:\[+\s*)?["']?{name}["']?\s*(?:[=.\]])""")
    inside = not table
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if table and stripped.startswith("["):
            inside = stripped.strip("[] \t").split("]")[0].strip("\"' ") == table
            continue
        if inside and pattern.match(line):
            return number
    return line_of(text, table) if table else 1


def change(path: Path, changes: Mapping[tuple[str, ...], str | list[str] | None]) -> None:
    """Sets values by their place in the file, None takes one out; comments and order stay, and so does a link.

    Raises InvalidInput where the file is not valid TOML, Refused where it cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    text = text_of(path) or ""
    parsed(path, text)
    try:
        document = tomlkit.parse(text)
        for place, value in changes.items():
            _set(document, place, value)
        written = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, AttributeError) as error:
        raise InvalidInput(f"{path} cannot be changed here: {error}.", "Change it by hand.") from error
    if written != text:
        _replace(path, written)


def _set(document: Any, place: tuple[str, ...], value: str | list[str] | None) -> None:
    import tomlkit

    table = document
    for name in place[:-1]:
        if name not in table:
            if value is None:
                return
            table[name] = tomlkit.table()
        table = table[name]
    if value is not None:
        table[place[-1]] = value
    elif place[-1] in table:
        del table[place[-1]]


def _replace(path: Path, text: str) -> None:
    """Whole at once; what a link points to is replaced, not the link."""
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o600
        try:
            descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.", "Make it and its folder yours.") from error
