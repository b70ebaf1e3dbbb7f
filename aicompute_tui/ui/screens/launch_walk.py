"""Walking through the launch wizard: its steps, the way on and back, and what each offers while it is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.containers import Container
from textual.widget import Widget

from aicompute_tui.actions.model import Scope
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import launch_draft
from aicompute_tui.ui.bindings import FOCUS_BINDINGS, navigation_bindings
from aicompute_tui.ui.launch_draft import BY_NUMBER, NUMBERS, SIDE_VIEWS, Draft
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.launch_hints import launch_hints
from aicompute_tui.ui.launch_views import STEPS, Step
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.footer_line import Hint
from aicompute_tui.ui.widgets.launch_list import ListStep, StepRefused
from aicompute_tui.ui.widgets.launch_progress import ProgressStep
from aicompute_tui.ui.widgets.launch_review import ReviewStep
from aicompute_tui.ui.widgets.launch_step_line import StepLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class LaunchWalk(ConsoleScreen):
    """Shows one view of the wizard at a time and keeps the others as they were left."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ()
    HINTS: ClassVar[tuple[str, ...]] = ()
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("wizard",)
    AUTO_FOCUS = ""
    CSS_PATH = STYLES / "launch.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-medium"), (110, "-wide")]  # noqa: RUF012

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall"), (30, "-high")]
        own = navigation_bindings("wizard", read_only=session.read_only)
        self._bindings = BindingsMap([*navigation_bindings("screen"), *own, *FOCUS_BINDINGS])
        left = launch_draft.left_in(session)
        self.form = left.form if left is not None else LaunchForm()
        self._view = left.view if left is not None else launch_draft.REGION
        self._line = StepLine(session.glyphs.more)
        self._steps: dict[str, Widget] = {}
        self._had_agent = session.agent_state == "on"

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Launch", self._view.capitalize())

    def compose_body(self) -> ComposeResult:
        yield self._line
        yield Container(id="launch")

    @property
    def step(self) -> Widget:
        return self._steps[self._view]

    @property
    def active_table(self) -> VirtualTable[object] | None:
        """The list of the step shown."""
        step = self._steps.get(self._view)
        return cast("VirtualTable[object]", step.table) if isinstance(step, ListStep) else None

    async def _go(self, view: str) -> None:
        """Shows a view; it is made when it is first asked for."""
        if self.filter_text:
            self._filter("")
        if self._filter_line is not None:
            self._filter_line.close()
        self._view = view
        if view not in self._steps:
            made = STEPS[view](self.session, id=view)
            self._steps[view] = made
            await self.query_one("#launch").mount(made)
        for name, step in self._steps.items():
            step.display = name == view
        shown = cast("Step", self.step)
        shown.show(self.form)
        shown.focus_first()
        self._keep()
        self._line.show_steps(self.form, NUMBERS[view])
        self.refresh_frame()

    def _keep(self) -> None:
        if self._view != launch_draft.PROGRESS:
            launch_draft.leave(self.session, Draft(self.form, self._view))

    @on(StepRefused)
    def tell_refusal(self, event: StepRefused) -> None:
        event.stop()
        self.say(event.sentence, "bad")

    @on(StepLine.Clicked)
    async def go_to_clicked(self, event: StepLine.Clicked) -> None:
        event.stop()
        await self.action_step_to(event.number)

    async def action_step_to(self, number: int) -> None:
        if self._view != launch_draft.PROGRESS:
            await self._go(BY_NUMBER[max(1, min(number, len(BY_NUMBER)))])

    async def action_step_by(self, by: int) -> None:
        await self.action_step_to(NUMBERS[self._view] + by)

    def action_back(self) -> None:
        """Leaves the filter, then a step back, then the wizard."""
        if self.filter_text:
            self._filter("")
        elif self._view in (launch_draft.REGION, launch_draft.PROGRESS):
            self.console.go_back()
        else:
            before = launch_draft.REGION if self._view in SIDE_VIEWS else BY_NUMBER[NUMBERS[self._view] - 1]
            self.call_next(self._go, before)

    async def action_go_on(self) -> None:
        """Enter on a field that takes no text."""
        if self._view == launch_draft.OPTIONS:
            await self._go(launch_draft.REVIEW)

    async def action_side_view(self, view: str) -> None:
        if NUMBERS[self._view] == 1:
            await self._go(view)

    def action_check_again(self) -> None:
        step = self.step
        if isinstance(step, ReviewStep):
            step.check()
        elif isinstance(step, ListStep):
            step.load()

    def action_turn_to(self, direction: int) -> None:
        """The next field where a form is filled in, the next page of the checks in the review."""
        if isinstance(self.step, ReviewStep):
            self.step.turn_lines(direction)
        else:
            self.focus_next() if direction > 0 else self.focus_previous()

    def action_scroll_checks(self, pages: int) -> None:
        if isinstance(self.step, ReviewStep):
            self.step.turn_page(pages)

    async def action_filter(self) -> None:
        if self.active_table is None:
            self.say("There is no list to narrow in this step.", "dim")
        else:
            await super().action_filter()

    def apply_filter(self, text: str) -> None:
        step = self._steps.get(self._view)
        if isinstance(step, ListStep):
            step.apply_filter(text)

    def copied_text(self) -> tuple[str, str]:
        if isinstance(self.step, ReviewStep):
            return self.step.command, "command line"
        return super().copied_text()

    def refresh_header(self) -> None:
        """Also called when the agent comes or goes: a list that could not be had is asked for again."""
        super().refresh_header()
        has_agent = self.session.agent_state == "on"
        if has_agent and not self._had_agent and self._view in self._steps:
            step = self.step
            if (isinstance(step, ListStep) and step.problem) or (isinstance(step, ReviewStep) and not step.arguments):
                self.action_check_again()
        self._had_agent = has_agent

    def _hints(self) -> Sequence[Hint]:
        return launch_hints(self._view)

    def state_changed(self, change: StateChange) -> None:
        step = self._steps.get(self._view)
        if isinstance(step, ProgressStep) and change:
            step.follow()
