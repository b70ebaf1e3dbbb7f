"""How long nobody has read a host that was well: what is told of it is what was true then."""

from __future__ import annotations

from aicompute_tui.store.rows import HostRow

UNREAD_SECONDS = 180.0
"""An agent reads each of its hosts twice a minute, and the console reads the store once."""
UNREAD_STEP = "No agent looks after it now; start one: aic-tui agent"


def unread_for(host: HostRow | None, now: float) -> float | None:
    """In seconds; None where it is read, and where it is known to be down."""
    if host is None or host.state == "down":
        return None
    ago = now - (host.created_at if host.read_at is None else host.read_at)
    return ago if ago >= UNREAD_SECONDS else None
