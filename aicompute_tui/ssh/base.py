"""What the rest of the house knows of ssh: an address, a finished command, a forward, and the pool of connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAddress:
    """Where a machine's ssh is. `instance_id` names it among connections and host keys, whatever its address."""

    instance_id: str
    host: str
    port: int
    login: str
    name: str = ""
    """What people call it; said in errors."""
    key_files: tuple[Path, ...] = ()
    """Keys of the person's own that are shown beside ours; one that is absent or has a passphrase is left out."""
    agent_socket: str = ""
    """The person's ssh agent, whose keys are shown as well."""

    @property
    def title(self) -> str:
        return self.name or f"the machine at {self.host}"


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that came to its end. `exit_code` is negative where a signal ended it."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class RunningCommand(Protocol):
    """A command whose output is read as it comes; reading slowly slows the command down."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Its standard output until its end. Raises Unreachable where the connection breaks."""
        ...

    @property
    def exit_code(self) -> int | None:
        """None until it has ended."""
        ...

    @property
    def stderr_tail(self) -> str:
        """The last few lines of its standard error."""
        ...


class Forward(Protocol):
    """A port of this host that leads to one of the machine."""

    local_port: int

    @property
    def is_open(self) -> bool:
        """False once its connection broke; it then leads nowhere and is to be closed."""
        ...

    async def aclose(self) -> None: ...


class SocketForward(Protocol):
    """A socket of this host that leads to one of the machine."""

    local_path: Path

    @property
    def is_open(self) -> bool:
        """False once its connection broke; it then leads nowhere and is to be closed."""
        ...

    async def aclose(self) -> None: ...


class Nodes(Protocol):
    """One connection per machine, opened at the first need, shared by everyone, closed when unused for a while.

    Raises AuthFailed (our key is refused), Refused (the host key changed), Unreachable (no answer, refused, timed out,
    broken off) with the next step in words. Nothing here ever asks a person.
    """

    key_file: Path
    known_hosts: Path

    async def run(
        self, address: NodeAddress, command: str, *, stdin: bytes = b"", timeout_seconds: float = 20.0
    ) -> Finished: ...

    def open(self, address: NodeAddress, command: str) -> AbstractAsyncContextManager[RunningCommand]: ...

    async def forward(self, address: NodeAddress, remote_port: int, local_port: int) -> Forward:
        """`local_port` 0 takes any free one. Raises Conflict where it is taken on this host."""
        ...

    def watch_break(self, instance_id: str, on_break: Callable[[], None]) -> Callable[[], None]:
        """Calls `on_break` once when the present connection breaks; answers what takes the watch back."""
        ...

    async def forget(self, instance_id: str) -> None:
        """Closes the connection and forgets the host key: the machine is gone."""
        ...

    async def aclose(self) -> None: ...


class Boxes(Protocol):
    """What a container host that is reached over ssh needs of the same pool."""

    async def run(
        self, address: NodeAddress, command: str, *, stdin: bytes = b"", timeout_seconds: float = 20.0
    ) -> Finished: ...

    async def forward_socket(self, address: NodeAddress, remote_path: str, local_path: Path) -> SocketForward:
        """`local_path` is taken whatever stands there; its folder is to be the owner's alone."""
        ...

    async def forget(self, instance_id: str) -> None: ...
