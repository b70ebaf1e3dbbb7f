"""The console in a real terminal: it leaves the terminal as it found it, and an idle one sends nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

RUN = """
import sys
from aicompute_tui import ui
from aicompute_tui.runtime import build
sys.exit(ui.run(build(agent_command=["false"])))
"""
ENTER_SCREEN, LEAVE_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
DEADLINE = 20.0


class Terminal:
    def __init__(self, child: subprocess.Popen[bytes], descriptor: int) -> None:
        self.child = child
        self.descriptor = descriptor
        self.seen = b""

    def read(self, seconds: float) -> bytes:
        """What comes within a time; nothing more once the other side is closed."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return b""
        try:
            found = os.read(self.descriptor, 65_536)
        except OSError:
            return b""
        self.seen += found
        return found

    def until(self, text: bytes) -> None:
        end = time.monotonic() + DEADLINE
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} never came"
            self.read(0.1)

    def press(self, keys: bytes) -> None:
        os.write(self.descriptor, keys)

    def settle(self) -> None:
        """Reads until nothing comes any more."""
        while self.read(0.5):
            pass

    def end(self) -> int:
        """The exit code, with everything said until then read."""
        end = time.monotonic() + DEADLINE
        while self.child.poll() is None:
            assert time.monotonic() < end, "it does not end"
            self.read(0.1)
        while self.read(0.1):
            pass
        return self.child.returncode


@contextmanager
def terminal(home: Path, columns: int = 80, lines: int = 24, code: str = RUN) -> Iterator[Terminal]:
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {
        "PATH": os.environ["PATH"], "AIC_TUI_HOME": str(home), "HOME": str(home), "TERM": "xterm-256color",
        "LANG": "C.UTF-8", "PYTHONPATH": str(Path.cwd()),
    }  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=far, stdout=far, stderr=far, env=environment, start_new_session=True
    )
    os.close(far)
    try:
        yield Terminal(child, near)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(near)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal_and_ends(tmp_path: Path, number: signal.Signals) -> None:
    with terminal(tmp_path) as shown:
        shown.until(b"launches one")
        shown.child.send_signal(number)
        assert shown.end() == 128 + number
        assert ENTER_SCREEN in shown.seen
        assert shown.seen.rindex(LEAVE_SCREEN) > shown.seen.rindex(ENTER_SCREEN)
        assert b"\x1b[?25h" in shown.seen[shown.seen.rindex(LEAVE_SCREEN) - 40 :], "the cursor is shown again"
        assert b"Traceback" not in shown.seen


def test_q_asks_and_quit_ends_with_success(tmp_path: Path) -> None:
    with terminal(tmp_path) as shown:
        shown.until(b"launches one")
        shown.press(b"q")
        shown.until(b"Leave the console?")
        shown.settle()
        shown.press(b"\x1b[C")
        shown.settle()
        shown.press(b"\r")
        assert shown.end() == 0
        assert LEAVE_SCREEN in shown.seen


def test_an_idle_console_without_machines_sends_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path) as shown:
        shown.until(b"no agent")
        shown.settle()
        said = len(shown.seen)
        shown.read(2.5)
        assert len(shown.seen) == said


def test_a_broken_part_ends_in_one_sentence(tmp_path: Path) -> None:
    broken = (
        "from aicompute_tui.ui.screens.base import ConsoleScreen\n"
        "def fail(self): raise RuntimeError('secret inside')\n"
        "ConsoleScreen.action_filter = fail\n"
    )
    with terminal(tmp_path, code=broken + RUN) as shown:
        shown.until(b"launches one")
        shown.press(b"/")
        assert shown.end() == 1
        assert LEAVE_SCREEN in shown.seen
        after = shown.seen[shown.seen.rindex(LEAVE_SCREEN) :]
        assert b"Something went wrong inside aic-tui" in after
        assert b"Traceback" not in shown.seen
        assert b"secret inside" not in shown.seen


def test_nothing_heavy_is_imported_before_the_first_frame(tmp_path: Path) -> None:
    code = """
import sys
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.session import LiveSession
from aicompute_tui.ui.start import run_console
heavy = {"sqlalchemy", "pydantic", "alembic", "boto3", "botocore", "aiosqlite", "cryptography", "httpx"}
print(sorted(heavy & sys.modules.keys()))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert found.stdout.strip() == "[]"
    light = "import sys, aicompute_tui.ui; print('textual' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", light], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert found.stdout.strip() == "False"
