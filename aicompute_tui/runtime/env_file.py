"""Reading a .env file that a person names."""

from __future__ import annotations

import re
from pathlib import Path

from aicompute_tui.domain.errors import InvalidInput, NotConfigured

_LARGEST_FILE = 1_000_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}


def read_env_file(path: Path) -> dict[str, str]:
    """Variable → value; nothing in it is expanded or carried out.

    Raises NotConfigured where it cannot be read, InvalidInput naming the line, never its value.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidInput(f"{path} is too large to be a file of variables.", "Give another file.")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise NotConfigured(f"{path} cannot be read: {error.strerror}.", "Give the path of a .env file.") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from error
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            name, value = _variable(stripped, f"{path}, line {number}")
            values[name] = value
    return values


def _variable(line: str, where: str) -> tuple[str, str]:
    name, equals, value = line.removeprefix("export ").partition("=")
    name = name.strip()
    if not equals or not _NAME.fullmatch(name):
        raise InvalidInput(f"{where} is not NAME=VALUE.", "Correct that line.")
    return name, _value(value.strip(), where)


def _value(text: str, where: str) -> str:
    quote = text[:1]
    if quote not in {'"', "'"}:
        return re.split(r"\s+#", text, maxsplit=1)[0].rstrip() if not text.startswith("#") else ""
    pattern = r"'([^']*)'\s*(?:#.*)?" if quote == "'" else r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?'
    match = re.fullmatch(pattern, text)
    if match is None:
        raise InvalidInput(f"{where}: the quote is not closed.", "Close it on the same line.")
    inside = match.group(1)
    return inside if quote == "'" else re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(0)), inside)
