"""The arguments of a launch that are handed over: what was checked, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.launch_form import LaunchForm, field_text


def pinned(form: LaunchForm, answer: Mapping[str, Json]) -> JsonObject:
    """What was checked, every value fixed: a setting changed since then changes nothing of it.

    What is left out is only found at the launch itself: the machine's name, and the address ssh is opened to.
    """
    spec = answer.get("spec")
    typed = form.arguments()
    known = (
        {name: value for name, value in spec.items() if value not in (None, "", [], False)}
        if isinstance(spec, dict)
        else {}
    )
    if "profile" in known:
        typed.pop("profile", None)
    exact = {**known, **typed}
    return {parameter.name: _spelled(parameter.name, exact[parameter.name])
            for parameter in ACTIONS["instance.launch"].parameters if parameter.name in exact}  # fmt: skip


def _spelled(name: str, value: Json) -> Json:
    """`28800s` as a person writes it, `8h`."""
    return field_text(name, value) if name in ("ttl", "idle", "max_ttl") else value
