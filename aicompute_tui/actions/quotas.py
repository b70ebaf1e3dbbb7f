"""The verbs on a cloud's quotas."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

QUOTA_ACTIONS = (
    Action(
        "quota.list",
        "List quotas",
        "What is left of the quota that counts a machine type, in vCPUs: its limit, what is used, what is free.",
        "global",
        "query",
        "aicompute_tui.services.quotas:list_quotas",
        ("quota", "list"),
        (
            Parameter("profile", "text", "Credential whose account is asked."),
            Parameter("region", "text", "Region code."),
            Parameter("market", "choice", "Spot or on-demand.", choices=("spot", "on-demand")),
            Parameter("type", "text", "Machine type; may be given again.", repeatable=True),
        ),
        aliases=("quotas",),
        result="rows",
    ),
)
