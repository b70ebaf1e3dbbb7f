"""The verbs on a cloud's quotas."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

_PROFILE = Parameter("profile", "text", "Credential whose account is asked.")
_MARKET = Parameter("market", "choice", "Spot or on-demand.", choices=("spot", "on-demand"))

QUOTA_ACTIONS = (
    Action(
        "quota.list",
        "List quotas",
        "What is left of the quotas that count machines, in vCPUs and in machines: by family, market and region.",
        "global",
        "query",
        "aicompute_tui.services.quotas:list_quotas",
        ("quota", "list"),
        (
            Parameter(
                "region", "text", "Region code; may be given again. Without it, those in use.", repeatable=True
            ),
            _MARKET,
            Parameter(
                "type", "text", "Only what counts this machine type, asked now; may be given again.", repeatable=True
            ),
            Parameter("everywhere", "flag", "In every region the account has enabled."),
            Parameter("fresh", "flag", "Ask now, also where the last answer is younger than ten minutes."),
            _PROFILE,
        ),
        aliases=("quotas", "quota-list"),
        result="rows",
    ),
    Action(
        "quota.request",
        "Ask for more quota",
        "Asks AWS to raise a quota to so many vCPUs; one that is being asked for already is told, not asked again.",
        "quotas",
        "job",
        "aicompute_tui.services.quota_requests:request",
        ("quota", "request"),
        (
            Parameter(
                "what", "text", "Machine type, or family as `quota list` names it: G/VT, P5, Standard.",
                positional=True, required=True,
            ),
            Parameter("vcpus", "integer", "The limit that is wanted, in vCPUs.", required=True),
            Parameter("region", "text", "Region code."),
            _MARKET,
            _PROFILE,
        ),
        keys=("i",),
        aliases=("quota-request",),
        mutates=True,
        dangerous=True,
    ),
    Action(
        "quota.requests",
        "List quota requests",
        "What was asked for more, and how far it is: pending, case opened, approved, denied.",
        "global",
        "query",
        "aicompute_tui.services.quota_requests:list_requests",
        ("quota", "requests"),
        (Parameter("region", "text", "Region code; may be given again.", repeatable=True), _PROFILE),
        aliases=("quota-requests",),
        result="rows",
    ),
)  # fmt: skip
