"""Whole processes measured from outside: their CPU time, user and system, children included."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(Path(sys.executable).with_name("aic-tui"))


def cpu_ms(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Runs it with its output thrown away. Raises RuntimeError where it fails."""
    silent = [
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    pid = os.posix_spawn(command[0], list(command), dict(environment), file_actions=silent)
    _, status, used = os.wait4(pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"{' '.join(command)} failed")
    return (used.ru_utime + used.ru_stime) * 1000


def medians(commands: Mapping[str, Sequence[str]], runs: int, environment: Mapping[str, str]) -> dict[str, float]:
    """CPU ms by name, the commands taking turns; one round before goes uncounted, for the page cache."""
    measured: dict[str, list[float]] = {name: [] for name in commands}
    for counted in range(-1, runs):
        for name, command in commands.items():
            used = cpu_ms(command, environment)
            if counted >= 0:
                measured[name].append(used)
    return {name: round(statistics.median(values), 1) for name, values in measured.items()}


def stolen_seconds() -> float:
    """How long processors that were wanted here served other machines of the same host, by proc(5)."""
    words = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    return int(words[8]) / os.sysconf("SC_CLK_TCK")


def clean_environment(home: Path | None = None, **more: str) -> dict[str, str]:
    """Nothing of the caller's but what a program needs to start."""
    home = home or Path(tempfile.gettempdir()) / "aic-tui-bench-without-home"
    return {"PATH": os.defpath, "HOME": str(home), "AIC_TUI_HOME": str(home), "LANG": "C.UTF-8", **more}


def processes_of(home: Path) -> list[int]:
    """Consoles of this home, and what they have started."""
    wanted = f"AIC_TUI_HOME={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def end_agents(home: Path) -> None:
    """Ends what consoles of this home have started and left behind."""
    for pid in processes_of(home):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
