"""Programs that stand for other machines: they take what the processor has left, as there they would take none."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.bench.processes import ROOT

_NICEST = 19


@contextmanager
def running(words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(words, stdin=subprocess.PIPE, cwd=ROOT, start_new_session=True)
    give_way(process.pid)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def give_way(pid: int) -> None:
    """A process and what it will start; its session as a whole where it leads one."""
    os.setpriority(os.PRIO_PROCESS, pid, _NICEST)
    with contextlib.suppress(OSError):
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(_NICEST), encoding="ascii")
