"""The verb that tells everything at a glance."""

from __future__ import annotations

from aicompute_tui.actions.model import Action

OVERVIEW_ACTIONS = (
    Action(
        "overview.show",
        "Show the overview",
        "What runs, what it costs, and what needs a person, with the next step.",
        "global",
        "query",
        "aicompute_tui.services.overview:show",
        ("overview",),
        aliases=("dashboard", "overview", "home"),
    ),
)
