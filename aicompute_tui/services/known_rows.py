"""The rows that the rules of what needs someone look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aicompute_tui.store.rows import (
    ConnectionRow,
    ContainerRow,
    HostRow,
    InstanceRow,
    JobRow,
    NodeRow,
    QuotaRequestRow,
    ServerRow,
    SightingRow,
    TunnelRow,
)


class Known(Protocol):
    """Everything the rules look at, by id; nodes and tunnels by machine."""

    @property
    def instances(self) -> Mapping[str, InstanceRow]: ...
    @property
    def nodes(self) -> Mapping[str, NodeRow]: ...
    @property
    def tunnels(self) -> Mapping[str, tuple[TunnelRow, ...]]: ...
    @property
    def sightings(self) -> Mapping[str, SightingRow]: ...
    @property
    def jobs(self) -> Mapping[str, JobRow]: ...
    @property
    def hosts(self) -> Mapping[str, HostRow]: ...
    @property
    def containers(self) -> Mapping[str, ContainerRow]: ...
    @property
    def connections(self) -> Mapping[str, ConnectionRow]: ...
    @property
    def servers(self) -> Mapping[str, ServerRow]: ...
    @property
    def quota_requests(self) -> Mapping[str, QuotaRequestRow]: ...
    @property
    def problem(self) -> str: ...
