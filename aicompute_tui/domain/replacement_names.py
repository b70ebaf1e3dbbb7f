"""What the two containers of a replacement that goes on are called, by which what was cut off is known again."""

from __future__ import annotations

import re

_ASIDE = re.compile(r"(?P<name>.+)\.aic-old-(?P<id>[0-9a-f]{12})")
_AWAY = re.compile(r"(?P<name>.+)\.aic-new-(?P<id>[0-9a-f]{12})")


def aside_name(name: str, container_id: str) -> str:
    return f"{name}.aic-old-{container_id[:12]}"


def away_name(name: str, container_id: str) -> str:
    """What a new one is called that failed, while the old one is put back."""
    return f"{name}.aic-new-{container_id[:12]}"


def original_name(name: str, container_id: str) -> str | None:
    """What a container that was put aside was called; None for every other."""
    return _before(_ASIDE, name, container_id)


def half_replaced(name: str, container_id: str) -> str | None:
    """What the container is called that this one was to be replaced by, or was to replace; None for every other."""
    return _before(_ASIDE, name, container_id) or _before(_AWAY, name, container_id)


def _before(form: re.Pattern[str], name: str, container_id: str) -> str | None:
    found = form.fullmatch(name)
    return found["name"] if found and container_id.startswith(found["id"]) else None
