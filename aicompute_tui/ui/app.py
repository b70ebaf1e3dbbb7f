"""The console: one stack of views over one session, its look, and what happens when something breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import PurePath
from typing import Any, ClassVar

from textual import events
from textual.app import App
from textual.binding import BindingsMap, BindingType
from textual.css.query import NoMatches
from textual.notifications import SeverityLevel
from textual.reactive import Reactive
from textual.screen import Screen, ScreenResultType
from textual.theme import Theme

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import dispatch, movements
from aicompute_tui.ui.ascii_filter import AsciiFilter
from aicompute_tui.ui.bindings import navigation_bindings
from aicompute_tui.ui.control_filter import ControlFilter
from aicompute_tui.ui.early_keys import hand_over
from aicompute_tui.ui.key_order import KeyOrder
from aicompute_tui.ui.navigation import NAVIGATION
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.screens.dashboard import DashboardScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.signals import end_on_signals
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.themes import DARK, LIGHT, theme_for
from aicompute_tui.ui.view_stack import Place, ViewStack
from aicompute_tui.ui.widgets.columns import Tone

log = logging.getLogger(__name__)
_TONES: Mapping[SeverityLevel, Tone] = {"information": "", "warning": "warn", "error": "bad"}


class ConsoleApp(App[int], inherit_bindings=False):
    """Home is at the bottom of the stack; every other view stands on it."""

    TITLE = "aic-tui"
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar[list[str | PurePath]] = [STYLES / "console.tcss", STYLES / "dashboard.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = []
    theme: Reactive[str] = Reactive(DARK.name)
    """Ours from the start: a theme set later has every style parsed again."""

    def __init__(self, session: Session, *, theme: str = "", environment: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.session = session
        self.environment = environment or {}
        wanted = theme_for(theme, self.available_themes, self.environment)
        if wanted != self.theme:
            self.theme = wanted
        self._bindings = BindingsMap(navigation_bindings("app"))
        self._filters.append(ControlFilter())
        if not session.glyphs.unicode:
            self._filters.append(AsciiFilter())
        self.views = ViewStack(self)
        self._minute = self._this_minute()
        self.has_failed = False
        self._has_offered = False
        self._key_order = KeyOrder(self, super().on_event)

    @property
    def available_themes(self) -> dict[str, Theme]:
        return {**super().available_themes, DARK.name: DARK, LIGHT.name: LIGHT}

    def get_default_screen(self) -> Screen[None]:
        return DashboardScreen(self.session)

    def on_mount(self) -> None:
        end_on_signals(self.exit)
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
        return self.views.front

    def take_change(self, change: StateChange) -> None:
        """A new reading of the store."""
        if (view := self._standing_view) is not None:
            view.take_change(change)

    @property
    def _standing_view(self) -> ConsoleScreen | None:
        """The one in front; none before it stands, and none once the console closes: its parts lose their styles."""
        view = self.view
        return view if view is not None and view.is_mounted and self.is_running else None

    def take_agent(self) -> None:
        """The agent came or went; why there is none is said once."""
        if (view := self._standing_view) is not None:
            view.refresh_header()
            if self.session.agent_state == "off":
                self.say(self.session.agent_problem, "warn")
        if self.session.agent_state == "on" and not self._has_offered:
            self._has_offered = True
            self._offer_connections()

    def _offer_connections(self) -> None:
        """At a first start: what answers prompts here already, by what is found on this machine."""
        session = self.session
        if not session.state.connections and not session.read_only:
            from aicompute_tui.ui.connection_finding import offer

            self.run_worker(offer(self, session), group="offer", exit_on_error=False)

    def _tick(self) -> None:
        minute = self._this_minute()
        if minute != self._minute:
            self._minute = minute
            if (view := self._standing_view) is not None:
                view.pass_minute()

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
        self.views.open(Place(action_id, arguments or {}))

    def go_home(self) -> None:
        self.views.home()

    def go_back(self) -> None:
        """One view down; at home nothing."""
        self.views.back()

    def await_launch(self, job_id: str) -> None:
        """Home's cursor goes to what that job launches."""
        home = self.screen_stack[0]
        if isinstance(home, DashboardScreen):
            home.await_launch(job_id)

    def show_detail(self, reference: str) -> None:
        record = dispatch.find_record(self.session, reference)
        row_id = str(record["id"]) if record and record.get("id") else reference
        self.views.enter(Place("instance.show", {"name": row_id}))

    def show_json(self, title: str, value: Json) -> None:
        from aicompute_tui.ui.screens.json_view import JsonScreen

        self.push_screen(JsonScreen(self.session, title, value))

    def clear_marks(self) -> None:
        if self.view is not None:
            self.view.unmark_all()

    @property
    def key_read_at(self) -> float | None:
        """When the key that is being dealt with was read, on the monotonic clock: it may have waited since."""
        return self._key_order.read_at

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self._key_order.take(event)
        else:
            await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        hand_over(self, event)

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

    async def run_navigation(self, navigation_id: str, words: str = "") -> None:
        """A movement asked for by word, and what followed it."""
        entry = NAVIGATION[navigation_id]
        if entry.takes and words and self.view is not None:
            getattr(self.view, f"action_{entry.method}")(words)
        elif entry.place == "app":
            self.action_navigate(navigation_id)
        else:
            await self.run_action(entry.method, default_namespace=self.view)

    def action_perform(self, action_id: str) -> None:
        self.perform(action_id, self.view.selected_ids() if self.view is not None else [])

    def action_navigate(self, navigation_id: str) -> None:
        getattr(movements, NAVIGATION[navigation_id].method)(self)

    async def push_screen_wait(
        self, screen: Screen[ScreenResultType] | str, *, mode: str | None = None
    ) -> ScreenResultType | Any:
        """Textual's, but a worker that is cancelled before the dialog stands takes along nothing it waits for.

        That may be a view that is being left, without whose end the whole console would end.
        """
        await asyncio.shield(self._flush_next_callbacks())
        return await asyncio.shield(self.push_screen(screen, wait_for_dismiss=True, mode=mode))

    # -- ends

    def _handle_exception(self, error: Exception) -> None:
        """The last boundary: the log keeps the details, the person gets one sentence after the terminal is restored.

        Who leaves while a view opens takes its parts away: what looks for them then has no more to do.
        """
        if self._exit and isinstance(error, NoMatches):
            log.debug("a part of the console was gone as it ended", exc_info=error)
            return
        if self.is_headless:
            super()._handle_exception(error)
            return
        log.error("the console failed", exc_info=error)
        self.has_failed = True
        self.exit(1, return_code=1)
