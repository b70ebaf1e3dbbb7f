"""The deploy wizard: host, server, options, the review with every check, and then the deployment's progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import deploy_views
from aicompute_tui.ui.deploy_form import DeployForm, in_form_words
from aicompute_tui.ui.deploy_views import DRAFTS, HOST
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens.wizard import WizardScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.deploy_progress import LOGS, REMOVE, START, DeployProgress
from aicompute_tui.ui.widgets.deploy_progress import REVIEW as TO_REVIEW
from aicompute_tui.ui.widgets.deploy_review import DeployReview
from aicompute_tui.ui.widgets.deploy_steps import HostStep
from aicompute_tui.ui.wizard_draft import REVIEW, SERVER

_VERBS = {START: "container.start", LOGS: "container.logs", REMOVE: "container.remove"}


class DeployScreen(WizardScreen[DeployForm]):
    """Opened by `n` among containers and hosts: hands over what was checked, and keeps what was left half-way."""

    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("wizard", "deploy")
    TITLE_WORD = "Deploy"
    STEPS = deploy_views.STEPS
    VIEW_HINTS = deploy_views.HINTS

    def __init__(self, session: Session) -> None:
        super().__init__(session, DRAFTS, DeployForm())

    def chosen(self) -> Sequence[str]:
        return deploy_views.chosen(self.form)

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """They go before what was left here; where the host is named already, the server is asked next."""
        if not arguments:
            return
        is_left = DRAFTS.left_in(self.session) is not None
        if set(arguments) == {"host"} and is_left and self.form["host"]:
            return
        self.form = self.form.with_arguments(arguments)
        if self._view == HOST and self.form["host"]:
            self._view = REVIEW if self.form["framework"] else SERVER

    async def on_mount(self) -> None:
        await self._go(self._view)

    def action_copy_docker(self) -> None:
        from aicompute_tui.ui.clipboard import copy

        if isinstance(self.step, DeployReview) and self.step.docker_line:
            copy(self.console, self.step.docker_line, "docker run line")
        else:
            self.say("The docker run line stands in the review, once its checks have ended.", "dim")

    def in_form_words(self, sentence: str) -> str:
        return in_form_words(sentence)

    def handed_over(self, job_id: str, form: DeployForm, arguments: JsonObject) -> DeployForm:  # noqa: ARG002
        handed = form.with_arguments(arguments)
        self.say(f"Deployment of {handed['name']} on {handed['host']}: handed to the agent", "dim")
        return handed

    def state_changed(self, change: StateChange) -> None:
        super().state_changed(change)
        step = self._steps.get(self._view)
        if change.hosts and isinstance(step, (HostStep, DeployReview)):
            step.follow()

    @on(DeployProgress.Finished)
    async def go_on(self, event: DeployProgress.Finished) -> None:
        event.stop()
        step = self.step
        if not isinstance(step, DeployProgress):
            return
        if event.answer == TO_REVIEW:
            await self._go(REVIEW)
        elif event.answer in _VERBS:
            self.console.perform(_VERBS[event.answer], [step.reference])
        else:
            self.console.go_back()
            self.console.perform("container.show", [step.reference])
