"""The views of the launch wizard: their order, which widget shows each, and what the footer names there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.widget import Widget

from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.widgets.launch_options import LaunchOptions
from aicompute_tui.ui.widgets.launch_progress import LaunchProgress
from aicompute_tui.ui.widgets.launch_review import LaunchReview
from aicompute_tui.ui.widgets.launch_steps import AgainStep, CredentialStep, MachineStep, RegionStep, ServerStep
from aicompute_tui.ui.wizard_draft import OPTIONS, PROGRESS, REVIEW, SERVER, Drafts
from aicompute_tui.ui.wizard_hints import NamedHint

REGION, CREDENTIAL, AGAIN, MACHINE = "region", "credential", "again", "machine"
DRAFTS: Drafts[LaunchForm] = Drafts()
STEPS: Mapping[str, Callable[..., Widget]] = {
    REGION: RegionStep,
    MACHINE: MachineStep,
    SERVER: ServerStep,
    OPTIONS: LaunchOptions,
    REVIEW: LaunchReview,
    PROGRESS: LaunchProgress,
}
"""In their order."""
SIDE_STEPS: Mapping[str, Callable[..., Widget]] = {CREDENTIAL: CredentialStep, AGAIN: AgainStep}
"""Beside the first."""
HINTS: Mapping[str, tuple[NamedHint, ...]] = {
    REGION: (("enter", "choose"), ("launch.credential", "credential"), ("launch.again", "again"),
             ("go.filter", "filter"), ("wizard.review", "review")),
    CREDENTIAL: (("enter", "choose"), ("go.filter", "filter"), ("go.back", "back")),
    AGAIN: (("enter", "review"), ("launch.remove", "remove"), ("go.filter", "filter"), ("go.back", "back")),
    MACHINE: (("enter", "choose"), ("launch.market", "market"), ("launch.quota", "quota"), ("go.filter", "filter"),
              ("wizard.review", "review"), ("go.back", "back")),
    SERVER: (("enter", "choose"), ("tab", "models"), ("wizard.find-model", "find"),
             ("wizard.review", "review"), ("go.back", "back")),
    OPTIONS: (("enter", "review"), ("↑↓", "field"), ("←→", "turn"), ("wizard.restart", "start over"),
              ("go.back", "back")),
    REVIEW: (("enter", "launch"), ("launch.save", "keep"), ("go.copy", "copy"), ("1-4", "correct"),
             ("wizard.check", "check again")),
    PROGRESS: (("enter", "go to it"), ("go.back", "leave it running")),
}  # fmt: skip


def chosen(form: LaunchForm) -> tuple[str, ...]:
    """What stands on top for each step that is done."""
    framework = "bare" if form["framework"] == "none" else form["framework"]
    return (form["region"] or "region", form["type"] or "machine", framework, "options", "review")
