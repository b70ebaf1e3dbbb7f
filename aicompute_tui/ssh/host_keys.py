"""The file of machines' host keys: ours alone, readable by OpenSSH, and shared by every process of one state home."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import hmac
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from aicompute_tui.domain.errors import Conflict, NotConfigured

_LONGEST_WAIT_SECONDS = 5.0


def alias_of(instance_id: str) -> str:
    """The name a machine has in the file, whatever its address."""
    return f"aic-tui-{instance_id}"


def keys_of(file: Path, alias: str) -> list[str]:
    """The public keys pinned for `alias`, each as `type base64`. Raises NotConfigured where the file cannot be read."""
    return [key for line in _read(file).splitlines() if _is_of(line, alias) and (key := _key(line))]


def pin(file: Path, alias: str, key: str) -> list[str]:
    """Writes `key` down unless the alias has one already; answers the keys that stand now. Blocks: run in a thread."""
    with _locked(file):
        text = _read(file)
        present = [found for line in text.splitlines() if _is_of(line, alias) and (found := _key(line))]
        if present:
            return present
        _replace(file, f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{alias} {key}\n")
        return [key]


def forget(file: Path, alias: str) -> None:
    """Takes every line of `alias` out. Blocks: run in a thread."""
    if alias not in _aliases_possible(file, alias):
        return
    with _locked(file):
        lines = _read(file).splitlines(keepends=True)
        _replace(file, "".join(line for line in lines if not _is_of(line, alias)))


def _aliases_possible(file: Path, alias: str) -> set[str]:
    return {alias for line in _read(file).splitlines() if _is_of(line, alias)}


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise NotConfigured(
            f"The file of host keys {file} cannot be read.", "Make it a plain file that you own.", str(error)
        ) from error


def _is_of(line: str, alias: str) -> bool:
    """Plain names as we write them, and hashed ones as OpenSSH does."""
    field = line.split(None, 1)[0] if line.strip() else ""
    if not field.startswith("|1|"):
        return alias in field.split(",")
    try:
        _, _, salt, digest = field.split("|")
        made = hmac.new(base64.b64decode(salt), alias.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(made, base64.b64decode(digest))
    except ValueError:
        return False


def _key(line: str) -> str:
    parts = line.split()
    return " ".join(parts[1:3]) if len(parts) >= 3 else ""


def _replace(file: Path, text: str) -> None:
    """Another file under the same name, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Alone with the file among all processes of this home."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file.with_name(f"{file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise NotConfigured(
            f"The file of host keys {file} cannot be written.", "Make its folder one that you own.", str(error)
        ) from error
    try:
        _wait_for(lambda: _try_lock(descriptor), file)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for(attempt: Callable[[], bool], file: Path) -> None:
    deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
    while not attempt():
        if time.monotonic() > deadline:
            raise Conflict(
                f"Another process has held the file of host keys {file} for too long.",
                "End the aic-tui process that stands still, then try again.",
            )
        time.sleep(0.01)
