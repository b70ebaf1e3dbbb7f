"""What a machine says about itself: how far its set-up is, whether it is idle, and how we reach it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from aicompute_tui.domain.states import WAITS_FOR_TOKEN, LinkState, SetupStage, StepState, TunnelState

if TYPE_CHECKING:
    from aicompute_tui.domain.gpu import GpuReading

__all__ = [
    "WAITS_FOR_TOKEN",
    "LinkState",
    "NodeActivity",
    "NodeReading",
    "NodeReport",
    "SetupStage",
    "SetupStep",
    "StepState",
    "Tunnel",
    "TunnelState",
    "describe_failure",
    "failed_step",
    "is_set_up",
    "news",
    "present_step",
]

_STAGE_WORDS = {
    SetupStage.BOOT: "the boot",
    SetupStage.DRIVER: "the NVIDIA driver",
    SetupStage.DOCKER: "Docker",
    SetupStage.IMAGE: "the image",
    SetupStage.MODEL: "the model",
    SetupStage.READY: "the start of the server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """One step of the set-up. `name` is the model's for `MODEL`, else empty. Seconds are of the node's own clock."""

    stage: SetupStage
    state: StepState
    name: str = ""
    percent: int | None = None
    elapsed_seconds: int | None = None
    """From its beginning to its end, or to the moment of reading."""
    detail: str = ""
    """One plain sentence: what it does now, what it waits for, or why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeActivity:
    """What the machine's own idle watch found last. Moments are already moved to our clock."""

    checked_at: datetime
    idle_since: datetime | None = None
    """None while it is busy."""
    idle_ends_at: datetime | None = None
    """When idleness ends it; None while it is busy or where no idle time was set."""
    busy_because: str = ""
    requests_running: float | None = None
    requests_waiting: float | None = None
    kv_cache_percent: float | None = None
    loaded_models: tuple[str, ...] = ()
    notice: str = ""
    """The cloud's interruption notice, as a sentence; empty where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReading:
    """One answer of the machine's watch."""

    node_now: datetime
    """The machine's clock at the moment of answering, as it has it."""
    steps: tuple[SetupStep, ...] = ()
    activity: NodeActivity | None = None
    gpus: tuple[GpuReading, ...] = ()
    gpu_problem: str = ""
    """Why there are no GPU figures: no driver, no nvidia-smi, a GPU that must be reset."""
    has_node_script: bool = True
    """False on a machine that was not set up by us or by an older program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport:
    """The newest that one host knows of one machine; a row of the store."""

    instance_id: str
    host_id: str
    read_at: datetime | None = None
    """When the machine last answered, by our clock."""
    link: LinkState = LinkState.NEVER
    problem_kind: str = ""
    problem: str = ""
    next_step: str = ""
    steps: tuple[SetupStep, ...] = ()
    activity: NodeActivity | None = None
    gpus: tuple[GpuReading, ...] = ()
    gpu_problem: str = ""
    clock_off_seconds: float | None = None
    """How far the machine's clock is ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """A port of the machine's loopback at a port of this host's, kept open by the agent."""

    instance_id: str
    host_id: str
    remote_port: int
    local_port: int
    is_endpoint: bool = False
    """The framework's own, made by the agent; others a person asked for."""
    state: TunnelState = TunnelState.OPENING
    problem: str = ""


def is_set_up(steps: tuple[SetupStep, ...]) -> bool:
    return any(step.stage is SetupStage.READY and step.state is StepState.DONE for step in steps)


def failed_step(steps: tuple[SetupStep, ...]) -> SetupStep | None:
    return next((step for step in steps if step.state is StepState.FAILED), None)


def present_step(steps: tuple[SetupStep, ...]) -> SetupStep | None:
    """The step that failed, else the one that runs, else the last one done."""
    running = next((step for step in steps if step.state is StepState.RUNNING), None)
    done = [step for step in steps if step.state is StepState.DONE]
    return failed_step(steps) or running or (done[-1] if done else None)


def news(report: NodeReport) -> tuple[object, ...]:
    """What a person would notice of a report; figures that move by themselves and moments of reading are not in it."""
    activity = report.activity
    idle = None if activity is None else (activity.idle_since, activity.idle_ends_at, activity.notice)
    steps = tuple(replace(step, elapsed_seconds=None) for step in report.steps)
    return (report.link, report.problem, report.next_step, steps, idle, report.gpu_problem)


def describe_failure(step: SetupStep) -> str:
    """Which stage failed and why, in one sentence."""
    where = f"the model {step.name}" if step.name else _STAGE_WORDS[step.stage]
    return f"Set-up failed at {where}: {step.detail or 'no reason was given.'}"
