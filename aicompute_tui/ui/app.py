"""The console: one stack of views over one session, its look, and what happens when something breaks."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingsMap, BindingType
from textual.notifications import SeverityLevel
from textual.reactive import Reactive
from textual.screen import Screen
from textual.theme import Theme
from textual.widgets import Input

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import dispatch
from aicompute_tui.ui.ascii_filter import AsciiFilter
from aicompute_tui.ui.bindings import navigation_bindings
from aicompute_tui.ui.navigation import NAVIGATION
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.screens.instances import InstancesScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.themes import DARK, LIGHT, theme_for
from aicompute_tui.ui.widgets.columns import Tone

log = logging.getLogger(__name__)
_TONES: Mapping[SeverityLevel, Tone] = {"information": "", "warning": "warn", "error": "bad"}


class ConsoleApp(App[int], inherit_bindings=False):
    """Home is at the bottom of the stack; every other view stands on it."""

    TITLE = "aic-tui"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str | PurePath]] = [STYLES / "console.tcss", STYLES / "instances.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = []
    theme: Reactive[str] = Reactive(DARK.name)
    """Ours from the start: a theme set later has every style parsed again."""

    def __init__(self, session: Session, *, theme: str = "", environment: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.session = session
        wanted = theme_for(theme, self.available_themes, environment or {})
        if wanted != self.theme:
            self.theme = wanted
        self._bindings = BindingsMap(
            [
                *navigation_bindings("app"),
                Binding("ctrl+c", "copy_or_leave", "copy or quit", show=False, priority=True, id="go.stop"),
            ]
        )
        if not session.glyphs.unicode:
            self._filters.append(AsciiFilter())
        self._views: list[str] = [dispatch.HOME]
        self._view_at = 0
        self._minute = self._this_minute()
        self.has_failed = False

    @property
    def available_themes(self) -> dict[str, Theme]:
        return {**super().available_themes, DARK.name: DARK, LIGHT.name: LIGHT}

    def get_default_screen(self) -> Screen[None]:
        return InstancesScreen(self.session)

    def on_mount(self) -> None:
        self._handle_signals()
        self.session.on_change = self.take_change
        self.session.on_agent = self.take_agent
        self.session.on_warning = lambda text: self.say(text, "warn")
        self._ticker = self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first paint: everything that is slow to import or to reach."""
        self.run_worker(self.session.start(), group="session", exit_on_error=False)

    async def on_unmount(self) -> None:
        await self.session.aclose()

    # -- news

    @property
    def view(self) -> ConsoleScreen | None:
        """The topmost view, also below a dialog."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, ConsoleScreen)), None)

    def take_change(self, change: StateChange) -> None:
        """A new reading of the store."""
        view = self.view
        if view is not None and view.is_mounted:
            view.take_change(change)

    def take_agent(self) -> None:
        """The agent came or went; why there is none is said once."""
        if self.view is not None:
            self.view.refresh_header()
            if self.session.agent_state == "off":
                self.say(self.session.agent_problem, "warn")

    def _tick(self) -> None:
        minute = self._this_minute()
        if minute != self._minute:
            self._minute = minute
            if self.view is not None:
                self.view.pass_minute()

    def _this_minute(self) -> int:
        return int(self.session.now().timestamp() // 60)

    def say(self, text: str, tone: Tone = "", *, next_step: str = "") -> None:
        """One sentence in the jobs line."""
        if self.view is not None:
            self.view.say(text, tone, next_step=next_step)

    def notify(
        self,
        message: str,
        *,
        title: str = "",  # noqa: ARG002
        severity: SeverityLevel = "information",
        timeout: float | None = None,  # noqa: ARG002
        markup: bool = True,  # noqa: ARG002
    ) -> None:
        self.say(message, _TONES[severity])

    # -- views

    def open_view(self, action_id: str, arguments: Mapping[str, Json] | None = None) -> None:
        """Goes to a view; the way back to it is `[`."""
        if self._views[self._view_at] != action_id:
            del self._views[self._view_at + 1 :]
            self._views.append(action_id)
            self._view_at += 1
        self._show_view(action_id, arguments or {})

    def _show_view(self, action_id: str, arguments: Mapping[str, Json]) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if action_id != dispatch.HOME:
            self.push_screen(dispatch.make_screen(action_id, self.session, arguments))

    def action_history(self, by: int) -> None:
        place = self._view_at + by
        if 0 <= place < len(self._views):
            self._view_at = place
            self._show_view(self._views[place], {})

    def go_home(self) -> None:
        while len(self.screen_stack) > 1:
            self.go_back()

    def await_launch(self, job_id: str) -> None:
        """Home's cursor goes to what that job launches."""
        home = self.screen_stack[0]
        if isinstance(home, InstancesScreen):
            home.await_launch(job_id)

    def go_back(self) -> None:
        """One view down; at home nothing."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        if len(self.screen_stack) == 1 and self._views[self._view_at] != dispatch.HOME:
            self._views.append(dispatch.HOME)
            self._view_at = len(self._views) - 1

    def show_detail(self, reference: str) -> None:
        from aicompute_tui.ui.screens.detail import DetailScreen

        record = dispatch.find_record(self.session, reference)
        self.push_screen(DetailScreen(self.session, str(record["id"]) if record and record.get("id") else reference))

    def show_json(self, title: str, value: Json) -> None:
        from aicompute_tui.ui.screens.json_view import JsonScreen

        self.push_screen(JsonScreen(self.session, title, value))

    def clear_marks(self) -> None:
        from aicompute_tui.ui.widgets.virtual_table import VirtualTable

        if self.view is not None:
            for table in self.view.query(VirtualTable).results():
                table.unmark_all()

    def on_key(self, event: events.Key) -> None:
        """Keys typed faster than a line opens belong to that line, never to the table behind it."""
        early = getattr(self.screen, "take_early", None)
        if isinstance(self.focused, Input):
            # An input keeps its letters: one that comes up to here was on its way when the input got the focus.
            if event.is_printable and event.character:
                self.focused.insert_text_at_cursor(event.character)
                event.prevent_default()
        elif early is not None and self.focused is None and event.key != "escape":
            early(event)
            event.prevent_default()

    # -- actions

    def perform(self, action_id: str, row_ids: Sequence[str], arguments: Mapping[str, Json] | None = None) -> None:
        """Begins an action: it asks first, opens a view, or goes on beside the keys."""
        dispatch.perform(self, self.session, ACTIONS[action_id], row_ids, arguments or {})

    def work_on(self, work: Coroutine[None, None, None]) -> None:
        """Carries an action on beside the keys; a failure is said in one sentence."""
        self.run_worker(self._said(work), group="actions", exit_on_error=True)

    async def _said(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)

    async def run_navigation(self, navigation_id: str) -> None:
        """A movement asked for by word."""
        entry = NAVIGATION[navigation_id]
        target = self if entry.place == "app" else self.view
        await self.run_action(entry.method, default_namespace=target)

    def action_perform(self, action_id: str) -> None:
        self.perform(action_id, self.view.selected_ids() if self.view is not None else [])

    def action_command(self) -> None:
        from aicompute_tui.ui.widgets.command_line import CommandLine

        CommandLine.open(self)

    def action_palette(self) -> None:
        from aicompute_tui.ui.palette import open_palette

        open_palette(self)

    def action_help(self) -> None:
        from aicompute_tui.ui.screens.help import HelpScreen

        if self.view is not None:
            self.push_screen(HelpScreen(self.session, self.view))

    def action_toggle_utc(self) -> None:
        self.session.utc = not self.session.utc
        self.say("Times are in UTC." if self.session.utc else "Times are in this machine's zone.", "dim")
        if self.view is not None:
            self.view.tick()

    def action_refresh_now(self) -> None:
        self.run_worker(self._refresh_now(), group="refresh", exclusive=True, exit_on_error=False)

    async def _refresh_now(self) -> None:
        if await self.session.look_now():
            self.say("The agent looks at the clouds now.", "dim")
        else:
            self.say(self.session.agent_problem or "No agent is running.", "warn")

    def action_copy_or_leave(self) -> None:
        selected = self.screen.get_selected_text() or getattr(self.focused, "selected_text", "")
        if selected:
            from aicompute_tui.ui.clipboard import copy

            copy(self, selected, "selection")
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Asks at once, and says what keeps running."""
        from aicompute_tui.ui.leaving import leaving
        from aicompute_tui.ui.screens.confirm import ConfirmDialog

        if isinstance(self.screen, ConfirmDialog):
            return
        question = leaving(self.session.state, self.session.now().timestamp(), self.session.agent_state)
        dialog = ConfirmDialog(question.question, question.lines, question.verb, safe="stay")
        self.push_screen(dialog, lambda yes: self.exit(0) if yes else None)

    # -- ends

    def _handle_signals(self) -> None:
        """A hang-up or a polite kill restores the terminal and ends the console; jobs go on in the agent."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.exit, 128 + number)

    def _handle_exception(self, error: Exception) -> None:
        """The last boundary: the log keeps the details, the person gets one sentence after the terminal is restored."""
        if self.is_headless:
            super()._handle_exception(error)
            return
        log.error("the console failed", exc_info=error)
        self.has_failed = True
        self.exit(1, return_code=1)
