"""What the rest of the house knows of a container host: one engine per host, and what it can and cannot do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aicompute_tui.domain.container import Container, EngineEvent, LogPiece, StatsSample
from aicompute_tui.domain.host import Host, HostFacts
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.stored import Image, RegistryLogin, Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a host offers; `why_not` says it in a sentence for what it does not."""

    can_exec: bool = True
    can_change: bool = True
    has_files: bool = False
    """Whether its disk can be looked at from here."""
    takes_logins: bool = True
    """Whether it may be handed a login for a registry."""
    why_no_login: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogsWanted:
    """Which part of a container's log: the last `tail` lines (None for all) from `since` on, and what follows."""

    tail: int | None = None
    since: str = ""
    """A moment with all its nine digits, as a line of the log begins; lines of that very moment are given too."""
    follow: bool = False
    has_moments: bool = True
    """Whether each line begins with its moment, which costs the engine a third of its speed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that ran in a container to its end."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class Shell(Protocol):
    """A process in a container whose words go both ways."""

    def chunks(self) -> AsyncIterator[bytes]:
        """What it prints, until its end."""
        ...

    async def write(self, data: bytes) -> None: ...

    async def resize(self, columns: int, rows: int) -> None: ...

    async def exit_code(self) -> int | None:
        """None where it still runs."""
        ...


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """A layer on its way: what happens to it now, and how much of it is there."""

    id: str
    text: str
    bytes_done: int
    bytes_known: int


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far an image is: layers done of those known, and bytes of those being read."""

    text: str
    layers_done: int
    layers: int
    bytes_done: int
    bytes_known: int
    moving: tuple[LayerProgress, ...] = ()
    """The layers that something happens to now."""

    @property
    def percent(self) -> int | None:
        return None if not self.bytes_known else min(100, self.bytes_done * 100 // self.bytes_known)


class Engine(Protocol):
    """One host's engine. Every call has a time-out and raises our errors, each with the next step in words.

    Streams have connections of their own, which end with their block. Nothing is tried again here.
    """

    host: Host

    @property
    def abilities(self) -> Abilities: ...

    async def facts(self) -> HostFacts: ...

    async def containers(self) -> list[Container]:
        """All of them, as the engine lists them."""
        ...

    async def inspect(self, container_id: str) -> tuple[Container, JsonObject]:
        """By id or name, with the engine's whole answer. Raises NotFound."""
        ...

    def events(self, since: datetime | None = None) -> AbstractAsyncContextManager[AsyncIterator[EngineEvent]]: ...

    def logs(
        self, container_id: str, wanted: LogsWanted, *, has_terminal: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[LogPiece]]: ...

    def stats(self, container_id: str) -> AbstractAsyncContextManager[AsyncIterator[StatsSample]]:
        """About one answer a second; ends when the container is gone."""
        ...

    async def start(self, container_id: str) -> None: ...

    async def stop(self, container_id: str, grace_seconds: int) -> None: ...

    async def restart(self, container_id: str, grace_seconds: int) -> None: ...

    async def kill(self, container_id: str, signal: str) -> None: ...

    async def pause(self, container_id: str) -> None: ...

    async def unpause(self, container_id: str) -> None: ...

    async def rename(self, container_id: str, name: str) -> None: ...

    async def remove(self, container_id: str, *, force: bool, volumes: bool) -> None: ...

    async def processes(self, container_id: str) -> list[JsonObject]: ...

    async def execute(
        self, container_id: str, command: Sequence[str], *, timeout_seconds: float = 30.0
    ) -> Finished: ...

    async def has_image(self, image: str) -> bool: ...

    def pull(
        self, image: str, login: RegistryLogin | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[PullProgress]]:
        """Leaving the block ends the reading; the engine may go on by itself. Raises what the registry refuses."""
        ...

    async def image(self, reference: str) -> JsonObject:
        """The engine's whole answer about an image. Raises NotFound."""
        ...

    async def images(self, *, shared: bool = False) -> list[Image]:
        """With `shared` also how much of each other images have too, which takes longer."""
        ...

    async def remove_image(self, reference: str, name: str) -> None:
        """By id or tag; `name` is what it is called. Raises Refused where a container uses it."""
        ...

    async def layers_bytes(self) -> int | None:
        """What all images take together on its disk."""
        ...

    async def volumes(self, size_seconds: float) -> list[Volume]:
        """With the sizes that can be counted in so many seconds."""
        ...

    async def remove_volume(self, name: str) -> None:
        """Raises Refused where a container uses it."""
        ...

    async def create(self, name: str, request: JsonObject) -> str:
        """The id of a container that does not run yet."""
        ...

    def shell(
        self, container_id: str, command: Sequence[str], *, columns: int, rows: int
    ) -> AbstractAsyncContextManager[Shell]: ...

    async def aclose(self) -> None: ...
