"""The verbs on a cloud's regions."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

REGION_ACTIONS = (
    Action(
        "region.list",
        "List regions",
        "Regions of the cloud, Canada first: which are enabled for the account, and which is the default.",
        "global",
        "query",
        "aicompute_tui.services.regions:list_regions",
        ("region", "list"),
        (Parameter("profile", "text", "Credential whose account is asked."),),
        aliases=("regions",),
        result="rows",
    ),
)
