"""What the product asks of a hub of models, in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.domain.gguf import Metadata

STORE_TOKEN = "aic-tui credential set huggingface --cloud huggingface"  # noqa: S105 - how one is stored
SORTS = ("trending", "downloads", "likes", "updated", "created")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuery:
    """What is looked for; an empty text means any. `parameters` is a span in the hub's words, `min:7B,max:13B`."""

    words: str = ""
    author: str = ""
    tags: tuple[str, ...] = ()
    """All of them: library, licence, quantisation, language …"""
    task: str = ""
    gated: bool | None = None
    parameters: str = ""
    sort: str = "trending"
    limit: int = 50
    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """When something was read from the hub; `problem` says why what is shown is not fresh, empty where it is."""

    read_at: datetime
    problem: str = ""
    next_step: str = ""

    @property
    def is_kept(self) -> bool:
        return bool(self.problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    path: str
    size_bytes: int | None = None
    content_id: str | None = None
    """The same as long as the content is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """None is what the hub did not tell. `files` is empty in lists, where the hub names none with sizes."""

    id: str
    author: str | None = None
    revision: str | None = None
    task: str | None = None
    library: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    gated: str | None = None
    """`no`, `auto`, `manual`."""
    tags: tuple[str, ...] = ()
    downloads: int | None = None
    likes: int | None = None
    trending_score: float | None = None
    created_at: str | None = None
    updated_at: str | None = None
    stored_parameters: tuple[tuple[str, int], ...] = ()
    """How many numbers are stored in which type, of safetensors."""
    gguf_parameters: int | None = None
    gguf_architecture: str | None = None
    gguf_context_length: int | None = None
    architectures: tuple[str, ...] = ()
    quantisation: str | None = None
    has_chat_template: bool | None = None
    base_models: tuple[str, ...] = ()
    files: tuple[HubFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    models: Sequence[HubModel]
    next_cursor: str | None
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAccount:
    """Whose token it is, and what it may; None where the hub does not say."""

    name: str
    may: str | None = None
    """`read`, `write`, `fineGrained`."""


def withheld(address: str) -> NotConfigured:
    """Why a token is not sent there."""
    return NotConfigured(
        f"Your token is not sent to {address}: everybody on the way could read it.",
        "Name the hub with https:// (HF_ENDPOINT, or the setting hub_url).",
    )


class Hub(Protocol):
    """Every call raises AicError only: NotFound, NotAllowed (gated), AuthFailed, RateLimited, Unreachable …"""

    address: str

    @property
    def is_offline(self) -> bool:
        """Whether this process was told to ask no hub."""
        ...

    @property
    def withholds_token(self) -> bool:
        """Whether there is a token that is not sent, since everybody on the way there could read it."""
        ...

    async def models(self, query: ModelQuery) -> ModelPage: ...

    async def model(self, model_id: str) -> tuple[HubModel, Reading]:
        """With the sizes of its files; its id is the one it has now, if it was renamed."""
        ...

    async def text(self, model_id: str, path: str) -> tuple[str, Reading]:
        """A small text file of it. Raises NotFound where it has none such."""
        ...

    async def gguf_header(self, model_id: str, file: HubFile) -> Metadata:
        """The entries at the beginning of a GGUF file, of which no more is fetched. Raises InvalidInput for another."""
        ...

    async def may_download(self, model_id: str) -> bool | None:
        """Whether the token opens a gated model; None where that could not be found out."""
        ...

    async def account(self) -> HubAccount:
        """Raises NotConfigured where there is no token, AuthFailed where it is not known."""
        ...
