"""From huggingface_hub's objects to ours, and from a question to the hub's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from aicompute_tui.domain.model_config import quantisation_of
from aicompute_tui.hub.base import HubFile, HubModel, ModelQuery

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

_SORTS = {
    "trending": "trendingScore",
    "downloads": "downloads",
    "likes": "likes",
    "updated": "lastModified",
    "created": "createdAt",
}
_EXPANDED = (
    *("author", "createdAt", "downloads", "gated", "gguf", "lastModified", "library_name", "likes", "pipeline_tag"),
    *("safetensors", "sha", "tags", "trendingScore"),
)
_LARGEST = 1 << 62
_QUANTISATIONS = frozenset({"awq", "gptq", "fp8", "bitsandbytes", "compressed-tensors", "mxfp4", "exl2", "aqlm", "hqq"})
_IN_A_NAME = re.compile(r"[-_.](?P<word>awq|gptq|fp8|bnb|mxfp4|exl2|aqlm|hqq)(?=[-_.]|$)", re.IGNORECASE)
_SHORT = {"bnb": "bitsandbytes"}
_CHAT_TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json")


def query_words(query: ModelQuery) -> dict[str, str | int | list[str]]:
    """As the hub's list of models is asked."""
    gated = None if query.gated is None else str(query.gated).lower()
    words: dict[str, str | int | list[str]] = {"sort": _SORTS[query.sort], "limit": query.limit, "expand": [*_EXPANDED]}
    given = {
        "search": query.words,
        "author": query.author,
        "filter": [*query.tags],
        "pipeline_tag": query.task,
        "gated": gated,
        "num_parameters": query.parameters,
        "cursor": query.cursor,
    }
    return words | {name: value for name, value in given.items() if value}


def cursor_of(next_page: str) -> str | None:
    """Nothing else of the address counts: what comes next is asked of the same hub in the same words."""
    return next(iter(parse_qs(next_page.partition("?")[2].partition("#")[0]).get("cursor", [])), None)


def hub_model(told: ModelInfo) -> HubModel:
    card = told.card_data.to_dict() if told.card_data is not None else {}
    config = told.config if isinstance(told.config, Mapping) else {}
    gguf = told.gguf if isinstance(told.gguf, Mapping) else {}
    tags = tuple(str(tag) for tag in told.tags or ())
    files = tuple(_file(each) for each in told.siblings or ())
    stored = told.safetensors.parameters if told.safetensors is not None else {}
    return HubModel(
        id=told.id,
        author=told.author or (told.id.partition("/")[0] if "/" in told.id else None),
        revision=told.sha,
        task=_text(told.pipeline_tag),
        library=_text(told.library_name),
        licence=_licence(card, tags),
        licence_url=_text(card.get("license_link")),
        gated=_gated(told.gated),
        tags=tags,
        downloads=_whole(told.downloads),
        likes=_whole(told.likes),
        trending_score=_number(told.trending_score),
        created_at=told.created_at.isoformat() if told.created_at else None,
        updated_at=told.last_modified.isoformat() if told.last_modified else None,
        stored_parameters=tuple((str(kind), count) for kind, n in stored.items() if (count := _whole(n)) is not None),
        gguf_parameters=_whole(gguf.get("total")),
        gguf_architecture=_text(gguf.get("architecture")),
        gguf_context_length=_whole(gguf.get("context_length")),
        architectures=_texts(config.get("architectures")),
        quantisation=_quantisation(config, tags, told.id),
        has_chat_template=_has_chat_template(config, gguf, files),
        base_models=_texts(card.get("base_model")),
        files=files,
    )


def _file(sibling: object) -> HubFile:
    lfs = getattr(sibling, "lfs", None)
    content_id = getattr(lfs, "sha256", None) or getattr(sibling, "blob_id", None)
    size = getattr(sibling, "size", None)
    return HubFile(path=str(getattr(sibling, "rfilename", "")), size_bytes=_whole(size), content_id=_text(content_id))


def _licence(card: Mapping[str, object], tags: tuple[str, ...]) -> str | None:
    """Its own name where it is none of the usual ones."""
    named = _text(card.get("license"))
    if named == "other":
        return _text(card.get("license_name")) or named
    tagged = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)
    return named or tagged


def _gated(told: object) -> str | None:
    if told is False:
        return "no"
    return told if isinstance(told, str) and told in {"auto", "manual"} else None


def _quantisation(config: Mapping[str, object], tags: tuple[str, ...], model_id: str) -> str | None:
    """As its config says, else a tag, else the end of its name; the files of GGUF each say their own."""
    told = quantisation_of(config) or next((tag.lower() for tag in tags if tag.lower() in _QUANTISATIONS), None)
    if told is not None or "gguf" in {tag.lower() for tag in tags}:
        return told
    named = _IN_A_NAME.search(model_id.rpartition("/")[2])
    word = "" if named is None else named["word"].lower()
    return _SHORT.get(word, word) or None


def _has_chat_template(
    config: Mapping[str, object], gguf: Mapping[str, object], files: tuple[HubFile, ...]
) -> bool | None:
    """None where neither its tokenizer's digest nor a file could tell."""
    tokenizer = config.get("tokenizer_config")
    if isinstance(tokenizer, Mapping) and tokenizer.get("chat_template"):
        return True
    if gguf.get("chat_template") or config.get("chat_template_jinja"):
        return True
    if any(file.path in _CHAT_TEMPLATE_FILES for file in files):
        return True
    return False if isinstance(tokenizer, Mapping) or gguf else None


def _whole(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and isinstance(value, int) and 0 <= value < _LARGEST else None


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, int | float) and abs(value) < _LARGEST else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()
