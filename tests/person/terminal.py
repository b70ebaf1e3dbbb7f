"""A person at a terminal: a tmux of its own, keys in, the screen out, in a network of nothing but loopback."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.needs import need

DEADLINE_SECONDS = 60.0
_AT_REST = {
    "alternate_on": "0", "cursor_flag": "1", "mouse_any_flag": "0", "mouse_sgr_flag": "0", "keypad_cursor_flag": "0",
}  # fmt: skip


def need_terminal_tools() -> None:
    need("tmux", shutil.which("tmux") is not None, "apt-get install tmux")
    alone = ["unshare", "-rn", "sh", "-c", "ip link set lo up"]
    works = (
        shutil.which("unshare") is not None and subprocess.run(alone, capture_output=True, check=False).returncode == 0
    )
    need("unshare", works, "apt-get install util-linux iproute2, on a kernel that allows namespaces")


class Terminal:
    """One tmux session that runs one command with no route out and only the environment given."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        self._socket = folder / "tmux"
        self.width, self.height = width, height
        self.pressed = 0
        """Keystrokes so far."""

    def start(self, command: Sequence[str], more: Mapping[str, str] | None = None, *, alone: bool = True) -> None:
        """Runs `command`, then says its exit code and keeps the terminal open; `alone` it has loopback only."""
        environment = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.home),
            **(more or {}),
        }
        environment = {"TERM": "tmux-256color", **environment}
        # What the terminal's settings were before and after, then a shell-like end that echoes what is typed.
        line = (
            f"stty -g > {self.home}/before; {shlex.join(command)}; "
            f"code=$?; stty -g > {self.home}/after; echo EXIT $code; exec cat"
        )
        words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), "sh", "-c"]
        if alone:
            words, line = ["unshare", "-rn", *words], f"ip link set lo up; {line}"
        self._tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            str(self.width),
            "-y",
            str(self.height),
            "-c",
            str(self.home),
            shlex.join([*words, line]),
        )

    def keys(self, *keys: str) -> None:
        """tmux's names of keys; after `-l` one text, letter by letter."""
        self.pressed += len("".join(keys[1:])) if keys[0] == "-l" else len(keys)
        self._tmux("send-keys", *keys)

    def escape(self, times: int = 1) -> None:
        """In the spelling that no key typed right after it can turn into another key."""
        self._tmux("send-keys", "-l", "\x1b[27u" * times)
        self.pressed += times

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def paste(self, text: str) -> None:
        """As from the clipboard, between the marks that tell a paste from typing."""
        subprocess.run(
            ["tmux", "-S", str(self._socket), "load-buffer", "-"], input=text.encode(), check=True, timeout=20
        )
        self._tmux("paste-buffer", "-p", "-d")

    def modes(self) -> dict[str, str]:
        """What a program may leave switched: the alternate screen, the cursor, the mouse and the keypad."""
        names = ("alternate_on", "cursor_flag", "mouse_any_flag", "mouse_sgr_flag", "keypad_cursor_flag")
        asked = self._tmux("display-message", "-p", " ".join(f"#{{{name}}}" for name in names))
        return dict(zip(names, asked.split(), strict=True))

    def is_restored(self) -> bool:
        """The terminal is as it was before the command: settings, screen, cursor and mouse."""
        before, after = ((self.home / name).read_text() for name in ("before", "after"))
        return before == after and self.modes() == _AT_REST

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def painted(self) -> str:
        """The screen with the sequences that colour it."""
        return self._tmux("capture-pane", "-p", "-e")

    def until(self, is_so: Callable[[str], bool], seconds: float = DEADLINE_SECONDS) -> str:
        """The first screen of which it is so."""
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if is_so(screen):
                return screen
            assert time.monotonic() < deadline, f"it did not come about; the screen was:\n{screen}"
            time.sleep(0.05)

    def shows(self, text: str, seconds: float = DEADLINE_SECONDS) -> str:
        return self.until(lambda screen: text in screen, seconds)

    def process(self) -> int:
        """The process that the terminal started."""
        return int(self._tmux("display-message", "-p", "#{pane_pid}"))

    def inside(self, command: Sequence[str], seconds: float = DEADLINE_SECONDS) -> str:
        """What another program prints in the terminal's network."""
        words = ["nsenter", f"--target={self.process()}", "--user", "--net", "--preserve-credentials", "--", *command]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=seconds).stdout

    def server(self) -> int:
        """The process that holds the terminal."""
        return int(self._tmux("display-message", "-p", "#{pid}"))

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words], capture_output=True, text=True, check=True, timeout=20
        )
        return done.stdout


def product(*words: str) -> list[str]:
    """The program as this test's own Python runs it."""
    return [sys.executable, "-P", "-m", "aicompute_tui", *words]
