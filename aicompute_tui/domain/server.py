"""A model server: where it is and what it is, what it can be asked to do, and what it last said of itself."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from aicompute_tui.domain.connection import check_base_url, check_whole_url
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.health import HealthState
from aicompute_tui.domain.server_kind import ServerKind

_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,61}[^\s\x00-\x1f\x7f])?")
_CALLS = (
    "/health",
    "/metrics",
    "/models",
    "/info",
    "/props",
    "/system_stats",
    "/api/tags",
    "/api/version",
    "/api",
    "/v1",
)
_STATES = {HealthState.UP: "online", HealthState.DEGRADED: "degraded", HealthState.DOWN: "offline"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAbilities:
    """What servers of one kind can be asked to do; whether this one lets us is told by trying."""

    can_pull: bool = False
    can_delete: bool = False
    can_load: bool = False
    can_unload: bool = False
    can_sleep: bool = False
    can_lora: bool = False
    can_create: bool = False
    can_embed: bool = False
    can_rerank: bool = False
    has_figures: bool = False


_ABILITIES = {
    ServerKind.OLLAMA: ServerAbilities(
        can_pull=True, can_delete=True, can_load=True, can_unload=True, can_create=True, can_embed=True,
        has_figures=True,
    ),
    ServerKind.VLLM: ServerAbilities(
        can_sleep=True, can_lora=True, can_embed=True, can_rerank=True, has_figures=True
    ),
    ServerKind.SGLANG: ServerAbilities(can_sleep=True, can_lora=True, can_embed=True, has_figures=True),
    ServerKind.LLAMACPP: ServerAbilities(can_embed=True, can_rerank=True, has_figures=True),
    ServerKind.LLAMACPP_ROUTER: ServerAbilities(
        can_pull=True, can_delete=True, can_load=True, can_unload=True, can_embed=True, can_rerank=True
    ),
    ServerKind.TGI: ServerAbilities(has_figures=True),
    ServerKind.TEI: ServerAbilities(can_embed=True, has_figures=True),
    ServerKind.TEI_RERANKER: ServerAbilities(can_rerank=True, has_figures=True),
    ServerKind.INFINITY: ServerAbilities(can_embed=True, can_rerank=True, has_figures=True),
    ServerKind.LITELLM: ServerAbilities(can_embed=True),
    ServerKind.COMFYUI: ServerAbilities(can_unload=True, has_figures=True),
    ServerKind.OPENWEBUI: ServerAbilities(),
    ServerKind.MLFLOW: ServerAbilities(),
    ServerKind.HTTP: ServerAbilities(),
}  # fmt: skip


def abilities_of(kind: ServerKind) -> ServerAbilities:
    return _ABILITIES[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    timeout_seconds: int = 10
    """The longest a check or a reading may take."""
    expected_status: int | None = None
    """What a plain `http` check wants to see; None is any of 2xx."""
    tls_ca: str | None = None
    """File with the certificates to trust besides the usual ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServer:
    """Its key lies in the vault under `secret_id`, None where it has none.

    `source` is what it leads to and follows, `container:KEY` or `instance:ID`; None where a person gave the address.
    `inactive_reason` is why it was taken out of use by itself; None where a person did that, or it is in use.
    """

    id: str
    owner: str
    created_by: str
    version: int = 1
    name: str
    kind: ServerKind
    base_url: str
    source: str | None = None
    secret_id: str | None = None
    options: ServerOptions = field(default_factory=ServerOptions)
    tags: tuple[str, ...] = ()
    is_active: bool = True
    inactive_reason: str | None = None
    created_at: datetime

    @property
    def word(self) -> str:
        """The name as it is typed on a command line."""
        return shlex.quote(self.name)


