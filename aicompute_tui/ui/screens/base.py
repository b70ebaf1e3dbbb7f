"""What every view shares: header, body, jobs line, footer, its keys, and what a change of the store means to it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen

from aicompute_tui.actions.model import Scope
from aicompute_tui.ui.bindings import screen_bindings
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A view. `SCOPES` name the actions it binds, `HINTS` the commands of its footer by id."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ("global",)
    HINTS: ClassVar[tuple[str, ...]] = ()
    CRUMBS: ClassVar[tuple[str, ...]] = ()
    """The breadcrumb; override `crumbs` where it depends on what is open."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._bindings = screen_bindings(self.SCOPES, read_only=session.read_only)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return self.CRUMBS

    def compose_body(self) -> ComposeResult:
        """The view itself; header, jobs line and footer stand around it."""
        yield from ()

    def selected_ids(self) -> list[str]:
        """Rows an action would take: the marked ones, else the one under the cursor."""
        return []

    def state_changed(self, change: StateChange) -> None:
        """Called on the visible screen only; `on_screen_resume` is where a hidden one catches up."""

    def tick(self) -> None:
        """Called at most once a second on the visible screen: repaint texts that time alone has changed."""

    def apply_filter(self, text: str) -> None:
        """Narrows what is shown; an empty text shows all."""
