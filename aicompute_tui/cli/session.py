"""What one call of the program knows: who builds the runtime, the global options, and the terminal it speaks to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aicompute_tui.domain.errors import InvalidInput, NotConfigured

if TYPE_CHECKING:
    from pathlib import Path

    from aicompute_tui.runtime import Runtime

Build = Callable[..., Any]
Door = Callable[["Session"], int]


class Session:
    """`doors` are what the program can become instead of a command: `console` and `demo`."""

    def __init__(self, argv: Sequence[str], build: Build, doors: Mapping[str, Door]) -> None:
        self.argv = argv
        self.build = build
        self.doors = doors
        self.environment: dict[str, str] = dict(os.environ)
        self.env_file: Path | None = None
        self.read_only = False
        self.debug = False
        self.door_options: dict[str, Any] = {}

    def runtime(self) -> Runtime:
        """A runtime for this call, its log begun. Raises InvalidInput, NotConfigured for bad configuration."""
        flags = {"read_only": "true"} if self.read_only else {}
        runtime: Runtime = self.build(environment=self.environment, env_file=self.env_file, flags=flags)
        runtime.start_log("cli", debug=self.debug)
        return runtime

    def enter(self, name: str) -> int:
        """Becomes the console, the demo …"""
        door = self.doors.get(name)
        if door is None:
            raise NotConfigured(f"This installation has no “{name}”.", "Install aic-tui again.")
        return door(self)

    @property
    def wants_json(self) -> bool:
        """Also where the arguments could not be understood."""
        words = list(self.argv)
        for position, word in enumerate(words):
            following = words[position + 1] if position + 1 < len(words) else ""
            if word in ("-ojson", "--output=json") or (word in ("-o", "--output") and following == "json"):
                return True
        return False

    @property
    def can_ask(self) -> bool:
        """A person sits at both ends."""
        return sys.stdin.isatty() and sys.stderr.isatty()


def home_folder(text: str) -> str:
    """Raises InvalidInput where there is a file of that name."""
    from pathlib import Path

    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise InvalidInput(f"{path} is not a folder.", "Give a folder for --home.")
    return str(path)
