"""Walking through a wizard: its steps, the way on and back, and what each offers while it is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.containers import Container
from textual.widget import Widget

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.bindings import FOCUS_BINDINGS, navigation_bindings
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.footer_line import Hint
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from aicompute_tui.ui.widgets.wizard_fields import FieldsStep
from aicompute_tui.ui.widgets.wizard_list import FieldChanged, ListStep, StepChosen, StepRefused
from aicompute_tui.ui.widgets.wizard_progress import ProgressStep
from aicompute_tui.ui.widgets.wizard_review import ReviewStep
from aicompute_tui.ui.widgets.wizard_step_line import StepLine
from aicompute_tui.ui.wizard_draft import OPTIONS, PROGRESS, REVIEW, SERVER, Drafts
from aicompute_tui.ui.wizard_form import FormT, WizardForm, model_names
from aicompute_tui.ui.wizard_hints import NamedHint, wizard_hints

ShownT_contra = TypeVar("ShownT_contra", bound=WizardForm, contravariant=True)


class Step(Protocol[ShownT_contra]):
    """What a view can do besides being a widget."""

    def show(self, form: ShownT_contra) -> None: ...

    def focus_first(self) -> None: ...


class WizardScreen(ConsoleScreen, Generic[FormT]):
    """Shows one view at a time and keeps the others as they were left; a subclass says which there are."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ()
    HINTS: ClassVar[tuple[str, ...]] = ()
    TITLE_WORD: ClassVar[str]
    STEPS: ClassVar[Mapping[str, Callable[..., Widget]]]
    """In their order, the review and then the progress last."""
    SIDE_STEPS: ClassVar[Mapping[str, Callable[..., Widget]]] = {}
    """Beside the first."""
    VIEW_HINTS: ClassVar[Mapping[str, tuple[NamedHint, ...]]]
    AUTO_FOCUS = ""
    CSS_PATH = STYLES / "wizard.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-medium"), (110, "-wide")]  # noqa: RUF012

    def __init__(self, session: Session, drafts: Drafts[FormT], fresh: FormT) -> None:
        super().__init__(session)
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall"), (30, "-high")]
        own = [each for place in self.OWN_PLACES for each in navigation_bindings(place, read_only=session.read_only)]
        self._bindings = BindingsMap([*navigation_bindings("screen"), *own, *FOCUS_BINDINGS])
        self._drafts, self._fresh = drafts, fresh
        self._order = tuple(self.STEPS)
        left = drafts.left_in(session)
        self.form = left.form if left is not None else fresh
        self._view = left.view if left is not None else self._order[0]
        self._line = StepLine(self._order[:-1], session.glyphs.more)
        self._steps: dict[str, Widget] = {}
        self._had_agent = session.agent_state == "on"

    def chosen(self) -> Sequence[str]:
        """What stands on top for each step that is done."""
        raise NotImplementedError

    @property
    def crumbs(self) -> tuple[str, ...]:
        return (self.TITLE_WORD, self._view.capitalize())

    def compose_body(self) -> ComposeResult:
        yield self._line
        yield Container(id="wizard")

    @property
    def step(self) -> Widget:
        return self._steps[self._view]

    @property
    def number(self) -> int:
        """Of the step that is open; the views beside the first belong to it."""
        return self._order.index(self._view) + 1 if self._view in self._order else 1

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
            made = {**self.STEPS, **self.SIDE_STEPS}[view](self.session, self.form, id=view)
            self._steps[view] = made
            await self.query_one("#wizard").mount(made)
            if self not in self.app.screen_stack:
                return  # left before it stood
        for name, step in self._steps.items():
            step.display = name == view
        shown = cast("Step[FormT]", self.step)
        shown.show(self.form)
        shown.focus_first()
        self._keep()
        self._show_steps()
        self.refresh_frame()

    def _show_steps(self) -> None:
        self._line.show_steps(self.chosen(), self.number)

    def _keep(self) -> None:
        if self._view != PROGRESS:
            self._drafts.leave(self.session, self.form, self._view)

    def _take_over(self, form: FormT) -> None:
        """A whole form at once."""
        self.form = form
        self._keep()
        if self._view in self._steps:
            cast("Step[FormT]", self.step).show(form)
        self._show_steps()

    @on(StepChosen)
    async def take_choice(self, event: StepChosen) -> None:
        event.stop()
        for name, value in event.values.items():
            self.form = self.form.changed(name, value)
        if event.field and isinstance(self.step, FieldsStep):
            self._take_over(self.form)
            self.step.focus_field(event.field)
        else:
            after = self._order[self.number] if self._view in self._order else self._order[0]
            await self._go(event.next_view or after)

    @on(FieldChanged)
    def take_field(self, event: FieldChanged) -> None:
        event.stop()
        self.form = self.form.changed(event.name, event.value)
        self._keep()

    @on(StepRefused)
    def tell_refusal(self, event: StepRefused) -> None:
        event.stop()
        self.say(event.sentence, "bad")

    @on(StepLine.Clicked)
    async def go_to_clicked(self, event: StepLine.Clicked) -> None:
        event.stop()
        await self.action_step_to(event.number)

    async def action_step_to(self, number: int) -> None:
        if self._view != PROGRESS:
            await self._go(self._order[max(1, min(number, len(self._order) - 1)) - 1])

    async def action_step_by(self, by: int) -> None:
        await self.action_step_to(self.number + by)

    async def action_review(self) -> None:
        """To the review from anywhere; there it hands over."""
        if self._view == REVIEW:
            self.review.agree()
        elif self._view != PROGRESS:
            await self._go(REVIEW)

    @property
    def review(self) -> ReviewStep[FormT]:
        return cast("ReviewStep[FormT]", self._steps[REVIEW])

    def in_form_words(self, sentence: str) -> str:
        """A sentence about flags, about fields."""
        raise NotImplementedError

    def handed_over(self, job_id: str, form: FormT, arguments: JsonObject) -> FormT:
        """Tells of it, and answers the form as it was handed over."""
        raise NotImplementedError

    @on(ReviewStep.Agreed)
    def hand_over(self, event: ReviewStep.Agreed) -> None:
        event.stop()
        self._submit(cast("FormT", event.form), event.arguments)

    @work(group="submit", exclusive=False, exit_on_error=False)
    async def _submit(self, form: FormT, arguments: JsonObject) -> None:
        try:
            job_id = await self.session.submit(self.review.ACTION, arguments)
        except AicError as error:
            self.review.refuse(self.in_form_words(f"{error.message} {error.next_step}".strip()))
            return
        self._drafts.forget(self.session)
        handed = self.handed_over(job_id, form, arguments)
        await self._go(PROGRESS)
        cast("ProgressStep[FormT]", self.step).begin(job_id, handed)

    async def action_start_over(self) -> None:
        """Empty fields, and the first step."""
        self._drafts.forget(self.session)
        self.form = self._fresh
        await self._go(self._order[0])

    def action_back(self) -> None:
        """Leaves the filter, then a step back, then the wizard."""
        if self.filter_text:
            self._filter("")
        elif self._view in (self._order[0], PROGRESS):
            self.console.go_back()
        else:
            self.call_next(self._go, self._order[max(0, self.number - 2)])

    async def action_go_on(self) -> None:
        """Enter on a field that takes no text."""
        if self._view == OPTIONS:
            await self._go(REVIEW)

    async def action_side_view(self, view: str) -> None:
        if self.number == 1:
            await self._go(view)

    def action_find_model(self) -> None:
        """In the view of models; enter there comes back with one."""
        from aicompute_tui.ui.view_stack import Place as View

        framework = self.form["framework"]
        if self._view == SERVER and framework not in ("", "none"):
            self.console.views.enter(View("model.popular", {"pick": framework}))
        else:
            self.say("A model is found in the server's step, once the server is chosen.", "dim")

    def take_model(self, name: str) -> None:
        """Found elsewhere for the server that is chosen."""
        self._take_over(self.form.changed("model", model_names(self.form["model"], name, self.form["framework"])))
        step = self._steps.get(self._view)
        if isinstance(step, FieldsStep):
            step.focus_field("model")

    def action_check_again(self) -> None:
        step = self.step
        if isinstance(step, ReviewStep):
            step.check()
        elif isinstance(step, ListStep):
            step.load()

    def action_turn_to(self, direction: int) -> None:
        """The next field where a form is filled in, the next line of the checks in the review."""
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
        return wizard_hints(self.VIEW_HINTS[self._view])

    def state_changed(self, change: StateChange) -> None:
        step = self._steps.get(self._view)
        if isinstance(step, ProgressStep) and change:
            step.follow()
