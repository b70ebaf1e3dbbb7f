"""The words for how machines, their set-up, links and tunnels stand, apart from the models that bear them."""

from __future__ import annotations

from enum import StrEnum


class InstanceState(StrEnum):
    REQUESTED = "requested"
    LAUNCHING = "launching"
    BOOTING = "booting"
    PREPARING = "preparing"
    READY = "ready"
    DEGRADED = "degraded"
    DRAINING = "draining"
    STOPPING = "stopping"
    STOPPED = "stopped"
    TERMINATING = "terminating"
    UNKNOWN = "unknown"
    LOST = "lost"
    TERMINATED = "terminated"
    FAILED = "failed"


FINAL_STATES = frozenset({InstanceState.TERMINATED, InstanceState.FAILED})
RUNNING_STATES = frozenset(
    {
        InstanceState.BOOTING,
        InstanceState.PREPARING,
        InstanceState.READY,
        InstanceState.DEGRADED,
        InstanceState.DRAINING,
    }
)


class DesiredState(StrEnum):
    """What the owner wants; a reconcile pass on any agent works towards it."""

    RUNNING = "running"
    STOPPED = "stopped"
    TERMINATED = "terminated"


class Market(StrEnum):
    SPOT = "spot"
    ON_DEMAND = "on-demand"


class SetupStage(StrEnum):
    """In the order they are gone through; `MODEL` once for each model."""

    BOOT = "boot"
    DRIVER = "driver"
    DOCKER = "docker"
    IMAGE = "image"
    MODEL = "model"
    READY = "ready"


WAITS_FOR_TOKEN = "waits for a Hugging Face token"  # noqa: S105 - the set-up's own words
"""What the detail of a step says that goes on only when a person gives something."""


class StepState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class LinkState(StrEnum):
    """How this host stands to the machine's ssh."""

    NEVER = "never"
    """Not tried yet, or not to be tried: the machine is not running."""
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"


class TunnelState(StrEnum):
    OPENING = "opening"
    OPEN = "open"
    FAILED = "failed"
