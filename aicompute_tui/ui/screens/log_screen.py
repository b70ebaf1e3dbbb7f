"""What every view with a log shares: its keys, its stream while it is looked at, copying and saving."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from textual.binding import BindingsMap

from aicompute_tui.domain.errors import AicError, Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.bindings import navigation_bindings
from aicompute_tui.ui.navigation import Command
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.log_part import LogPart

_LINES_AT_ONCE = 5_000


class LogScreen(ConsoleScreen):
    """Its log streams while the view is on top, and no longer."""

    def __init__(self, session: Session, log_part: LogPart) -> None:
        super().__init__(session)
        self.log_part = log_part
        self._bindings = BindingsMap.merge([self._bindings, BindingsMap(navigation_bindings("log-page"))])

    @property
    def file_name(self) -> str:
        """What a file of its lines is called, without its time."""
        raise NotImplementedError

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self.log_part.what_was_asked(arguments)

    def on_screen_resume(self) -> None:
        self.log_part.start()

    def on_screen_suspend(self) -> None:
        self.log_part.stop()

    def on_unmount(self) -> None:
        self.log_part.stop()

    def tick(self) -> None:
        self.log_part.view.take_zone()

    def hint_word(self, command: Command) -> str:
        return "search" if command.id == "go.filter" else super().hint_word(command)

    async def action_filter(self) -> None:
        self.log_part.open_entry(search=True)

    def action_log_filter(self) -> None:
        self.log_part.open_entry(search=False)

    def action_back(self) -> None:
        if not self.log_part.clear_one():
            super().action_back()

    @property
    def log_has_focus(self) -> bool:
        return self.focused is self.log_part.view

    def copied_text(self) -> tuple[str, str]:
        return self.log_part.view.current_line, "line"

    def action_log_copy_view(self) -> None:
        from aicompute_tui.ui.clipboard import copy

        copy(self.console, self.log_part.view.visible_text, "lines in view")

    # -- saving

    def action_log_save(self) -> None:
        if self.log_part.view.row_count == 0:
            self.say("There is no line to save.", "dim")
        else:
            self.console.work_on(self._save())

    async def _save(self) -> None:
        from aicompute_tui.ui.screens.prompt import PromptDialog

        now = self.session.now().strftime("%Y%m%d-%H%M%S")
        count = self.log_part.view.row_count
        answer = await self.console.push_screen_wait(
            PromptDialog(
                f"Save {count:,} lines where?", value=f"~/{self.file_name}-{now}.log", verb="Save", rule=_wrong_path
            )
        )
        if answer is None:
            return
        lines = list(self.log_part.view.lines())
        path = await asyncio.to_thread(_write, answer, lines)
        self.say(f"Saved {len(lines):,} lines to {path}.", "good")


def _wrong_path(text: str) -> str | None:
    """Why nothing can be written there; None where it can be tried."""
    path = Path(text).expanduser()
    if not text.strip():
        return "Name a file."
    if path.exists():
        return f"{path} exists already: name another file."
    return None if path.parent.is_dir() else f"There is no folder {path.parent}."


def _write(wanted: str, lines: list[str]) -> Path:
    """A file for its owner alone. Raises Refused where it cannot be written."""
    path = Path(wanted).expanduser().absolute()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            for place in range(0, len(lines), _LINES_AT_ONCE):
                file.write("\n".join(lines[place : place + _LINES_AT_ONCE]) + "\n")
    except OSError as error:
        problem: AicError = Refused(f"{path} cannot be written: {error.strerror}.", "Name another file: S")
        raise problem from error
    return path
