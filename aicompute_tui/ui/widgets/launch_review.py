"""The last step before a launch: what it is, what it costs, what ends it, every check, and the command that does it."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.launch_command import pinned
from aicompute_tui.ui.launch_form import LaunchForm, button_text
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.launch_summary import LaunchSummary
from aicompute_tui.ui.widgets.wizard_review import ReviewStep
from aicompute_tui.ui.widgets.wizard_summary import does_not_fit, objects


class LaunchReview(ReviewStep[LaunchForm]):
    """Only a form that was checked and priced is ever launched."""

    ACTION = "instance.launch"
    CHECKS = "instance.preflight"
    LET_GO = "Let go of enter; the price stands now. Press again to launch."
    STILL_RUNNING = "The checks are still running. Wait for the price, then press again."
    OLD = "The price was read a while ago and is asked for anew. Press again when it stands."
    REFUSED = "A check refuses this launch. Mend what stands at ✕, then check again with ctrl+r."

    def __init__(self, session: Session, form: LaunchForm, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(session, form, id=id)
        self._turns: tuple[LaunchForm, ...] = ()
        """The launch as it was chosen and the cheaper ones found for it, to be turned through."""

    def make_summary(self) -> LaunchSummary:
        return LaunchSummary(self.session, id="launch-summary")

    def asked(self, form: LaunchForm) -> JsonObject:
        return form.arguments()

    def button(self) -> str:
        return button_text(self.form, number(self.answer, "price_usd_per_hour"))

    def is_allowed(self, answer: Mapping[str, Json]) -> bool:
        return answer.get("can_launch") is True

    def doubt(self) -> str:
        return does_not_fit(self.answer)

    def pinned(self, form: LaunchForm, answer: Mapping[str, Json]) -> JsonObject:
        return pinned(form, answer)

    def next_alternative(self) -> LaunchForm | None:
        """The next cheaper machine, after the last one what was chosen at first; None where there is none."""
        if self.form not in self._turns:
            cheaper = objects(self.answer.get("alternatives"))
            self._turns = (self.form, *(_with_offer(self.form, offer) for offer in cheaper))
        if len(self._turns) < 2:
            return None
        return self._turns[(self._turns.index(self.form) + 1) % len(self._turns)]


def _with_offer(form: LaunchForm, offer: JsonObject) -> LaunchForm:
    for name in ("type", "region", "market"):
        form = form.changed(name, text(offer, name))
    return form.changed("zone", "").changed("subnet", "")
