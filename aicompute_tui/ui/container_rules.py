"""What cannot be done to a container or its host as it stands now, and what can be done instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import Json

Row = Mapping[str, Json]
Rule = Callable[[Row], Refused | None]
_ALIVE = ("running", "paused", "restarting")


def _reached(row: Row) -> Refused | None:
    """Nothing can be asked of a host that does not answer."""
    if row.get("host_state") != "down":
        return None
    ago = row.get("seen_seconds_ago")
    told = f"; it last did {span(float(ago))} ago" if isinstance(ago, int | float) else ""
    return Refused(f"{row.get('host')} does not answer{told}.", ":hosts shows why; enter there tests it.")


def _start(row: Row) -> Refused | None:
    return _unless_state(
        row,
        {
            "running": ("runs already.", "x stops it, b restarts it."),
            "restarting": ("is restarting already.", "l shows why it ends each time, x stops it."),
            "paused": ("is paused.", "P lets it go on."),
            "removing": ("is being removed.", "It leaves the list when its engine is done."),
        },
    )


def _end(row: Row) -> Refused | None:
    """For what needs a process that lives."""
    state = row.get("state")
    if state in _ALIVE or state == "unknown":
        return None
    return Refused(f"{row.get('name')} does not run: it is {state}.", "u starts it, t removes it.")


def _restart(row: Row) -> Refused | None:
    return _unless_state(row, {"removing": ("is being removed.", "It leaves the list when its engine is done.")})


def _pause(row: Row) -> Refused | None:
    if row.get("state") == "paused":
        return Refused(f"{row.get('name')} is paused already.", "P lets it go on.")
    return _running(row)


def _unpause(row: Row) -> Refused | None:
    if row.get("state") == "paused":
        return None
    return Refused(f"{row.get('name')} is not paused: it is {row.get('state')}.", "p pauses one that runs.")


def _running(row: Row) -> Refused | None:
    if row.get("state") == "running":
        return None
    step = "P lets it go on." if row.get("state") == "paused" else "u starts it."
    return Refused(f"{row.get('name')} does not run: it is {row.get('state')}.", step)


def _unless_state(row: Row, refused: Mapping[str, tuple[str, str]]) -> Refused | None:
    found = refused.get(str(row.get("state")))
    return None if found is None else Refused(f"{row.get('name')} {found[0]}", found[1])


def _on_its_host(rule: Rule | None = None) -> Rule:
    """A rule that is asked only where the host answers."""

    def judged(row: Row) -> Refused | None:
        return _reached(row) or (rule(row) if rule is not None else None)

    return judged


def _added(row: Row) -> Refused | None:
    if row.get("state") != "found":
        return None
    return Refused(f"{row.get('name')} was only found here; nobody added it.", "a adds it.")


def _has_key(row: Row) -> Refused | None:
    if not str(row.get("url")).startswith("ssh://"):
        return _added(row) or Refused(f"{row.get('name')} is not reached over ssh.", "There is no key to forget.")
    return _added(row)


RULES: Mapping[str, Rule] = {
    "container.start": _on_its_host(_start),
    "container.stop": _on_its_host(_end),
    "container.restart": _on_its_host(_restart),
    "container.kill": _on_its_host(_end),
    "container.pause": _on_its_host(_pause),
    "container.unpause": _on_its_host(_unpause),
    "container.remove": _on_its_host(_restart),
    "container.rename": _on_its_host(),
    "container.recreate": _on_its_host(),
    "container.logs": _on_its_host(),
    "container.stats": _on_its_host(_end),
    "container.exec": _on_its_host(_running),
    "host.test": _added,
    "host.remove": _added,
    "host.forget-key": _has_key,
}
