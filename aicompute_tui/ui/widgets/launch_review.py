"""The last step before a launch: what it is, what it costs, what ends it, every check, and the command that does it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.launch_command import command_line, pinned
from aicompute_tui.ui.launch_form import LaunchForm, button_text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.form_fields import Answer
from aicompute_tui.ui.widgets.launch_summary import LaunchSummary

_HOLDS = timedelta(minutes=10)
"""How long a price that was read is one to launch at."""


class ReviewStep(Vertical):
    """Asks for the checks of one form; only that form, checked and priced, is ever launched."""

    class Agreed(Message):
        """Launch this."""

        def __init__(self, form: LaunchForm, arguments: JsonObject) -> None:
            super().__init__()
            self.form = form
            self.arguments = arguments

    def __init__(self, session: Session, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, classes="launch-step")
        self.session = session
        self.form = LaunchForm()
        self.arguments: JsonObject = {}
        """What would be handed over; empty until the checks of the form have ended."""
        self._price: float | None = None
        self._can_launch = False
        self._checked_at: datetime | None = None
        self._is_handed_over = False
        self._refusal = ""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="launch-checks", can_focus=False):
            yield LaunchSummary(self.session, id="launch-summary")
        yield Static("", id="launch-message", markup=False)
        yield Answer(button_text(self.form, None), id="launch-button")

    @property
    def summary(self) -> LaunchSummary:
        return self.query_one(LaunchSummary)

    @property
    def command(self) -> str:
        """The command line that launches the same."""
        return command_line(ACTIONS["instance.launch"], self.arguments or self.form.arguments())

    def show(self, form: LaunchForm) -> None:
        """Checks anew each time: a price seen a while ago is not one to launch at."""
        self._is_handed_over = False
        self.form = form
        self.check()

    def focus_first(self) -> None:
        self.query_one("#launch-button").focus()

    def check(self) -> None:
        """Anew: what was found before no longer counts."""
        self.arguments, self._can_launch, self._price, self._refusal = {}, False, None, ""
        problems = self.form.problems()
        self.summary.begin_checking() if not problems else self.summary.show_problems(problems)
        if not problems:
            self._check(self.form)
        self._say()

    @work(group="preflight", exclusive=True, exit_on_error=False)
    async def _check(self, form: LaunchForm) -> None:
        try:
            answer = await self.session.query("instance.preflight", form.arguments())
        except AicError as error:
            self._refusal = ""
            self.summary.show_error(error)
            self._say()
            return
        if isinstance(answer, dict) and form == self.form:
            price = answer.get("price_usd_per_hour")
            self._price = float(price) if isinstance(price, (int, float)) else None
            self._can_launch, self._checked_at = answer.get("can_launch") is True, self.session.now()
            self.arguments = pinned(form, answer)
            self._refusal = ""
            self.summary.show(answer, self.command)
        self._say()

    def _say(self) -> None:
        button = self.query_one("#launch-button", Answer)
        button.say(button_text(self.form, self._price))
        button.set_class(not self._can_launch, "-refused")
        line = self.query_one("#launch-message", Static)
        line.update(Text(self._refusal))
        line.display = bool(self._refusal)

    def refuse(self, sentence: str) -> None:
        """The launch is not begun, or was not accepted; it can be asked for again."""
        self._refusal, self._is_handed_over = sentence, False
        self._say()

    def turn_page(self, pages: int) -> None:
        self.turn_lines(pages * max(1, self.query_one("#launch-checks").size.height - 2))

    def turn_lines(self, lines: int) -> None:
        self.query_one("#launch-checks", VerticalScroll).scroll_relative(y=lines, animate=False)

    @on(Answer.Pressed, "#launch-button")
    def press(self, event: Answer.Pressed) -> None:
        event.stop()
        self.agree()

    def agree(self) -> None:
        """Launches what was checked and priced here, once."""
        problems = self.form.problems()
        if self._is_handed_over:
            return
        if problems:
            self.refuse(next(iter(problems.values())))
        elif not self.summary.is_current:
            self.refuse("The checks are still running. Wait for the price, then press again.")
        elif not self._can_launch:
            self.refuse(_why_not(self.summary.answer))
        elif self._checked_at is None or self.session.now() - self._checked_at > _HOLDS:
            self.check()
            self.refuse("The price was read a while ago and is asked for anew. Press again when it stands.")
        else:
            self._is_handed_over = True
            self.post_message(self.Agreed(self.form, self.arguments))


def _why_not(answer: Mapping[str, object] | None) -> str:
    if answer is None:
        return "The checks did not end. ctrl+r checks again."
    return "A check refuses this launch. Mend what stands at ✕, then check again with ctrl+r."
