"""What an adapter of one kind of model server is: its reading, its figures, and the verbs it has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from aicompute_tui.domain.errors import BadAnswer, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import (
    ModelServer,
    ServerCounters,
    ServerFacts,
    ServerFigures,
    abilities_of,
)
from aicompute_tui.servers.wire import Wire

_GREATEST = 3.5e38
"""Models reckon with no more than floats of 32 bits hold."""


class Told(NamedTuple):
    """What moves from one reading to the next."""

    figures: ServerFigures = ServerFigures()
    counters: ServerCounters = ServerCounters()


@dataclass(frozen=True, slots=True, kw_only=True)
class PullStep:
    """`total` and `completed` are bytes over all layers that are known so far."""

    text: str
    completed: int | None = None
    total: int | None = None

    @property
    def percent(self) -> int | None:
        if not self.total or self.completed is None:
            return None
        return min(100, self.completed * 100 // self.total)


class Embedding(NamedTuple):
    vector: Sequence[float]
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """`index` is the place of a document among those given."""

    index: int
    score: float


class Adapter:
    """A server of a kind that only answers; each kind overrides what it can do besides."""

    key_variable = ""
    """Where its key is usually found."""

    async def health(self, wire: Wire) -> str:
        """Empty where all is well, else its own word for what is not. Raises AicError where it does not answer."""
        if (await wire.get("/health")).body.lstrip().startswith(b"<"):
            raise BadAnswer(f"“{wire.server.name}” sent a web page.", "Check its address: a proxy may stand there.")
        return ""

    async def facts(self, wire: Wire) -> ServerFacts:  # noqa: ARG002 - for those that tell
        return ServerFacts()

    async def figures(self, wire: Wire) -> Told:  # noqa: ARG002 - for those that tell
        return Told()

    def pull(self, wire: Wire, model: str) -> AsyncIterator[PullStep]:  # noqa: ARG002 - for those that can
        raise cannot(wire.server, "fetch models")

    def create(self, wire: Wire, model: str, modelfile: str) -> AsyncIterator[PullStep]:  # noqa: ARG002
        raise cannot(wire.server, "make a model from a Modelfile")

    async def delete(self, wire: Wire, model: str) -> None:  # noqa: ARG002
        raise cannot(wire.server, "delete models")

    async def load(self, wire: Wire, model: str) -> None:  # noqa: ARG002
        raise cannot(wire.server, "load models while it runs")

    async def unload(self, wire: Wire, model: str) -> None:  # noqa: ARG002
        raise cannot(wire.server, "unload models while it runs")

    async def sleep(self, wire: Wire) -> None:
        raise cannot(wire.server, "be put to sleep")

    async def wake(self, wire: Wire) -> None:
        raise cannot(wire.server, "be put to sleep")

    async def load_lora(self, wire: Wire, adapter: str, path: str) -> None:  # noqa: ARG002
        raise cannot(wire.server, "load LoRA adapters")

    async def unload_lora(self, wire: Wire, adapter: str) -> None:  # noqa: ARG002
        raise cannot(wire.server, "load LoRA adapters")

    async def embed(self, wire: Wire, text: str, model: str | None) -> Embedding:  # noqa: ARG002
        raise cannot(wire.server, "embed")

    async def rerank(self, wire: Wire, query: str, documents: Sequence[str], model: str | None) -> list[Ranked]:  # noqa: ARG002
        raise cannot(wire.server, "rerank")


def cannot(server: ModelServer, what: str) -> Refused:
    able = [name.partition("_")[2] for name, value in _flags(server).items() if value and name.startswith("can_")]
    step = f"It can {', '.join(able)}." if able else "Servers of this kind only answer."
    return Refused(f"{server.name} is {server.kind.value}, which cannot {what}.", step)


def _flags(server: ModelServer) -> dict[str, bool]:
    abilities = abilities_of(server.kind)
    return {name: getattr(abilities, name) for name in abilities.__dataclass_fields__}


def as_object(value: Json) -> JsonObject:
    """An empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects_in(value: Json) -> list[JsonObject]:
    """The objects of a list, none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def as_count(value: Json) -> int | None:
    """A whole number that counts something; None for anything that cannot be one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def as_number(value: Json) -> float | None:
    """None for what is none, and for what no model reckons with."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) <= _GREATEST else None


def numbers_in(value: Json) -> list[float]:
    """The numbers of a list, none where it holds anything else."""
    items = value if isinstance(value, list) else []
    found = [number for item in items if (number := as_number(item)) is not None]
    return found if len(found) == len(items) else []
