"""When a machine ends by itself, and how far that may be moved."""

from __future__ import annotations

from datetime import datetime, timedelta

from aicompute_tui.domain.errors import InvalidInput, Refused
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.remote import TAG_AWAKE_UNTIL, TAG_EXPIRES_AT

_LEAST_MAX_TTL_SECONDS = 24 * 3_600


def default_max_ttl_seconds(ttl_seconds: int) -> int:
    """The larger of 24 hours and three times the TTL."""
    return max(_LEAST_MAX_TTL_SECONDS, 3 * ttl_seconds)


def check_ttl(ttl_seconds: int | None, max_ttl_seconds: int | None) -> None:
    """Raises InvalidInput for a cap below the TTL, or a cap on a machine without an end."""
    if max_ttl_seconds is None:
        return
    if ttl_seconds is None:
        raise InvalidInput("A machine without an end has no --max-ttl.", "Leave one of the two out.")
    if max_ttl_seconds < ttl_seconds:
        raise InvalidInput("--max-ttl is shorter than --ttl.", "Raise --max-ttl or lower --ttl.")


def extended_end(instance: Instance, by_seconds: int) -> datetime:
    """The new end, whole seconds, never past the cap fixed at launch. Raises Refused where it cannot move."""
    if instance.expires_at is None:
        if instance.idle_seconds is not None:
            raise Refused(f"{instance.name} has no end that could be moved: only idleness ends it.", "Use it.")
        raise Refused(f"{instance.name} never ends by itself.", "Terminate it when you are done.")
    latest = instance.max_expires_at
    wanted = instance.expires_at + timedelta(seconds=by_seconds)
    end = min(wanted, latest) if latest is not None else wanted
    if end <= instance.expires_at:
        raise Refused(
            f"{instance.name} cannot be extended: its --max-ttl fixed at launch is used up.",
            "Launch another machine with a larger --max-ttl.",
        )
    return end.replace(microsecond=0)


def awake_until(now: datetime, by_seconds: int, end: datetime) -> datetime:
    """Until when a machine extended now may be idle: as long as it was extended by, never past its end."""
    return min((now + timedelta(seconds=by_seconds)).replace(microsecond=0), end)


def expiry_tags(expires_at: datetime, awake: datetime | None) -> dict[str, str]:
    """The tags a machine reads about its own end. One that was never extended has no moment to stay awake until."""
    tags = {TAG_EXPIRES_AT: format_moment(expires_at)}
    return tags if awake is None else {**tags, TAG_AWAKE_UNTIL: format_moment(awake)}
