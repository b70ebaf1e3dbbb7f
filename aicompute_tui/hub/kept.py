"""Answers of the hub kept on disk with what names their version, so that what was seen can be shown again offline."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

MOST_FILES = 4_000
MOST_BYTES = 256 << 20
_PRUNED_EACH = 50
"""Writes between two looks at how much there is."""
_OWN_ALONE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """`read_at` is when the hub last said that it is so."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    read_at: datetime

    @property
    def etag(self) -> str | None:
        return self.headers.get("etag")


class KeptAnswers:
    """One file for each question and whoever asked it; the oldest go where there are too many. Blocking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writes = 0

    def get(self, question: str, asker: str) -> KeptAnswer | None:
        """None for what was never kept, and for a file that is not whole."""
        try:
            head, _, body = self._path(question, asker).read_bytes().partition(b"\n")
            written = json.loads(head)
            if written["length"] != len(body):
                return None
            read_at = datetime.fromisoformat(written["read_at"])
            return KeptAnswer(status=written["status"], headers=written["headers"], body=body, read_at=read_at)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, question: str, asker: str, answer: KeptAnswer) -> None:
        """Whole or not at all; a disk that takes nothing costs the next start its memory and no more."""
        head = {
            "read_at": answer.read_at.astimezone(UTC).isoformat(),
            "status": answer.status,
            "headers": dict(answer.headers),
            "length": len(answer.body),
        }
        path = self._path(question, asker)
        fresh = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.new")
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWN_ALONE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps(head).encode() + b"\n" + answer.body)
            fresh.replace(path)
        self._writes += 1
        if self._writes % _PRUNED_EACH == 1:
            self._prune()

    def confirm(self, question: str, asker: str, answer: KeptAnswer, now: datetime) -> KeptAnswer:
        """The hub said that nothing has changed."""
        confirmed = replace(answer, read_at=now)
        self.put(question, asker, confirmed)
        return confirmed

    def _path(self, question: str, asker: str) -> Path:
        """What one token may see is not shown for another; the name tells neither."""
        return self._folder / hashlib.sha256(f"{question}\n{asker}".encode()).hexdigest()

    def _prune(self) -> None:
        left = MOST_BYTES
        with contextlib.suppress(OSError):
            found = [(entry.stat(), entry.path) for entry in os.scandir(self._folder)]
            for place, (told, path) in enumerate(sorted(found, key=lambda each: -each[0].st_mtime_ns)):
                left -= told.st_size
                if place >= MOST_FILES or left < 0:
                    Path(path).unlink(missing_ok=True)
