"""Where a person is in the console: the views standing on each other, and the way back to where they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from aicompute_tui.domain.json import Json
from aicompute_tui.ui import dispatch
from aicompute_tui.ui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_REMEMBERED = 100


class Place(NamedTuple):
    """A view by the action that fills it, and what it was opened with."""

    action_id: str
    arguments: Mapping[str, Json] = {}


Trail = tuple[Place, ...]
"""Places from home up to the view in front."""


class ViewStack:
    """Home is at the bottom; `[` and `]` go through the trails walked before."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app
        self._trail: Trail = (Place(dispatch.HOME),)
        self._walked: list[Trail] = [self._trail]
        self._at = 0

    @property
    def front(self) -> ConsoleScreen | None:
        """The topmost view, also below a dialog."""
        screens = reversed(self._app.screen_stack)
        return next((screen for screen in screens if isinstance(screen, ConsoleScreen)), None)

    def open(self, place: Place) -> None:
        """Goes to a view of its own; what stood over home is left."""
        home = Place(dispatch.HOME)
        self._show((home,) if place.action_id == dispatch.HOME else (home, place))
        self._remember()

    def enter(self, place: Place) -> None:
        """Opens a view over the one in front, which `esc` leads back to."""
        if self._trail[-1] != place:
            self._show((*self._trail, place))
            self._remember()

    def back(self) -> None:
        """One view down; at home nothing. What stands over the trail, as a comparison does, is left first."""
        if len(self._app.screen_stack) > len(self._trail):
            self._app.pop_screen()
        elif len(self._trail) > 1:
            self._show(self._trail[:-1])
            self._remember()

    def home(self) -> None:
        self._show(self._trail[:1])
        self._remember()

    def step(self, by: int) -> None:
        """Through the history: -1 to the view before, 1 to the one left with it."""
        if 0 <= self._at + by < len(self._walked):
            self._at += by
            self._show(self._walked[self._at])

    def _show(self, trail: Trail) -> None:
        """Leaves what is not on the way to `trail` and builds the rest of it."""
        kept = 0
        for held, wanted in zip(self._trail, trail, strict=False):
            if held != wanted:
                break
            kept += 1
        while len(self._app.screen_stack) > kept:
            self._app.pop_screen()
        self._trail = trail
        for place in trail[kept:]:
            self._app.push_screen(dispatch.make_screen(place.action_id, self._app.session, place.arguments))

    def _remember(self) -> None:
        if self._trail != self._walked[self._at]:
            del self._walked[self._at + 1 :]
            self._walked = [*self._walked[-_REMEMBERED:], self._trail]
            self._at = len(self._walked) - 1
