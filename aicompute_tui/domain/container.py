"""A container as an engine tells of it, and what streams from it: log pieces, figures and events."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum


class ContainerState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"

    @property
    def is_alive(self) -> bool:
        return self in {ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING}


class Health(StrEnum):
    """What the container's own health check says."""

    NONE = "none"
    """It has no such check."""
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class LogStream(StrEnum):
    STDOUT = "stdout"
    STDERR = "stderr"
    TERMINAL = "terminal"
    """A container with a terminal has one stream for both."""


@dataclass(frozen=True, slots=True, order=True)
class PortBinding:
    """`host_port` is None for a port that is only told of and not published."""

    container_port: int
    protocol: str = "tcp"
    address: str = ""
    host_port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuRequest:
    """`count` -1 is all of them; with `device_ids` it means nothing."""

    count: int = 0
    device_ids: tuple[str, ...] = ()
    driver: str = ""

    def __str__(self) -> str:
        if self.device_ids:
            return ",".join(self.device_ids)
        return "all" if self.count < 0 else str(self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """`host_id` is the container host's. What only an inspection tells is None until there was one."""

    host_id: str
    id: str
    name: str
    image: str
    image_id: str = ""
    command: str = ""
    state: ContainerState = ContainerState.UNKNOWN
    health: Health = Health.NONE
    exit_code: int | None = None
    is_out_of_memory: bool = False
    """Ended by the kernel because its memory was used up."""
    error: str = ""
    """Why the engine could not start it, in the engine's words."""
    restart_count: int | None = None
    restart_policy: str = ""
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    ports: tuple[PortBinding, ...] = ()
    gpus: GpuRequest | None = None
    has_terminal: bool | None = None
    labels: tuple[tuple[str, str], ...] = ()
    project: str = ""
    """The Compose project it belongs to."""
    is_inspected: bool = False

    @property
    def key(self) -> str:
        """Its name in the change feed."""
        return f"{self.host_id}/{self.id}"

    @property
    def short_id(self) -> str:
        return self.id[:12]


_INSPECTED = (
    "is_out_of_memory",
    "error",
    "restart_count",
    "restart_policy",
    "started_at",
    "finished_at",
    "gpus",
    "has_terminal",
    "is_inspected",
)


def with_inspected(listed: Container, known: Container | None) -> Container | None:
    """`listed` with what an earlier inspection told, None where that may hold no longer."""
    if known is None or not known.is_inspected or known.id != listed.id:
        return None
    if (known.state, known.health, known.exit_code) != (listed.state, listed.health, listed.exit_code):
        return None
    values = {each.name: getattr(listed, each.name) for each in fields(Container)}
    return Container(**{**values, **{name: getattr(known, name) for name in _INSPECTED}})


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Whole lines of one stream, each with its moment at its beginning; only a container's last words may end early."""

    stream: LogStream
    data: bytes

    @property
    def stamp(self) -> str:
        """The moment of the first line."""
        return self.data[:40].partition(b" ")[0].decode("ascii", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsSample:
    """One answer about what a container uses; `None` is what is not known, as processor use at the first answer."""

    at: datetime | None = None
    cpu_percent: float | None = None
    """100 is one core used whole."""
    memory_bytes: int | None = None
    """Without what the kernel keeps of files and would give back at once."""
    memory_limit_bytes: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    processes: int | None = None

    @property
    def memory_percent(self) -> float | None:
        if self.memory_bytes is None or not self.memory_limit_bytes:
            return None
        return self.memory_bytes / self.memory_limit_bytes * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineEvent:
    """Something that happened on a host: `kind` is container, image, volume …, `action` what."""

    kind: str
    action: str
    id: str
    at: datetime | None = None
    """By the engine's own clock."""
    name: str = ""
    image: str = ""
    exit_code: int | None = None
    attributes: tuple[tuple[str, str], ...] = field(default=())
