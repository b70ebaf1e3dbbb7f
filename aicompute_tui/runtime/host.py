"""Who sits here and on which host: the login name, the host name, and a stable id of this host in this state home."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.settings.places import Places

_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def login_name(environment: Mapping[str, str]) -> str:
    """The account's name; the environment only speaks where the system knows none, as in some containers."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return environment.get("LOGNAME") or environment.get("USER") or f"uid{os.getuid()}"


def host_name() -> str:
    return platform.node().partition(".")[0] or "localhost"


def host_id(places: Places, moment_id: str) -> str:
    """The id stored for this host, `moment_id` stored and given where there is none yet.

    One file per host, since several hosts may share a home folder. Raises NotConfigured where it cannot be written.
    """
    path = places.data / f"host-{_fingerprint()}.id"
    try:
        return _read(path) or _write(path, moment_id)
    except OSError as error:
        raise NotConfigured(
            f"{path} cannot be written: {error.strerror}.", "Make the folder yours, or set AIC_TUI_HOME to another one."
        ) from error


def _fingerprint() -> str:
    import hashlib

    for path in _MACHINE_IDS:
        try:
            text = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text:
            return hashlib.sha256(f"aic-tui {text}".encode()).hexdigest()[:12]
    return hashlib.sha256(f"aic-tui {host_name()}".encode()).hexdigest()[:12]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> str:
    """Whole or not at all; of two processes at once the first one's id counts for both."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        return _read(path) or text
    finally:
        draft.unlink(missing_ok=True)
    return text
