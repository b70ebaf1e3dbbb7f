"""A letter over every part of the view; pressing it goes there."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from aicompute_tui.settings.packaged import STYLES

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_LETTERS = "asdfghjkl" + "".join(letter for letter in ascii_lowercase if letter not in "asdfghjkl")


class JumpScreen(ModalScreen[Widget | None]):
    """Stands over the view, which stays to be seen; any other key, or a click, leaves it."""

    CSS_PATH = STYLES / "jump.tcss"
    AUTO_FOCUS = ""

    def __init__(self, parts: Sequence[Widget]) -> None:
        super().__init__()
        self.parts = dict(zip(_LETTERS, parts, strict=False))

    @classmethod
    def open(cls, app: ConsoleApp) -> None:
        parts = parts_in_sight(app)
        if len(parts) < 2:
            app.say("This view has one part.", "dim")
            return
        view = app.screen

        def go(part: Widget | None) -> None:
            if part is not None and part.is_attached:
                view.set_focus(part)

        app.push_screen(cls(parts), go)

    def compose(self) -> ComposeResult:
        for letter, part in self.parts.items():
            label = Static(f" {letter} ", classes="jump-letter", markup=False)
            x = min(max(0, part.region.x), max(0, self.app.size.width - 3))
            label.styles.offset = (x, part.region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(self.parts.get(event.key))

    def on_click(self) -> None:
        self.dismiss(None)

    def on_resize(self, event: events.Resize) -> None:
        """The parts stand elsewhere then."""
        if self.is_mounted and event.size != self._opened_at:
            self.dismiss(None)

    def on_mount(self) -> None:
        self._opened_at = self.app.size


def parts_in_sight(app: ConsoleApp) -> list[Widget]:
    """What can have the focus and stands on the screen, from the top down."""
    screen = app.screen.region
    found = [part for part in app.screen.focus_chain if part.region and screen.overlaps(part.region)]
    return sorted(found, key=lambda part: (part.region.y, part.region.x))
