"""Plays the script by which the product reads a machine's logs: where it begins, what it says besides, what follows."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aicompute_tui.demo.nodes.box import Box
from aicompute_tui.demo.nodes.commands import FILES, LogRequest, since_moment
from aicompute_tui.demo.nodes.journal import Journal
from aicompute_tui.domain.framework import CONTAINER_NAME

_SETTING = re.compile(r"([a-z]+)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LogScript:
    """The settings at its head."""

    settings: Mapping[str, str]
    is_journal: bool

    @classmethod
    def of(cls, command: str) -> LogScript | None:
        """None for any other command."""
        if not command.startswith("self="):
            return None
        lexer = shlex.shlex(command, posix=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        whole = (lexer.get_token() or "").removeprefix("self=")
        inner = shlex.shlex(whole, posix=True)
        inner.whitespace_split, inner.commenters = True, ""
        settings: dict[str, str] = {}
        while (word := inner.get_token()) is not None and (found := _SETTING.fullmatch(word)) is not None:
            settings[found[1]] = found[2]
        return cls(settings, "exec journalctl" in whole) if "token" in settings else None

    async def texts(self, box: Box, now: float) -> AsyncIterator[str]:
        """What goes to standard output, as it comes."""
        if "file" in self.settings:
            parts = self._file(box)
        elif self.is_journal:
            parts = self._dated(box.journals["node"], "node", now)
        else:
            parts = self._framework(box, now)
        async for part in parts:
            yield part

    def _say(self, text: str) -> str:
        return f"{self.settings['token']}{text}\n"

    @property
    def _follows(self) -> bool:
        return bool(self.settings.get("follow"))

    async def _file(self, box: Box) -> AsyncIterator[str]:
        path = self.settings["file"]
        source = FILES.get(path)
        journal = box.journals[source] if source else Journal()
        if not journal.last(1):
            yield self._say(f"note {path} is not there yet.")
            if not self._follows:
                return
        await journal.begun()
        lines = [entry.text for entry in journal.last(None)]
        start, state = self._start(lines, str(int(box.booted_at)))
        yield self._say(f"file {int(box.booted_at)} {start} {state}")
        yield "".join(f"{line}\n" for line in lines).encode()[start:].decode(errors="replace")
        if self._follows:
            async for entries in journal.follow(0):
                yield "".join(f"{entry.text}\n" for entry in entries)

    def _start(self, lines: list[str], inode: str) -> tuple[int, str]:
        """The byte to begin at, and how that stands to what was read before."""
        size = sum(len(line.encode()) + 1 for line in lines)
        if not self.settings.get("inode"):
            wanted = int(self.settings["lines"])
            skipped = lines[: max(0, len(lines) - wanted)]
            return sum(len(line.encode()) + 1 for line in skipped), "first"
        if self.settings["inode"] != inode:
            return 0, "rotated"
        offset = int(self.settings["offset"])
        return (offset, "same") if offset <= size else (0, "truncated")

    async def _framework(self, box: Box, now: float) -> AsyncIterator[str]:
        journal = box.journals["framework"]
        if not journal.last(1):
            yield self._say("log")
            yield self._say(f"note There is no container {CONTAINER_NAME} yet.")
            if not self._follows:
                return
        await journal.begun()
        async for part in self._dated(journal, "framework", now):
            yield part

    async def _dated(self, journal: Journal, source: str, now: float) -> AsyncIterator[str]:
        yield self._say("log")
        lines = self.settings["lines"]
        request = LogRequest(
            source=source,
            tail=None if lines == "all" else int(lines),
            since=since_moment(self.settings.get("since"), now),
            follow=self._follows,
            stamped=source == "framework",
        )
        async for batch in request.lines(journal):
            yield "".join(f"{line}\n" for line in batch)
