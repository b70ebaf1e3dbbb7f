"""Keeps a process of the demo from outliving it: `python -m aicompute_tui.demo.tether FILE WORD …`.

The demo holds FILE locked for as long as it lives. The kernel lets go of the lock however the demo ends, and by that
the tethered program, which is aic-tui with the words, ends too, at once: its world is gone, so nothing is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import runpy
import sys
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def holding(path: Path) -> Iterator[None]:
    """Keeps every process that is tethered to `path` alive."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def command(path: Path, words: list[str]) -> list[str]:
    """The command line of aic-tui with `words`, tethered to `path`."""
    return [sys.executable, "-P", "-m", "aicompute_tui.demo.tether", str(path), *words]


def _end_with(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        os._exit(1)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os._exit(0)


def main() -> None:
    threading.Thread(target=_end_with, args=(Path(sys.argv[1]),), daemon=True).start()
    sys.argv = ["aic-tui", *sys.argv[2:]]
    runpy.run_module("aicompute_tui", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
