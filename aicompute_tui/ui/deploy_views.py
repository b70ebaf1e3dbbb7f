"""The views of the deploy wizard: their order, which widget shows each, and what the footer names there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.widget import Widget

from aicompute_tui.ui.deploy_form import ANY_IMAGE, DeployForm
from aicompute_tui.ui.widgets.deploy_options import DeployOptions
from aicompute_tui.ui.widgets.deploy_progress import DeployProgress
from aicompute_tui.ui.widgets.deploy_review import DeployReview
from aicompute_tui.ui.widgets.deploy_steps import HostStep, ServerStep
from aicompute_tui.ui.wizard_draft import OPTIONS, PROGRESS, REVIEW, SERVER, Drafts
from aicompute_tui.ui.wizard_hints import NamedHint

HOST = "host"
DRAFTS: Drafts[DeployForm] = Drafts()
STEPS: Mapping[str, Callable[..., Widget]] = {
    HOST: HostStep,
    SERVER: ServerStep,
    OPTIONS: DeployOptions,
    REVIEW: DeployReview,
    PROGRESS: DeployProgress,
}
"""In their order."""
HINTS: Mapping[str, tuple[NamedHint, ...]] = {
    HOST: (("enter", "choose"), ("go.filter", "filter"), ("wizard.review", "review"), ("go.back", "back")),
    SERVER: (("enter", "choose"), ("tab", "models, image"), ("wizard.find-model", "find"),
             ("wizard.review", "review"), ("go.back", "back")),
    OPTIONS: (("enter", "review"), ("↑↓", "field"), ("←→", "turn"), ("wizard.restart", "start over"),
              ("go.back", "back")),
    REVIEW: (("enter", "deploy"), ("go.copy", "copy"), ("deploy.copy-docker", "docker line"), ("1-3", "correct"),
             ("wizard.check", "check again")),
    PROGRESS: (("enter", "choose"), ("go.back", "leave it running")),
}  # fmt: skip


def chosen(form: DeployForm) -> tuple[str, ...]:
    """What stands on top for each step that is done."""
    server = (form["image"] or "image") if form["framework"] == ANY_IMAGE else form["framework"]
    return (form["host"] or "host", server or "server", "options", "review")
