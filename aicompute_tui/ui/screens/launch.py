"""The launch wizard: region, machine, server, options, the review with every check, and then the launch's progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on, work

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.launch import DEFAULT_INSTANCE_TYPE
from aicompute_tui.ui import launch_views
from aicompute_tui.ui.launch_form import LaunchForm, defaults, in_form_words, promise
from aicompute_tui.ui.launch_machines import quota_wish
from aicompute_tui.ui.launch_views import DRAFTS, MACHINE, REGION
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens import launch_templates
from aicompute_tui.ui.screens.wizard import WizardScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.launch_progress import LaunchProgress
from aicompute_tui.ui.widgets.launch_review import LaunchReview
from aicompute_tui.ui.widgets.launch_steps import AgainStep, MachineStep
from aicompute_tui.ui.widgets.wizard_list import StepResolved
from aicompute_tui.ui.widgets.wizard_review import ReviewStep
from aicompute_tui.ui.wizard_draft import OPTIONS, REVIEW, SERVER


class LaunchScreen(WizardScreen[LaunchForm]):
    """Opened by `n`: takes what is chosen, hands over what was checked, and keeps what was left half-way."""

    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("wizard", "launch")
    TITLE_WORD = "Launch"
    STEPS = launch_views.STEPS
    SIDE_STEPS = launch_views.SIDE_STEPS
    VIEW_HINTS = launch_views.HINTS

    def __init__(self, session: Session) -> None:
        super().__init__(session, DRAFTS, LaunchForm())
        self._is_fresh = DRAFTS.left_in(session) is None
        self._like = ""

    def chosen(self) -> Sequence[str]:
        return launch_views.chosen(self.form)

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """They go before what was left here; whoever names a machine to repeat goes straight to the review."""
        if not arguments:
            return
        self._like = str(arguments.get("like") or "")
        self.form = self.form.with_arguments(arguments)
        self._view = _first_view(arguments)
        if not self._like:
            self._is_fresh = False
            self._keep()

    async def on_mount(self) -> None:
        await self._go(self._view)
        if self._like:
            self._repeat(self._like)
        elif self._is_fresh:
            self._load_defaults()

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
        begun = self.form.changed("region", ""), self._view
        try:
            answer = await self.session.query("instance.show", {"name": name})
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        launched = answer.get("launch") if isinstance(answer, dict) else None
        if not isinstance(launched, dict) or not launched:
            self.say("What it was launched with is not known: it was adopted. Choose what to launch.", "warn")
        elif (self.form.changed("region", ""), self._view) != begun:
            told = answer.get("name") if isinstance(answer, dict) else None
            self.say(f"How {told or name} was launched is known now; r on it repeats that.", "dim")
        else:
            self._take_over(self.form.again(launched))
            await self._go(REVIEW)

    @on(StepResolved)
    def take_resolved(self, event: StepResolved) -> None:
        event.stop()
        if self.form[event.name]:
            return
        form = self.form.changed(event.name, event.value)
        if self._view in (SERVER, OPTIONS):
            self.form = form  # what is being typed there stays as it is
            self._show_steps()
        else:
            self._take_over(form)

    def action_turn_market(self) -> None:
        if self._view == MACHINE:
            market = "on-demand" if self.form["market"] == "spot" else "spot"
            self._take_over(self.form.changed("market", market))

    def action_ask_for_quota(self) -> None:
        """Of the type under the cursor, and in the review of the one chosen."""
        step = self.step
        row: JsonObject | None = None
        if isinstance(step, MachineStep):
            row = step.row
        elif isinstance(step, ReviewStep):
            row = {"name": self.form["type"] or DEFAULT_INSTANCE_TYPE}
        if row is not None:
            self.console.perform("quota.request", [], quota_wish(row, self.form))

    def action_alternative(self) -> None:
        """Another offer in the review, which checks it anew."""
        if not isinstance(self.step, LaunchReview):
            return
        form = self.step.next_alternative()
        if form is not None:
            self._take_over(form)
        elif self.step.answer:
            self.say("No price list has a cheaper machine for this.", "dim")

    async def action_start_over(self) -> None:
        """Empty fields, and the first step."""
        await super().action_start_over()
        self._load_defaults()

    def in_form_words(self, sentence: str) -> str:
        return in_form_words(sentence)

    def handed_over(self, job_id: str, form: LaunchForm, arguments: JsonObject) -> LaunchForm:
        self.console.await_launch(job_id)
        launched = form.with_arguments(arguments)
        self.say(promise(launched), "dim")
        return launched

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

    @on(LaunchProgress.Finished)
    async def go_on(self, event: LaunchProgress.Finished) -> None:
        event.stop()
        step = self.step
        machines = step.machines if isinstance(step, LaunchProgress) else []
        if isinstance(step, LaunchProgress) and step.has_failed:
            await self._go(REVIEW)
        elif len(machines) == 1:
            self.console.go_back()
            self.console.show_detail(machines[0].id)
        else:
            self.console.go_home()


def _first_view(arguments: Mapping[str, Json]) -> str:
    """The first step that still asks for something."""
    if "type" not in arguments:
        return REGION
    return REVIEW if "framework" in arguments and "model" in arguments else SERVER
