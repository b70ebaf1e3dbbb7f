"""The lock that makes one agent per state home; it ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from aicompute_tui.domain.errors import AicError, NotConfigured


class AgentLock:
    """Held while the file is open. The file itself stays, since removing it would let two agents in."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, note: dict[str, object]) -> AgentLock:
        """Raises AicError where another agent holds it."""
        descriptor = _open(path)
        if not _locked(descriptor):
            os.close(descriptor)
            pid = holder_note(path).get("pid", "unknown")
            raise AicError(f"An agent already runs here (pid {pid}).", "“aic-tui agent --status” tells more.")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)
        return cls(descriptor)

    def is_in_place(self, path: Path) -> bool:
        """False where the home was removed or replaced: another agent could take a lock of its own there."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), path.stat())
        except OSError:
            return False

    def release(self) -> None:
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def is_held(path: Path) -> bool:
    """Whether an agent lives, whatever it answers."""
    if not path.exists():
        return False
    descriptor = _open(path)
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder_note(path: Path) -> dict[str, object]:
    """What the holder wrote about itself; empty where nothing can be read."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotConfigured(
            f"{path} cannot be written: {error.strerror}.", "Make the folder yours, or set AIC_TUI_HOME to another one."
        ) from error


def _locked(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
