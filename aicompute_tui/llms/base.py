"""What a dialect is: the requests of one wire format, and how its answers are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from aicompute_tui.domain.connection import Connection, Prompt, ServedModel, Usage
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.presets import Preset

_MOST_TOKENS = 1 << 53
"""Beyond it a figure is no count, and no column holds it."""
_GREATEST = 3.5e38
"""Models reckon with no more than floats of 32 bits hold."""


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A connection with its key; the repr shows none of it."""

    connection: Connection
    preset: Preset
    secret: str | None

    def __repr__(self) -> str:
        return f"Endpoint({self.connection.name!r})"

    @property
    def api_version(self) -> str:
        return self.connection.options.api_version or self.preset.api_version or ""

    def headers(self) -> dict[str, str]:
        """With the key where the server wants it, and what the user added."""
        found = dict(self.connection.options.headers)
        if self.connection.options.organization:
            found["OpenAI-Organization"] = self.connection.options.organization
        if self.secret:
            is_bearer = self.preset.auth == "Authorization"
            found[self.preset.auth] = f"Bearer {self.secret}" if is_bearer else self.secret
        return found


class Request(NamedTuple):
    """`path` follows the base address; `body` None is a GET."""

    path: str
    body: JsonObject | None = None
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


class ModelPage(NamedTuple):
    models: Sequence[ServedModel]
    next_page: str | None = None
    """What names the following page, None at the end."""


@dataclass(slots=True)
class Reading:
    """What was read of an answer so far."""

    has_begun: bool = False
    """Whether it was not refused: what fails from then on may be billed."""
    model: str | None = None
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    is_ended: bool = False
    """Whether the server said that this was all: a stream that stops before was cut."""
    is_final: bool = False
    """Whether nothing may follow, as usage does after the end of some."""
    problem: Json = None
    """The error that came within the stream."""


class Dialect(Protocol):
    is_event_stream: bool
    """Server-sent events; else a JSON object on each line."""

    def models(self, endpoint: Endpoint, page: str | None) -> Request: ...

    def read_models(self, body: Json) -> ModelPage | None:
        """None where it is not a list of models."""
        ...

    def chat(self, endpoint: Endpoint, prompt: Prompt) -> Request:
        """Asked to be streamed, with its usage."""
        ...

    def read(self, payload: JsonObject, reading: Reading) -> str:
        """The text of one piece of a stream; what it tells besides is kept in `reading`."""
        ...


def as_object(value: Json) -> JsonObject:
    """An empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Json) -> list[JsonObject]:
    """The objects of a list, none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    """What no encoding can hold, half of a pair of surrogates, is a question mark."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) and value else None


def as_count(value: Json) -> int | None:
    """A number of tokens; None for anything that cannot be one."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS
    return value if isinstance(value, int) and is_count else None


def as_number(value: Json) -> float | None:
    """None for what is none, and for what no model reckons with."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) <= _GREATEST else None


def total_of(*counts: int | None) -> int | None:
    """The sum of those that are known, None where none is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def number_of(text: str | None) -> float | None:
    return None if text is None else float(text)
