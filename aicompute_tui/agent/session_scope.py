"""Whether logging out would end the agent, and the scope of its own that keeps it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_ASK_SECONDS = 2.0


def in_own_scope(command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The command inside a scope of the user's own service manager where logging out would end it otherwise."""
    if not kills_at_logout() or not _has_user_manager(environment):
        return list(command)
    return ["systemd-run", "--user", "--scope", "--quiet", "--collect", "--", *command]


def logout_risk(environment: Mapping[str, str]) -> str | None:
    """Why the agent may end at logout, with the way on; None where it will not."""
    if not kills_at_logout():
        return None
    user = environment.get("USER") or environment.get("LOGNAME") or ""
    if _answer(["loginctl", "show-user", *([user] if user else []), "--property=Linger", "--value"]) == "yes":
        return None
    return "This host ends your processes at logout, the agent too. Keep it: loginctl enable-linger"


def kills_at_logout() -> bool:
    """What logind is set to; false where there is no logind or this is no login session."""
    if not Path("/run/systemd/system").is_dir() or not _is_login_session():
        return False
    command = ["busctl", "get-property", "org.freedesktop.login1", "/org/freedesktop/login1"]
    return _answer([*command, "org.freedesktop.login1.Manager", "KillUserProcesses"]) == "b true"


def _is_login_session() -> bool:
    try:
        return "session-" in Path("/proc/self/cgroup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def _has_user_manager(environment: Mapping[str, str]) -> bool:
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    return bool(runtime) and (Path(runtime) / "bus").exists() and shutil.which("systemd-run") is not None


def _answer(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            list(command), capture_output=True, timeout=_ASK_SECONDS, check=False, text=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
