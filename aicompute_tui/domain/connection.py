"""A connection to what answers prompts: where it is, how it is asked, and what came back in everybody's terms."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import SplitResult, urlsplit, urlunsplit

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.nearby import is_near
from aicompute_tui.domain.redaction import redact

_UNSEEN = r"\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069"
"""Controls, also those that turn the direction in which a name is read."""
_NAME = re.compile(rf"[^\s{_UNSEEN}](?:[^{_UNSEEN}]{{0,61}}[^\s{_UNSEEN}])?")
_LONGEST_URL = 2_000
_CALLS = ("/chat/completions", "/completions", "/responses", "/embeddings", "/messages", "/models")
"""What an address may have been copied with."""
_OLLAMA_CALLS = ("/api/chat", "/api/generate", "/api/tags", "/api", "/v1")
_AZURE = re.compile(r"/openai(?:/v1|/deployments(?:/[^/]*)?)?$")
"""How either of Azure's interfaces ends, which is what the other kind may have been given."""
_GEMINI = re.compile(r"/models/[^/]+:[A-Za-z]+$|(?<=/v1beta)/openai$")
"""A call of Gemini's, and how its other interface ends."""
_NO_SLASHES = re.compile(r"https?:(?!//)", re.IGNORECASE)
_BARE_IPV6 = re.compile(r"(?:https?://)?[0-9a-f.]*:[0-9a-f.]*:[0-9a-f.:]*(?:[/?#].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionOptions:
    """How each call is made. None is what the server decides, or what nobody told."""

    timeout_seconds: int = 60
    """The longest silence within an answer."""
    temperature: str | None = None
    """As it was written: a decimal number."""
    max_tokens: int | None = None
    organization: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    input_nano_usd: int | None = None
    """Per million tokens, as the user gave it."""
    output_nano_usd: int | None = None
    cached_nano_usd: int | None = None
    """Of what came from a cache; None asks for it as for all that is asked."""
    tls_ca: str | None = None
    """File with the certificates to trust besides the usual ones."""
    api_version: str | None = None
    """Which an address was given with, for a kind that names one with each call."""
    priority: int = 0
    """Of several that could be asked the one with the highest comes first."""
    requests_per_minute: int | None = None
    """How many prompts it may be asked in any minute."""
    retries: int = 2
    """How often a call that nobody began to answer is made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """`kind` is the preset it was made from. Its key lies in the vault under `secret_id`, None where it has none.

    `source` is what it leads to and follows, `container:KEY` or `instance:ID`; None where a person gave the address.
    `inactive_reason` is why it was taken out of use by itself; None where a person did that, or it is in use.
    """

    id: str
    owner: str
    created_by: str
    version: int = 1
    name: str
    kind: str
    base_url: str
    model: str | None = None
    secret_id: str | None = None
    options: ConnectionOptions = field(default_factory=ConnectionOptions)
    flags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_active: bool = True
    created_at: datetime
    description: str = ""
    source: str | None = None
    inactive_reason: str | None = None

    @property
    def word(self) -> str:
        """The name as it is typed on a command line."""
        return shlex.quote(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What was said in a conversation, by `user`, `assistant` or `system`."""

    role: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What is asked, after what was said `earlier`."""

    text: str
    model: str
    max_tokens: int | None = None
    temperature: str | None = None
    earlier: tuple[Message, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        return (*self.earlier, Message(role="user", text=self.text))

    @property
    def turns(self) -> tuple[Message, ...]:
        """The messages without what the system was told, which some ask for elsewhere."""
        return tuple(each for each in self.messages if each.role != "system")

    @property
    def system(self) -> str:
        return "\n\n".join(each.text for each in self.messages if each.role == "system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer; None is what the server did not tell.

    Input is the whole prompt, with what came from a cache; output is all that was made, with what was only thought.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    """Of the input, what came from a cache."""
    written_tokens: int | None = None
    """Of the input, what was put into a cache, which some providers ask more for."""
    reasoning_tokens: int | None = None
    billed_nano_usd: int | None = None
    """What the answer itself says that it cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an answer ended. Moments are seconds since the call began, None for what never came."""

    model: str | None
    finish_reason: str | None
    usage: Usage
    connect_seconds: float | None
    first_token_seconds: float | None
    total_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """A vector for each text, in their order."""

    vectors: tuple[tuple[float, ...], ...]
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Rank:
    """`index` is the place of a document among those given."""

    index: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What was scored, best first."""

    ranks: tuple[Rank, ...]
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model that a server offers."""

    id: str
    name: str | None = None
    context_tokens: int | None = None
    answers: bool | None = None
    """Prompts, and does not only embed or rank; None where the server does not tell."""


def check_connection_name(name: str) -> str:
    """Raises InvalidInput for a name that is empty, too long or holds control characters."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"“{name[:70]}” cannot be a connection's name.", "Use up to 63 characters on one line.")
    return name


def check_base_url(url: str, usual_path: str) -> str:
    """The base address as it is kept: with a scheme, ending in `usual_path` once where it named no path of its own.

    Raises InvalidInput naming what is wrong with it.
    """
    parts = _checked(url)
    return urlunsplit((parts.scheme, parts.netloc, _base_path(parts.path, usual_path), "", ""))


def check_whole_url(url: str) -> str:
    """The very address that was given, with a scheme and a path. Raises InvalidInput as `check_base_url` does."""
    parts = _checked(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", "", ""))


def _checked(url: str) -> SplitResult:
    text = url.strip()
    if not text.isprintable() or " " in text or len(text) > _LONGEST_URL:
        raise InvalidInput("That is not an address.", "Write it like http://10.0.0.5:8000/v1.")
    if _BARE_IPV6.fullmatch(text):
        raise InvalidInput("An IPv6 address stands in brackets.", "Write it like http://[::1]:8000/v1.")
    if _NO_SLASHES.match(text):
        raise InvalidInput(f"“{redact(url)}” is not an address.", "Write it like http://10.0.0.5:8000/v1.")
    try:
        if "://" not in text:
            text = f"{'http' if is_near(text) else 'https'}://{text}"
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise InvalidInput(f"“{redact(url)}” is not an address.", "Write it like http://10.0.0.5:8000/v1.") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        step = "Write it like http://10.0.0.5:8000/v1."
        raise InvalidInput(f"“{redact(url)}” is not the address of a server.", step)
    if parts.username or parts.password:
        raise InvalidInput("An address may hold no user or password.", "Give the key with --api-key-stdin.")
    if parts.query or parts.fragment:
        raise InvalidInput("An address may hold no ? or #.", "Give what stands before it; keys go into the vault.")
    return parts


def server_of(base_url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what a key is sent to."""
    parts = urlsplit(base_url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _base_path(path: str, usual: str) -> str:
    """Without a slash at its end, without the call it was copied with, and with the usual end no more than once."""
    path = _without_ends(re.sub(r"/{2,}", "/", path).rstrip("/"), _CALLS)
    if not usual:
        return _without_ends(path, _OLLAMA_CALLS)
    while path.endswith(usual * 2):
        path = path.removesuffix(usual)
    if usual.startswith("/openai") and (found := _AZURE.search(path)):
        path = path[: found.start()] + usual
    if usual.startswith("/v1beta"):
        path = _GEMINI.sub("", path)
    return path or usual


def _without_ends(path: str, ends: tuple[str, ...]) -> str:
    """However often, and in whichever order, they stand there."""
    while (shorter := next((path.removesuffix(end) for end in ends if path.endswith(end)), None)) is not None:
        path = shorter
    return path


def shown_options(options: ConnectionOptions) -> Mapping[str, str | int | None]:
    """By the name of the parameter that sets each; headers by their names alone."""
    return {
        "timeout": options.timeout_seconds,
        "retries": options.retries,
        "temperature": options.temperature,
        "max_tokens": options.max_tokens,
        "priority": options.priority,
        "requests_per_minute": options.requests_per_minute,
        "organization": options.organization,
        "headers": ", ".join(name for name, _ in options.headers) or None,
        "tls_ca": options.tls_ca,
    }
