"""What a handler is given: the store, the clouds, the clock, the settings, who asks, and the job it runs in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from aicompute_tui.domain.caller import Caller
from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.clouds.base import Cloud
    from aicompute_tui.domain.clock import Clock
    from aicompute_tui.domain.credential import AwsKeys, Credential
    from aicompute_tui.domain.host import FoundHost, Host
    from aicompute_tui.domain.job import Job
    from aicompute_tui.hosts.base import Engine
    from aicompute_tui.hub.base import Hub
    from aicompute_tui.settings.keymap import KeyedCommand
    from aicompute_tui.settings.places import Places
    from aicompute_tui.ssh.base import Nodes
    from aicompute_tui.store.database import Store, Transaction


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `owner` is the person's name, `host_id` this state home's host, `name` stands in the audit."""

    owner: str
    host_id: str
    name: str


class CloudDirectory(Protocol):
    """The clouds this process can reach, by credential."""

    async def credentials(self) -> Sequence[Credential]:
        """Found ones (environment, profiles, roles) and stored ones; no call is made to a cloud."""
        ...

    async def resolve(self, name: str | None) -> Credential:
        """By id or name; None is the default one. Raises NotConfigured where there is none."""
        ...

    async def cloud(self, credential_id: str) -> Cloud:
        """Raises NotConfigured where this process does not hold the credential."""
        ...

    async def account_cloud(self, cloud: str, account_id: str, preferred_credential_id: str) -> Cloud:
        """Any credential of that account, the preferred one first. Raises NotConfigured."""
        ...

    async def operator_address(self) -> str | None:
        """This machine's public IPv4 or IPv6 address as the world sees it, None where it cannot be found."""
        ...

    def hold_keys(self, credential_id: str, keys: AwsKeys) -> None:
        """Keeps keys of a person's session in memory for this process."""
        ...

    async def hub_token(self, credential_id: str) -> str:
        """A Hugging Face token by credential. Raises NotConfigured where this process does not have it."""
        ...

    async def static_keys(self, credential_id: str) -> AwsKeys | None:
        """Keys that lie somewhere as they are: the environment, a file, the vault; None for those made when needed."""
        ...

    def session_hub_token(self) -> str | None:
        """The Hugging Face token of the environment or of a person's session."""
        ...

    async def seal(self, text: str) -> bytes:
        """A secret as the vault of this process writes it down. Raises NotConfigured, AuthFailed."""
        ...

    async def unseal(self, token: bytes) -> str:
        """What was sealed. Raises NotConfigured, AuthFailed."""
        ...

    def may_reach(self, url: str) -> bool:
        """False in the demo for anything but this machine."""
        ...


class HostDirectory(Protocol):
    """The container hosts this process can reach."""

    async def engine(self, host: Host) -> Engine:
        """Nothing is asked of the host yet. Raises NotAllowed where it may not be reached."""
        ...

    async def found(self) -> Sequence[FoundHost]:
        """Sockets, contexts and variables that name a host, added or not."""
        ...

    async def forget(self, host: Host, *, keys: bool) -> None:
        """Closes what is open to a host that was removed; with `keys` forgets its host key."""
        ...


class Preferences(Protocol):
    """Settings merged from flag, environment, file, database and built-in."""

    def text(self, key: str) -> str: ...

    def source(self, key: str) -> str: ...

    def layers(self, key: str) -> Sequence[tuple[str, str]]:
        """(source, value) of every source that says something, the one that counts first."""
        ...

    @property
    def problem(self) -> str:
        """Why a part of config.toml could not be used."""
        ...


class JobHandle(Protocol):
    """The job a handler runs in."""

    job: Job
    saw_cancel: bool
    """Whether its handler was told that somebody asked it to stop."""

    async def progress(self, text: str) -> None:
        """Stores a line of progress; raises LeaseLost where another process took the job over."""
        ...

    async def hold(self, transaction: Transaction) -> None:
        """Proves in `transaction` that the job is still ours, before an outside call; raises LeaseLost."""
        ...

    async def cancelled(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Context:
    store: Store
    clouds: CloudDirectory
    clock: Clock
    preferences: Preferences
    places: Places
    actor: Actor
    job: JobHandle | None = None
    open_nodes: Callable[[], Nodes] | None = None
    """This process's connections to machines, made at the first use."""
    open_hosts: Callable[[], HostDirectory] | None = None
    """This process's ways to container hosts, made at the first use."""
    open_hub: Callable[[str | None, str | None], Hub] | None = None
    """The hub of models at an address, or at the usual one, as asked with a token or without."""
    handlers: Callable[[str], Handler] | None = None
    """Action id → what carries it out; given by the composition root, since the verbs stand above the services."""

    commands: Callable[[], Mapping[str, KeyedCommand]] | None = None
    """Everything that has keys, given like the handlers."""
    caller: Caller = Caller.CLI
    """Which door asks, as it is written down with each call to a connection."""

    def with_job(self, job: JobHandle) -> Context:
        return replace(self, job=job)

    @property
    def nodes(self) -> Nodes:
        """Raises RuntimeError where the composition root gave none, a programming error."""
        if self.open_nodes is None:
            raise RuntimeError("this process was given no way to reach machines")
        return self.open_nodes()

    @property
    def hosts(self) -> HostDirectory:
        """Raises RuntimeError where the composition root gave none, a programming error."""
        if self.open_hosts is None:
            raise RuntimeError("this process was given no way to reach container hosts")
        return self.open_hosts()

    def hub(self, address: str | None, token: str | None) -> Hub:
        """Raises RuntimeError where the composition root gave none, a programming error."""
        if self.open_hub is None:
            raise RuntimeError("this process was given no way to reach the hub")
        return self.open_hub(address, token)

    @property
    def running_job(self) -> JobHandle:
        """The job. Raises RuntimeError for a handler of a job that is called as a query, a programming error."""
        if self.job is None:
            raise RuntimeError("this handler runs in a job only")
        return self.job


Arguments = Mapping[str, object]
"""Values by parameter name as the doors parsed them: str, int, bool, Decimal, or lists of str."""

Handler = Callable[[Context, Arguments], Awaitable[Json]]

Stream = Callable[[Context, Arguments], AsyncIterator[JsonObject]]
