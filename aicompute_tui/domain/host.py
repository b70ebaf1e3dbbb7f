"""A container host: where its engine is reached, what that engine says of itself, and how we stand to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from aicompute_tui.domain.errors import InvalidInput

HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
LOCAL_ADDRESS = "127.0.0.1"
_ENGINE_SCHEMES = frozenset({"unix", "tcp", "http", "https", "ssh"})


class HostKind(StrEnum):
    DOCKER = "docker"
    PORTAINER = "portainer"


class HostState(StrEnum):
    """How the host's engine answers."""

    WAITING = "waiting"
    """Not asked yet."""
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """`url` names the engine, for Portainer its server. TLS material stays in its files; only paths stand here."""

    id: str
    owner: str
    created_by: str
    version: int = 1
    name: str
    kind: HostKind = HostKind.DOCKER
    url: str
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_pin: str | None = None
    """SHA-256 of the one server certificate that is trusted whoever signed it, in hexadecimal digits."""
    ssh_key: str | None = None
    environment: int | None = None
    """The number of a Portainer environment."""
    address: str | None = None
    """Where published ports are reached, None for what `published_address` finds."""
    kept_by: str
    """The installation that watches it: its sockets, key files and tunnels are there."""
    created_at: datetime

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme

    @property
    def is_here(self) -> bool:
        """Whether the engine runs on this very machine."""
        return self.scheme == "unix"

    @property
    def published_address(self) -> str:
        """The host name or address of published ports; empty where it is not known."""
        if self.address:
            return self.address
        if self.is_here:
            return LOCAL_ADDRESS
        return "" if self.kind is HostKind.PORTAINER else urlsplit(self.url).hostname or ""

    def why_not_from(self, installation: str) -> str:
        """Why `installation` may not open it, empty where it may: a socket or file of that path is another one here.

        A Portainer server is the same from everywhere.
        """
        if self.kind is HostKind.PORTAINER or self.kept_by == installation:
            return ""
        return f"{self.name} is kept by another installation, on {self.created_by.rpartition('@')[2]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFacts:
    """What an engine says of itself and its machine. `None` is what it does not tell."""

    engine: str = "Docker"
    engine_version: str = ""
    api_version: str = ""
    name: str = ""
    """The machine's own name."""
    operating_system: str = ""
    architecture: str = ""
    cpus: int | None = None
    memory_bytes: int | None = None
    runtimes: tuple[str, ...] = ()
    gpus: tuple[str, ...] | None = None
    """Names of the GPUs found, empty where there is surely none, None where nobody can tell."""
    free_disk_bytes: int | None = None
    """Where images and containers lie."""
    data_folder: str = ""
    containers: int | None = None
    running: int | None = None
    images: int | None = None
    is_rootless: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def has_gpu_runtime(self) -> bool:
        return any(name.startswith("nvidia") for name in self.runtimes)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """The newest that is known of a host; a row of the store."""

    host_id: str
    state: HostState = HostState.WAITING
    read_at: datetime | None = None
    """When it last answered with its containers."""
    since: datetime | None = None
    """When the state became what it is."""
    problem_kind: str = ""
    problem: str = ""
    next_step: str = ""
    facts: HostFacts = field(default_factory=HostFacts)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundHost:
    """A host that nobody added: a socket, a context or a variable of this person's session that names one."""

    name: str
    url: str
    source: str
    """Where it was found, for people: a path or a variable's name."""
    kind: HostKind = HostKind.DOCKER
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None


def check_name(name: str) -> str:
    """Raises InvalidInput for a name that would not be one word."""
    if not HOST_NAME.fullmatch(name):
        raise InvalidInput(
            f"“{name}” cannot be a host's name.", "Use letters, digits, dot, dash and underscore, up to 63."
        )
    return name


def check_url(url: str, kind: HostKind) -> str:
    """The address as it is kept. Raises InvalidInput naming what is wrong with it."""
    text = f"unix://{url}" if url.startswith("/") else url.strip()
    if "://" not in text:
        text = f"tcp://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"“{url}” is not an address.", "Write it like tcp://10.0.0.5:2376.", str(error)) from None
    if kind is HostKind.PORTAINER:
        return _check_portainer(text, parts.scheme, parts.hostname)
    if parts.scheme not in _ENGINE_SCHEMES:
        raise InvalidInput(
            f"{parts.scheme}:// is no way to a container engine.",
            "Use unix:///path, tcp://host:port, https://host:port or ssh://user@host.",
        )
    if parts.password:
        raise InvalidInput("An address may hold no password.", "Use a key: ssh asks for none here.")
    if parts.scheme == "unix":
        if not parts.path.startswith("/") or parts.netloc:
            raise InvalidInput(f"“{url}” names no socket.", "Write the whole path: unix:///var/run/docker.sock.")
        return text
    if not parts.hostname:
        raise InvalidInput(f"“{url}” names no host.", "Write it like tcp://10.0.0.5:2376 or ssh://user@box.")
    if parts.scheme == "tcp" and port is None:
        raise InvalidInput(f"“{url}” has no port.", "Docker's is usually 2375, with TLS 2376.")
    return text


def _check_portainer(text: str, scheme: str, host: str | None) -> str:
    if scheme not in {"http", "https"} or not host:
        raise InvalidInput(
            f"“{text}” is not the address of a Portainer server.", "Write it like https://portainer.example:9443."
        )
    return text.rstrip("/")


def gpus_told(gpus: Sequence[str]) -> str:
    """`2: A10G`; `nvidia.com/gpu=0` is only how a device is asked for, and no model."""
    models = [each for each in gpus if "=" not in each]
    if models or not gpus:
        return f"{len(gpus)}: {', '.join(dict.fromkeys(models))}" if gpus else "none"
    return f"{len(gpus)}, models unknown (asked for by device name: {', '.join(gpus)})"