class ModelState(StrEnum):
    LOADED = "loaded"
    AVAILABLE = "available"
    """It is there and takes no memory."""
    LOADING = "loading"
    SLEEPING = "sleeping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerModel:
    """One model of a server; None is what the server does not tell."""

    id: str
    state: ModelState
    size_bytes: int | None = None
    quantisation: str | None = None
    context_tokens: int | None = None
    parameters: str | None = None
    """How many, as the server writes it: `8.0B`."""
    memory_bytes: int | None = None
    """Of GPU memory, while it is loaded."""
    parent: str | None = None
    """The model that an adapter belongs to."""

    @property
    def memory_share(self) -> float | None:
        """How much of it lies in GPU memory, 0 to 1."""
        if self.memory_bytes is None or not self.size_bytes:
            return None
        return min(self.memory_bytes / self.size_bytes, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFigures:
    """None is what the server does not tell, or not yet: a rate wants two readings."""

    requests_running: float | None = None
    requests_waiting: float | None = None
    cache_share: float | None = None
    """Of the KV cache, 0 to 1."""
    tokens_per_second: float | None = None
    """Written since the reading before."""
    first_token_seconds: float | None = None
    """The mean of what was answered since the reading before."""
    memory_used_bytes: float | None = None
    memory_total_bytes: float | None = None


FIGURES = tuple(each.name for each in fields(ServerFigures))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCounters:
    """What only grows while a server runs; two of them make rates."""

    tokens: float | None = None
    first_tokens: float | None = None
    """How many answers began."""
    first_token_seconds: float | None = None
    """All their waits together."""


def with_rates(
    figures: ServerFigures, now: ServerCounters, before: ServerCounters, seconds: float
) -> tuple[float | None, float | None]:
    """Tokens per second, and the mean wait for the first, between two readings.

    Nothing is told after a restart, when any counter stands below where it was; a rate that the server tells counts.
    """
    tokens, began = _grown(now.tokens, before.tokens), _grown(now.first_tokens, before.first_tokens)
    waited = _grown(now.first_token_seconds, before.first_token_seconds)
    if _is_fall(tokens) or _is_fall(began) or _is_fall(waited):
        return figures.tokens_per_second, figures.first_token_seconds
    rate = figures.tokens_per_second
    if rate is None and tokens is not None and seconds > 0:
        rate = tokens / seconds
    wait = figures.first_token_seconds
    if wait is None and began and waited is not None:
        wait = waited / began
    return rate, wait


def _grown(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _is_fall(grown: float | None) -> bool:
    return grown is not None and grown < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What changes seldom."""

    version: str = ""
    models: tuple[ServerModel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReport:
    """The newest of what a server said; None is a server that never answered."""

    server_id: str
    read_at: datetime | None = None
    facts: ServerFacts = field(default_factory=ServerFacts)
    facts_at: datetime | None = None
    """When the models were read last, which is not done at each reading."""
    figures: ServerFigures = field(default_factory=ServerFigures)
    counters: ServerCounters = field(default_factory=ServerCounters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReading:
    """One look at a server: how it answered, and what it said; `problem` is why it did not.

    `degraded` is its own word for what is not well though it answers. `facts` is None where they were not asked for.
    """

    server_id: str
    read_at: datetime
    latency_microseconds: int | None = None
    problem: AicError | None = None
    degraded: str = ""
    facts: ServerFacts | None = None
    figures: ServerFigures = field(default_factory=ServerFigures)
    counters: ServerCounters = field(default_factory=ServerCounters)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSample:
    """The means of figures within `span_seconds` from `at`."""

    server_id: str
    span_seconds: int
    at: datetime
    requests_running: float | None = None
    requests_waiting: float | None = None
    cache_share: float | None = None
    tokens_per_second: float | None = None
    first_token_seconds: float | None = None
    memory_used_bytes: float | None = None
    memory_total_bytes: float | None = None


def server_state(state: HealthState | None) -> str:
    """online, degraded, offline or unknown."""
    return "unknown" if state is None else _STATES.get(state, "unknown")


def check_server_name(name: str) -> str:
    """Raises InvalidInput for a name that is empty, too long or holds control characters."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"“{name[:70]}” cannot be a server's name.", "Use up to 63 characters on one line.")
    return name


def check_server_url(url: str, kind: ServerKind | None) -> str:
    """The address as it is kept: without the call it was copied with; that of a plain check stays whole.

    Raises InvalidInput naming what is wrong with it.
    """
    if kind is ServerKind.HTTP:
        return check_whole_url(url)
    address = check_base_url(url, "/").rstrip("/")
    for call in _CALLS:
        address = address.removesuffix(call)
    return address


def name_from(url: str) -> str:
    """What a server is called that nobody named: its host and port."""
    parts = urlsplit(url)
    host = parts.hostname or url
    return host if parts.port is None else f"{host}:{parts.port}"
