"""Answers of others, kept on disk for a while: a cache that may be thrown away at any time."""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import datetime
from pathlib import Path

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.moments import format_moment, parse_moment

_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")


def kept_answer(cache: Path, name: str) -> tuple[datetime, Json] | None:
    """When it came, and what; None where nothing is kept that can be read."""
    try:
        found = json.loads((_path(cache, name)).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    at = parse_moment(found.get("at")) if isinstance(found, dict) and isinstance(found.get("at"), str) else None
    return None if at is None else (at, found.get("answer"))


def keep_answer(cache: Path, name: str, at: datetime, answer: Json) -> None:
    """Raises Refused where the cache cannot be written."""
    write_whole(_path(cache, name), [json.dumps({"at": format_moment(at), "answer": answer}).encode()])


def write_whole(path: Path, pieces: list[bytes]) -> None:
    """By a file of another name, so that a reader never meets half of one. Raises Refused."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(pieces)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        step = f"Free some space, or make {path.parent} yours."
        raise Refused(f"Nothing can be kept in {path.parent}: {error.strerror}.", step) from None


def _path(cache: Path, name: str) -> Path:
    """Raises ValueError for a name that is none of a file: a programming error."""
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    return cache / "prices" / f"{name}.json"
