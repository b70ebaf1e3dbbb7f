"""What machines say about themselves, read from their rows: set-up, idleness, link, and the nearer of two ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from aicompute_tui.domain.json import Json
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.domain.states import (
    RUNNING_STATES,
    WAITS_FOR_TOKEN,
    InstanceState,
    LinkState,
    SetupStage,
    StepState,
)
from aicompute_tui.store.rows import InstanceRow, NodeRow

if TYPE_CHECKING:
    from aicompute_tui.domain.gpu import GpuReading
    from aicompute_tui.domain.node import NodeActivity, SetupStep

IDLE_SOON = 10 * 60.0
"""An idle machine that ends within this time wants a person."""
_SETTING_UP = frozenset({InstanceState.BOOTING, InstanceState.PREPARING})
_SETTLED = frozenset({InstanceState.READY, InstanceState.DEGRADED, InstanceState.DRAINING})
_FAILED_MARK, _NO_NOTICE = f'"{StepState.FAILED}"', '"notice": ""'


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """One account of a machine, from its row or from a live stream. `at` is when it was read, in seconds."""

    at: float | None = None
    steps: tuple[SetupStep, ...] = ()
    activity: NodeActivity | None = None
    gpus: tuple[GpuReading, ...] = ()
    gpu_problem: str = ""


class End(NamedTuple):
    """When a machine ends by itself, and whether idleness is what ends it."""

    at: float
    is_idle: bool


@lru_cache(maxsize=2_048)
def figures_of(row: NodeRow) -> NodeFigures:
    """What cannot be read in a row is left out, as a newer program may have written it."""
    return NodeFigures(
        row.read_at, _steps(_read(row.steps)), _activity(_read(row.activity)), _gpus(_read(row.gpus)), row.gpu_problem
    )


def figures_in(item: Mapping[str, Json]) -> NodeFigures:
    """One item of `instance.metrics`."""
    at = parse_moment(str(item.get("at") or ""))
    return NodeFigures(
        None if at is None else at.timestamp(),
        _steps(item.get("steps")),
        _activity(item.get("activity")),
        _gpus(item.get("gpus")),
        str(item.get("gpu_problem") or ""),
    )


def idle_end(instance: InstanceRow, node: NodeRow | None) -> float | None:
    """When idleness ends it; None while it is busy or nothing is known. An extension moves it at once."""
    if node is None or node.idle_ends_at is None or instance.state not in RUNNING_STATES:
        return None
    return max(node.idle_ends_at, instance.awake_until or 0.0)


def next_end(instance: InstanceRow, node: NodeRow | None) -> End | None:
    """The sooner of the machine's own end and its idle end; None where nothing ends it."""
    idle = idle_end(instance, node)
    if idle is not None and (instance.expires_at is None or idle < instance.expires_at):
        return End(idle, is_idle=True)
    return None if instance.expires_at is None else End(instance.expires_at, is_idle=False)


def failed_setup(instance: InstanceRow, node: NodeRow | None) -> SetupStep | None:
    if node is None or instance.state not in RUNNING_STATES or _FAILED_MARK not in node.steps:
        return None
    from aicompute_tui.domain.node import failed_step

    return failed_step(figures_of(node).steps)


def waiting_step(instance: InstanceRow, node: NodeRow | None) -> SetupStep | None:
    """A step that waits for what a person must give; it waits for driver and Docker by itself."""
    if node is None or instance.state not in _SETTING_UP or WAITS_FOR_TOKEN not in node.steps:
        return None
    from aicompute_tui.domain.node import present_step

    step = present_step(figures_of(node).steps)
    waits = step is not None and step.state is StepState.RUNNING and step.detail.startswith(WAITS_FOR_TOKEN)
    return step if waits else None


def notice(instance: InstanceRow, node: NodeRow | None) -> str:
    """The cloud's interruption notice, empty where there is none."""
    if node is None or instance.state not in RUNNING_STATES or not node.activity or _NO_NOTICE in node.activity:
        return ""
    activity = figures_of(node).activity
    return activity.notice if activity is not None else ""


def lost_link(instance: InstanceRow, node: NodeRow | None) -> bool:
    """The machine was or should be reachable over ssh and is not; a young one has not begun to listen yet."""
    if node is None or node.link != LinkState.FAILED:
        return False
    settled = instance.state in _SETTLED or instance.state == InstanceState.PREPARING
    return settled or (instance.state in RUNNING_STATES and node.problem_kind not in ("", "Unreachable"))


def stage_text(instance: InstanceRow, node: NodeRow | None) -> str:
    """`model 61%` while it is being set up; empty before the first word of it and once it is ready."""
    if node is None or instance.state not in _SETTING_UP:
        return ""
    from aicompute_tui.domain.node import is_set_up, present_step

    steps = figures_of(node).steps
    step = present_step(steps)
    if step is None or is_set_up(steps) or step.stage in (SetupStage.BOOT, SetupStage.READY):
        return ""
    percent = "" if step.percent is None or step.state is not StepState.RUNNING else f" {step.percent}%"
    return f"{step.stage}{percent}"


def searched_stage(instance: InstanceRow, node: NodeRow | None) -> str | None:
    """What `stage:` looks into: the stage, `failed`, the model and the detail; `ready` once it is set up."""
    if node is None:
        return None
    from aicompute_tui.domain.node import is_set_up, present_step

    steps = figures_of(node).steps
    step = present_step(steps)
    if step is None:
        return None
    if is_set_up(steps) and step.state is not StepState.FAILED:
        return "ready"
    return f"{step.stage} {step.state} {step.name} {step.detail} {stage_text(instance, node)}".lower()


def log_in_view(instance: InstanceRow | None, node: NodeRow | None) -> str:
    """The log that tells most now: the set-up's until the machine is ready, then the model server's."""
    from aicompute_tui.domain.node import failed_step, is_set_up

    serves = instance is not None and instance.framework != "none"
    steps = figures_of(node).steps if node is not None else ()
    if steps:
        is_ready = is_set_up(steps) and failed_step(steps) is None
    else:
        is_ready = instance is not None and (instance.is_final or instance.state in _SETTLED)
    return "framework" if is_ready and serves else "setup"


def _read(text: str) -> Json:
    if not text:
        return None
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value


def _steps(value: Json) -> tuple[SetupStep, ...]:
    from aicompute_tui.domain.node import SetupStep  # the first frame rarely needs any

    found = []
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict):
            try:
                stage, state = SetupStage(str(each.get("stage"))), StepState(str(each.get("state")))
            except ValueError:
                continue
            found.append(SetupStep(**{**_known(SetupStep, each), "stage": stage, "state": state}))
    return tuple(found)


def _activity(value: Json) -> NodeActivity | None:
    if not isinstance(value, dict) or (checked_at := parse_moment(str(value.get("checked_at") or ""))) is None:
        return None
    from aicompute_tui.domain.node import NodeActivity

    moments = {key: parse_moment(str(value.get(key) or "")) for key in ("idle_since", "idle_ends_at")}
    models = value.get("loaded_models")
    loaded = tuple(str(model) for model in models) if isinstance(models, list) else ()
    return NodeActivity(**{**_known(NodeActivity, value), **moments, "checked_at": checked_at, "loaded_models": loaded})


def _gpus(value: Json) -> tuple[GpuReading, ...]:
    from aicompute_tui.domain.gpu import GpuReading  # the first frame needs none

    readings = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    return tuple(GpuReading(**_known(GpuReading, each)) for each in readings if isinstance(each.get("index"), int))


def _known(kind: type[Any], value: Mapping[str, Json]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {key: each for key, each in value.items() if key in names}
