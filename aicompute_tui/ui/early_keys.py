"""Keys typed faster than a line or a dialog opens: they belong to it, never to the table behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.widgets import Input

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp


def hand_over(app: ConsoleApp, event: events.Key) -> None:
    """Gives a key that came up to the app to the line it was meant for."""
    early = getattr(app.screen, "take_early", None)
    if isinstance(app.focused, Input):
        # An input keeps its letters: one that comes up to here was on its way when the input got the focus.
        if event.is_printable and event.character:
            app.focused.insert_text_at_cursor(event.character)
            event.prevent_default()
    elif early is not None and app.focused is None and event.key != "escape":
        early(event)
        event.prevent_default()
