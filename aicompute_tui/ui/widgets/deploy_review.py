"""The last step before a deployment: every verdict of its plan, and the lines that do the same."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.deploy_form import DeployForm
from aicompute_tui.ui.records import text
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.deploy_summary import DeploySummary
from aicompute_tui.ui.widgets.wizard_review import ReviewStep
from aicompute_tui.ui.widgets.wizard_summary import does_not_fit, objects


class DeployReview(ReviewStep[DeployForm]):
    """Only what was planned, every value fixed, is ever deployed."""

    ACTION = "container.deploy"
    CHECKS = "container.plan"
    LET_GO = "Let go of enter; the checks stand now. Press again to deploy."
    REFUSED = "A check refuses this deployment. Mend what stands at ✕, then check again with ctrl+r."

    def make_summary(self) -> DeploySummary:
        return DeploySummary(self.session, id="deploy-summary")

    def asked(self, form: DeployForm) -> JsonObject:
        return form.plan_arguments()

    def button(self) -> str:
        name = text(self.answer, "name") or self.form.title
        return f"Deploy {plain(name)} on {plain(self.form['host'] or 'its host')}"

    def is_allowed(self, answer: Mapping[str, Json]) -> bool:
        return answer.get("ok") is True

    def doubt(self) -> str:
        return does_not_fit(self.answer)

    def pinned(self, form: DeployForm, answer: Mapping[str, Json]) -> JsonObject:
        exact = answer.get("arguments")
        fixed: JsonObject = dict(exact) if isinstance(exact, dict) else form.plan_arguments()
        return {**fixed, **({"wait": form["wait"]} if form["wait"] else {})}

    @property
    def docker_line(self) -> str:
        """Empty until the checks have ended."""
        return text(self.answer, "command")

    def follow(self) -> None:
        """Checks anew where the host answers though the checks say it does not, or the other way round."""
        verdict = next((check for check in objects(self.answer.get("checks")) if check.get("name") == "host"), None)
        state = self._host_state()
        if verdict is not None and state in ("up", "down") and (verdict.get("verdict") == "ok") != (state == "up"):
            self.check()

    def _host_state(self) -> str:
        hosts = self.session.state.hosts.values()
        return next((row.state for row in hosts if self.form["host"] in (row.name, row.id)), "")
