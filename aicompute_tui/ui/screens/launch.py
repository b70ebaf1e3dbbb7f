"""The launch wizard: region, machine, server, options, the review with every check, and then the launch's progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from textual import on, work

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import launch_draft
from aicompute_tui.ui.launch_draft import BY_NUMBER, NUMBERS
from aicompute_tui.ui.launch_form import LaunchForm, defaults, in_form_words, promise
from aicompute_tui.ui.launch_views import Step
from aicompute_tui.ui.screens import launch_templates
from aicompute_tui.ui.screens.launch_walk import LaunchWalk
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.launch_list import FieldChanged, StepChosen, StepResolved
from aicompute_tui.ui.widgets.launch_progress import ProgressStep
from aicompute_tui.ui.widgets.launch_review import ReviewStep
from aicompute_tui.ui.widgets.launch_steps import AgainStep, ServerStep


class LaunchScreen(LaunchWalk):
    """Opened by `n`: takes what is chosen, hands over what was checked, and keeps what was left half-way."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._is_fresh = launch_draft.left_in(session) is None
        self._like = ""

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """They go before what was left here; whoever names a machine to repeat goes straight to the review."""
        if not arguments:
            return
        self._like = str(arguments.get("like") or "")
        self.form = self.form.with_arguments(arguments)
        self._view = launch_draft.SERVER if "type" in arguments else launch_draft.REGION
        if not self._like:
            self._is_fresh = False
            self._keep()

    async def on_mount(self) -> None:
        await self._go(self._view)
        if self._like:
            self._repeat(self._like)
        elif self._is_fresh:
            self._load_defaults()

    def _take_over(self, form: LaunchForm) -> None:
        """A whole form at once."""
        self.form = form
        self._keep()
        if self._view in self._steps:
            cast("Step", self.step).show(form)
        self._line.show_steps(form, NUMBERS[self._view])

    @work(group="defaults", exclusive=True, exit_on_error=False)
    async def _load_defaults(self) -> None:
        try:
            rows = await self.session.query("setting.list", {})
        except AicError:
            return
        if self.form.changed("region", "") == LaunchForm():
            wanted = defaults(rows)
            if not wanted["region"] and not wanted["profile"]:
                wanted = wanted.changed("region", self.form["region"])
            self._take_over(wanted)

    @work(group="defaults", exclusive=True, exit_on_error=False)
    async def _repeat(self, name: str) -> None:
        """The launch of a machine that is or was, as it stands in its row."""
        try:
            answer = await self.session.query("instance.show", {"name": name})
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        launched = answer.get("launch") if isinstance(answer, dict) else None
        if isinstance(launched, dict) and launched:
            self._take_over(self.form.again(launched))
            await self._go(launch_draft.REVIEW)
        else:
            self.say("What it was launched with is not known: it was adopted. Choose what to launch.", "warn")

    @on(StepChosen)
    async def take_choice(self, event: StepChosen) -> None:
        event.stop()
        for name, value in event.values.items():
            self.form = self.form.changed(name, value)
        if event.next_view == "models":
            self._take_over(self.form)
            cast("ServerStep", self.step).focus_models()
        else:
            after = launch_draft.REGION if self._view == launch_draft.CREDENTIAL else BY_NUMBER[NUMBERS[self._view] + 1]
            await self._go(event.next_view or after)

    @on(StepResolved)
    def take_resolved(self, event: StepResolved) -> None:
        event.stop()
        if self.form[event.name]:
            return
        form = self.form.changed(event.name, event.value)
        if self._view in (launch_draft.SERVER, launch_draft.OPTIONS):
            self.form = form  # what is being typed there stays as it is
            self._line.show_steps(form, NUMBERS[self._view])
        else:
            self._take_over(form)

    @on(FieldChanged)
    def take_field(self, event: FieldChanged) -> None:
        event.stop()
        self.form = self.form.changed(event.name, event.value)
        self._keep()

    async def action_review(self) -> None:
        """To the review from anywhere; there it launches."""
        if self._view == launch_draft.REVIEW:
            self._review.agree()
        elif self._view != launch_draft.PROGRESS:
            await self._go(launch_draft.REVIEW)

    def action_turn_market(self) -> None:
        if self._view == launch_draft.MACHINE:
            market = "on-demand" if self.form["market"] == "spot" else "spot"
            self._take_over(self.form.changed("market", market))

    async def action_start_over(self) -> None:
        """Empty fields, and the first step."""
        launch_draft.forget(self.session)
        self.form = LaunchForm()
        await self._go(launch_draft.REGION)
        self._load_defaults()

    @property
    def _review(self) -> ReviewStep:
        return cast("ReviewStep", self._steps[launch_draft.REVIEW])

    @on(ReviewStep.Agreed)
    def hand_over(self, event: ReviewStep.Agreed) -> None:
        event.stop()
        self._submit(event)

    @work(group="submit", exclusive=False, exit_on_error=False)
    async def _submit(self, agreed: ReviewStep.Agreed) -> None:
        try:
            job_id = await self.session.submit("instance.launch", agreed.arguments)
        except AicError as error:
            self._review.refuse(in_form_words(f"{error.message} {error.next_step}".strip()))
            return
        launch_draft.forget(self.session)
        self.console.await_launch(job_id)
        form = agreed.form.with_arguments(agreed.arguments)
        self.say(promise(form), "dim")
        await self._go(launch_draft.PROGRESS)
        cast("ProgressStep", self.step).begin(job_id, form)

    # -- templates

    def action_save_template(self) -> None:
        if isinstance(self.step, ReviewStep):
            self._keep_template()

    @work(group="templates", exclusive=True, exit_on_error=False)
    async def _keep_template(self) -> None:
        try:
            await launch_templates.keep(self, self.form.arguments())
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)

    def action_remove_template(self) -> None:
        row = self.step.row if isinstance(self.step, AgainStep) else None
        if row is None:
            return
        if row.get("kind") == "template":
            self._remove_template(row)
        else:
            self.say("A launch of the past stays on record; only templates can be removed.", "dim")

    @work(group="templates", exclusive=True, exit_on_error=False)
    async def _remove_template(self, row: JsonObject) -> None:
        try:
            removed = await launch_templates.remove(self, row)
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        if removed and isinstance(self.step, AgainStep):
            self.step.take_away(str(row["key"]))

    @on(ProgressStep.Finished)
    async def go_on(self, event: ProgressStep.Finished) -> None:
        event.stop()
        if cast("ProgressStep", self.step).has_failed:
            await self._go(launch_draft.REVIEW)
        elif event.instance_id:
            self.console.go_back()
            self.console.show_detail(event.instance_id)
        else:
            self.console.go_home()
