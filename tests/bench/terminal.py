"""A program in a pseudo-terminal of its own, watched from outside: what it has written, when, and what it used."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78])")
_ASKS_SYNCHRONIZED_OUTPUT = b"\x1b[?2026$p"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Terminal:
    """Starts at once; ends the program when left."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        self.began = time.perf_counter()
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execve(command[0], list(command), {**environment, **terminal})
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, size)
        self.written = bytearray()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._file)

    def text(self, since: int = 0) -> str:
        """Everything written so far, or from a byte on, without escape sequences."""
        return _ESCAPES.sub(b"", self.written[since:]).decode(errors="replace")

    def wait_for(self, *markers: str, seconds: float = 30.0, since: int = 0) -> float:
        """Seconds from the start until all markers could be read. Raises TimeoutError with what stands there."""
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            if self._read(0.05) and all(marker in self.text(since) for marker in markers):
                return time.perf_counter() - self.began
        what = " and ".join(repr(marker) for marker in markers)
        raise TimeoutError(f"waited {seconds:g} s for {what}; the terminal shows: {self.text(since)[-2000:]}")

    def watch(self, seconds: float) -> tuple[float, int]:
        """(CPU seconds of the program, bytes it wrote) in that time."""
        used, written = self.cpu_seconds(), len(self.written)
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            self._read(min(0.5, left))
        return self.cpu_seconds() - used, len(self.written) - written

    def press(self, keys: str) -> None:
        os.write(self._file, keys.encode())

    def latency(self, letter: str) -> float:
        """Seconds from a letter typed to the same letter painted; nothing else may paint it."""
        begin = len(self.written)
        began = time.perf_counter()
        self.press(letter)
        while time.perf_counter() - began < 10:
            if self._read(0.05) and letter.encode() in _ESCAPES.sub(b"", self.written[begin:]):
                return time.perf_counter() - began
        raise TimeoutError(f"{letter!r} was not painted; the terminal shows: {self.text()[-500:]}")

    def cpu_seconds(self) -> float:
        """Of the program itself, in ticks of the kernel; an agent it started is another process."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def waited_seconds(self) -> float:
        """How long its threads were ready to run while the processor was another's."""
        waited = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                waited += int((task / "schedstat").read_text(encoding="ascii").split()[1])
        return waited / 1e9

    def resident_mib(self) -> float:
        return resident_mib(self.pid)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._file], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._file, 65_536)
        except OSError as gone:
            raise RuntimeError(f"the program ended: {self.text()[-2000:]}") from gone
        if _ASKS_SYNCHRONIZED_OUTPUT in piece:
            os.write(self._file, b"\x1b[?2026;2$y")
        self.written += piece
        return True


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * _PAGE / 2**20
