"""Which widget shows each view of the launch wizard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from textual.widget import Widget

from aicompute_tui.ui import launch_draft
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.widgets.launch_options import OptionsStep
from aicompute_tui.ui.widgets.launch_progress import ProgressStep
from aicompute_tui.ui.widgets.launch_review import ReviewStep
from aicompute_tui.ui.widgets.launch_steps import AgainStep, CredentialStep, MachineStep, RegionStep, ServerStep


class Step(Protocol):
    """What a view can do besides being a widget."""

    def show(self, form: LaunchForm) -> None: ...

    def focus_first(self) -> None: ...


STEPS: Mapping[str, Callable[..., Widget]] = {
    launch_draft.REGION: RegionStep,
    launch_draft.CREDENTIAL: CredentialStep,
    launch_draft.AGAIN: AgainStep,
    launch_draft.MACHINE: MachineStep,
    launch_draft.SERVER: ServerStep,
    launch_draft.OPTIONS: OptionsStep,
    launch_draft.REVIEW: ReviewStep,
    launch_draft.PROGRESS: ProgressStep,
}
