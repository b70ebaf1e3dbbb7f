"""The one word for how a connection stands: what a person chose, and what its checks made of it."""

from __future__ import annotations

_OF_HEALTH = {"up": "active", "degraded": "degraded", "down": "error"}
STATUSES = ("error", "held back", "degraded", "testing", "active", "inactive")
"""What needs someone first."""
STATUS_CHOICES = tuple(status.replace(" ", "-") for status in STATUSES)
"""The same, spelled so that they need no quotes."""


def connection_status(health: str | None, *, is_active: bool, is_held_back: bool) -> str:
    """`held back` was taken out of use because it failed; `testing` is not checked yet. `health` is a HealthState."""
    if not is_active:
        return "inactive"
    return "held back" if is_held_back else _OF_HEALTH.get(health or "", "testing")
