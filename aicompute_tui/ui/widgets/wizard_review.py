"""The last step before the work: what it would be, every check, and the answer that hands over what was checked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Generic, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.command_line import command_line
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.form_fields import Answer
from aicompute_tui.ui.widgets.wizard_summary import WizardSummary
from aicompute_tui.ui.wizard_form import FormT, WizardForm

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_HOLDS = timedelta(minutes=10)
"""How long what was found is something to act on."""
_ONE_PRESS_SECONDS = 0.4
"""Presses closer than this are one key held down: terminals repeat it after 0.25 s to 0.5 s, then at once."""


class ReviewStep(Vertical, Generic[FormT]):
    """Asks for the checks of one form; only that form, checked, is ever handed over."""

    ACTION: ClassVar[str]
    """What is handed over."""
    CHECKS: ClassVar[str]
    """The question that checks it."""
    LET_GO = "Let go of enter; the checks stand now. Press again."
    STILL_RUNNING = "The checks are still running. Wait for them, then press again."
    OLD = "The checks are a while old and run anew. Press again when they stand."
    REFUSED = "A check refuses this. Mend what stands at ✕, then check again with ctrl+r."

    class Agreed(Message):
        """Do this."""

        def __init__(self, form: WizardForm, arguments: JsonObject) -> None:
            super().__init__()
            self.form = form
            self.arguments = arguments

    def __init__(self, session: Session, form: FormT, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, classes="wizard-step")
        self.session = session
        self.form = form
        self.arguments: JsonObject = {}
        """What would be handed over; empty until the checks of the form have ended."""
        self.answer: JsonObject = {}
        """What the checks said of this form; empty until they have."""
        self._checked_at: datetime | None = None
        self._is_handed_over = False
        self._refusal = ""
        self._stands_since = -inf
        """When the end of the checks was shown, like the other two on the monotonic clock."""
        self._told_early_at = -inf
        """When a press that came too early was last told so."""
        self._doubted_at = inf
        """When what speaks against it was told at the last press; infinity where it was not told yet."""

    # -- what a subclass says

    def make_summary(self) -> WizardSummary:
        raise NotImplementedError

    def asked(self, form: FormT) -> JsonObject:
        """What the checks are asked with."""
        raise NotImplementedError

    def button(self) -> str:
        """The verb with what it does."""
        raise NotImplementedError

    def is_allowed(self, answer: Mapping[str, Json]) -> bool:
        raise NotImplementedError

    def doubt(self) -> str:
        """What speaks so much against it that only a second press agrees to it; empty where nothing does."""
        return ""

    def pinned(self, form: FormT, answer: Mapping[str, Json]) -> JsonObject:
        """What was checked, every value fixed."""
        raise NotImplementedError

    # -- showing it

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="wizard-checks", can_focus=False):
            yield self.make_summary()
        yield Static("", id="wizard-message", markup=False)
        yield Answer(self.button(), id="wizard-button")

    @property
    def summary(self) -> WizardSummary:
        return self.query_one(WizardSummary)

    @property
    def command(self) -> str:
        """The command line that does the same."""
        return command_line(ACTIONS[self.ACTION], self.arguments or self.asked(self.form))

    @property
    def can_hand_over(self) -> bool:
        return self.is_allowed(self.answer)

    def show(self, form: FormT) -> None:
        """Checks anew each time: what was seen a while ago is not to be relied on."""
        self._is_handed_over = False
        self.form = form
        self.check()

    def focus_first(self) -> None:
        self.query_one("#wizard-button").focus()

    def check(self) -> None:
        """Anew: what was found before no longer counts."""
        self.arguments, self.answer, self._refusal = {}, {}, ""
        self._doubted_at = inf
        problems = self.form.problems()
        self.summary.begin_checking() if not problems else self.summary.show_problems(problems)
        if not problems:
            self._check(self.form)
        self._say()

    @work(group="checks", exclusive=True, exit_on_error=False)
    async def _check(self, form: FormT) -> None:
        try:
            answer = await self.session.query(self.CHECKS, self.asked(form))
        except AicError as error:
            self._refusal = ""
            self.summary.show_error(error)
            self._say()
            return
        if isinstance(answer, dict) and form == self.form:
            self.answer, self._checked_at = answer, self.session.now()
            self.arguments = self.pinned(form, answer)
            self._refusal = ""
            self.summary.show(answer, self.command)
            self._stands_since = monotonic()
        self._say()

    def _say(self) -> None:
        button = self.query_one("#wizard-button", Answer)
        button.say(self.button())
        button.set_class(not self.can_hand_over, "-refused")
        line = self.query_one("#wizard-message", Static)
        line.update(Text(self._refusal))
        line.display = bool(self._refusal)

    def refuse(self, sentence: str) -> None:
        """It is not begun, or was not accepted; it can be asked for again."""
        self._refusal, self._is_handed_over = sentence, False
        self._say()

    def turn_page(self, pages: int) -> None:
        self.turn_lines(pages * max(1, self.query_one("#wizard-checks").size.height - 2))

    def turn_lines(self, lines: int) -> None:
        self.query_one("#wizard-checks", VerticalScroll).scroll_relative(y=lines, animate=False)

    @on(Answer.Pressed, "#wizard-button")
    def press(self, event: Answer.Pressed) -> None:
        event.stop()
        self.agree()

    def agree(self) -> None:
        """Hands over what was checked here, once."""
        problems = self.form.problems()
        if self._is_handed_over:
            return
        if problems:
            self.refuse(next(iter(problems.values())))
        elif self._is_held_down():
            self.refuse(self.LET_GO)
        elif not self.summary.is_current:
            self.refuse(self.STILL_RUNNING)
        elif not self.can_hand_over:
            self.refuse(self.REFUSED if self.answer else "The checks did not end. ctrl+r checks again.")
        elif self._checked_at is None or self.session.now() - self._checked_at > _HOLDS:
            self.check()
            self.refuse(self.OLD)
        elif self._is_in_doubt():
            self.refuse(f"{self.doubt()} Press again to go on all the same.")
        else:
            self._is_handed_over = True
            self.post_message(self.Agreed(self.form, self.arguments))

    def _pressed_at(self) -> float:
        """When the key was read: what was told between that and now was seen by nobody who pressed it."""
        read_at = cast("ConsoleApp", self.app).key_read_at
        return monotonic() if read_at is None else read_at

    def _is_held_down(self) -> bool:
        """An enter pressed while the checks ran agrees to nothing that nobody has seen."""
        pressed_at = self._pressed_at()
        held = pressed_at - self._told_early_at < _ONE_PRESS_SECONDS or pressed_at < self._stands_since
        if held or not self.summary.is_current:
            self._told_early_at = monotonic()
        return held and self.summary.is_current

    def _is_in_doubt(self) -> bool:
        """Until it is pressed again, by another press than the one that was told."""
        if not self.doubt():
            return False
        held = self._pressed_at() - self._doubted_at < _ONE_PRESS_SECONDS
        self._doubted_at = monotonic()
        return held
