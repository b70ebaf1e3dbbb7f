"""Starts the product with a clock that tests move: the offset in seconds stands in a file.

python tests/entry.py CLOCK_FILE [--program-version V] [WORD …]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

_LOOK_SECONDS = 0.02


class FileClock:
    """The machine's time plus the seconds that stand in a file; an absent or empty file is no offset."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._offset())

    async def sleep(self, seconds: float) -> None:
        """Until the clock says so, however it gets there."""
        until = self.now() + timedelta(seconds=seconds)
        while (left := (until - self.now()).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LOOK_SECONDS))

    def move(self, seconds: float) -> None:
        """Moves every process that follows this file, in one step."""
        draft = self.path.with_name(f".{self.path.name}.draft")
        draft.write_text(repr(self._offset() + seconds), encoding="ascii")
        draft.replace(self.path)

    def _offset(self) -> float:
        try:
            text = self.path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return 0.0
        return float(text) if text else 0.0


def command(clock: Path, program_version: str | None = None) -> list[str]:
    """The words that start the product with that clock, in this or another process."""
    version = [] if program_version is None else ["--program-version", program_version]
    return [sys.executable, str(Path(__file__).resolve()), str(clock.absolute()), *version]


def main(words: Sequence[str]) -> int:
    clock, rest = Path(words[0]).absolute(), list(words[1:])
    program_version = None
    if rest[:1] == ["--program-version"]:
        import aicompute_tui

        program_version = rest[1]
        aicompute_tui.__version__ = program_version
        rest = rest[2:]
    from aicompute_tui.__main__ import main as product
    from aicompute_tui.runtime import build

    agent_command = [*command(clock, program_version), "agent"]
    return product(rest, build=partial(build, clock=FileClock(clock), agent_command=agent_command))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
