"""The palette behind ctrl+p: every action and movement, found by any of its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.widgets import Input

from aicompute_tui.actions.model import Action
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.bindings import key_text, keys_of
from aicompute_tui.ui.navigation import Command, Navigation, commands
from aicompute_tui.ui.widgets.command_line import perform_on_selection

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_NOT_OFFERED = frozenset({"go.palette", "go.sort", "go.open", "go.mark", "go.back", "go.stop"})
"""Movements that mean something only where the cursor is."""
_LONGEST_QUERY = 200


class ActionProvider(Provider):
    """Hits over the registry; a read-only console is offered nothing that changes something."""

    async def discover(self) -> Hits:
        for command in self._offered():
            yield DiscoveryHit(
                display=label(command), command=self._carry_out(command), text=command.title, help=command.help
            )

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._offered():
            told = label(command)
            score = max(matcher.match(told), *(matcher.match(word) for word in (command.id, command.help)))
            if score > 0:
                yield Hit(score, matcher.highlight(told), self._carry_out(command), text=told, help=command.help)

    @property
    def _console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def _offered(self) -> Iterator[Command]:
        return offered(read_only=self._console.session.read_only)

    def _carry_out(self, command: Command) -> Callable[[], object]:
        if isinstance(command, Action):
            return partial(perform_on_selection, self._console, command, {})
        return partial(self._console.run_navigation, command.id)


def offered(*, read_only: bool) -> Iterator[Command]:
    """Streams have a view of their own; what only the cursor or a log gives a meaning is left to the keys."""
    movements_last = sorted(commands().values(), key=lambda command: not isinstance(command, Action))
    for command in movements_last:
        streams = isinstance(command, Action) and command.streams
        by_focus = isinstance(command, Navigation) and command.place in ("log", "log-page", "machine-log")
        if not (streams or by_focus or command.id in _NOT_OFFERED or (read_only and command.mutates)):
            yield command


def label(command: Command) -> str:
    """`Terminate  t  :terminate`"""
    keys = " ".join(key_text(key) for key in keys_of(command))
    words = f":{command.aliases[0]}" if command.aliases else ""
    title = command.title[:1].upper() + command.title[1:]
    return "  ".join(filter(None, (title, keys, words)))


class Palette(CommandPalette):
    """Textual's palette in this console's look."""

    CSS_PATH = STYLES / "palette.tcss"

    def on_mount(self) -> None:
        # A paste of any size stays out: each letter of it would be looked for in every command.
        self.query_one(Input).max_length = _LONGEST_QUERY


def open_palette(app: ConsoleApp) -> None:
    if not isinstance(app.screen, CommandPalette):
        app.push_screen(Palette(providers=[ActionProvider], placeholder="What do you want to do?"))
