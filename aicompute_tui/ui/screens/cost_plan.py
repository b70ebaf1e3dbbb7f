"""What a month of machines would cost, plan by plan, as a table from which a launch begins."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.cost_plan_records import PLANS
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.view_stack import Place as View

_LAUNCHES = "aws"


class CostPlanScreen(RecordScreen):
    """Opened by `:cost-plan`, with other hours or machines by `:cost-plan light hours_per_day=6`."""

    LIST = PLANS
    CSS_PATH = [STYLES / "records.tcss", STYLES / "recommend.tcss"]  # noqa: RUF012 - Textual's own form
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "launch"),)
    HINTS: ClassVar[tuple[str, ...]] = ("go.json", "go.filter", "go.export", "go.command", "go.help")

    def open_selected(self) -> None:
        rows = self.selected_rows()
        if not rows or self.session.read_only or text(rows[0], "cloud") != _LAUNCHES or not text(rows[0], "region"):
            self.action_json()
            return
        offer = {"type": text(rows[0], "type"), "region": text(rows[0], "region"), "count": text(rows[0], "machines")}
        self.console.views.enter(View("instance.launch", {**offer}))

    def asked_anew(self) -> None:
        self.load()
