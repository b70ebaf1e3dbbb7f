"""Rows written to a person's file: CSV, JSON or YAML by its ending, nothing replaced unasked."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.plain_formats import csv_text, json_text, yaml_text

_FORMATS: dict[str, Callable[[list[JsonObject]], str]] = {
    ".csv": csv_text,
    ".json": lambda rows: json_text(_json(rows)),
    ".yaml": lambda rows: yaml_text(_json(rows)),
    ".yml": lambda rows: yaml_text(_json(rows)),
}


def export_path(text: str) -> Path:
    """The file meant, `~` expanded. Raises InvalidInput where no rows can be written to it."""
    wanted = text.strip()
    if not wanted:
        raise InvalidInput("There is no file name.", "Give one that ends in .csv, .json or .yaml.")
    try:
        if not wanted.isprintable():
            raise InvalidInput("That file name holds what cannot be shown.", "Give another name.")
        path = Path(wanted).expanduser().absolute()
        if path.suffix.lower() not in _FORMATS:
            raise InvalidInput(f"“{path.name}” says no format.", "End it in .csv, .json or .yaml.")
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder.", "Name a file in it.")
        if not path.parent.is_dir():
            raise InvalidInput(f"There is no folder {path.parent}.", "Make it first, or name another one.")
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"“{wanted[:60]}” cannot be a file: {_reason(error)}.", "Give another name.") from error
    return path


def write_rows(path: Path, rows: Sequence[JsonObject], *, replace: bool = False) -> None:
    """Readable by its owner alone; a file that is replaced keeps what it held until the new one is whole.

    Raises InvalidInput where it cannot be written, also where it is there and is to stay.
    """
    text = _FORMATS[path.suffix.lower()](list(rows)).encode("utf-8", "replace")
    try:
        if path.exists() and not replace:
            raise InvalidInput(f"{path} is there already.", "Give another name.")
        _write(path, text, replace=replace)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {_reason(error)}.", "Give another name.") from error


def _write(path: Path, text: bytes, *, replace: bool) -> None:
    if not replace:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(text)
        return
    number, name = tempfile.mkstemp(prefix=".aic-tui-", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()


def _json(rows: Sequence[JsonObject]) -> Json:
    return list(rows)
