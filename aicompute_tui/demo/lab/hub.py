"""The hub of models in the demo: the shipped models as Hugging Face would tell of them, gates and pages included."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import urlencode

from aicompute_tui.demo.lab.exchange import Exchange, serve
from aicompute_tui.demo.lab.hub_files import Large, gguf_beginning, gguf_sizes, readme_of, weight_files
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.hub.curated import CuratedModel, CuratedVariant, curated_models

_LOOPBACK = "127.0.0.1"
_MOST_ROWS = 1000
_SHA = "5f0b02c75b57c5855da9ae460ce51323ea669d8a"
_IN_GGUF = ("llama-3.1-8b", "qwen2.5-7b", "mistral-7b", "llama-3.2-3b")
_SCALES = {"k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}
_ORDERS = {"downloads": "downloads", "likes": "likes", "trendingScore": "trendingScore", "lastModified": "lastModified"}


@dataclass(frozen=True, slots=True)
class Repository:
    told: JsonObject
    files: Mapping[str, bytes | Large] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.told["id"])

    @property
    def is_gated(self) -> bool:
        return bool(self.told["gated"])

    def siblings(self) -> list[Json]:
        return [_sibling(path, content) for path, content in self.files.items()]


async def listen(port: int) -> asyncio.Server:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(lambda exchange: _answer(exchange, port), reader, writer)

    return await asyncio.start_server(take, _LOOPBACK, port)


async def _answer(exchange: Exchange, port: int) -> None:
    path = exchange.request.path
    if path == "/api/models":
        await _list(exchange, port)
    elif path.startswith("/api/models/"):
        await _model(exchange, path.removeprefix("/api/models/"))
    elif "/resolve/" in path:
        await _file(exchange, path)
    elif path == "/api/whoami-v2":
        await exchange.answer({"error": "Invalid username or password."}, 401)
    else:
        await exchange.answer({"error": "Not Found"}, 404)


async def _list(exchange: Exchange, port: int) -> None:
    query = exchange.request.query
    found = [each for each in repositories().values() if _is_wanted(each, exchange)]
    order = _ORDERS.get(query.get("sort", ""), "trendingScore")
    found.sort(key=lambda each: str(each.told[order]) if order == "lastModified" else _number(each.told[order]))
    found.reverse()
    start, limit = int(query.get("cursor") or 0), min(int(query.get("limit") or _MOST_ROWS), _MOST_ROWS)
    headers = {}
    if start + limit < len(found):
        asked = {name: values for name, values in exchange.request.lists.items() if name != "cursor"}
        words = urlencode({**asked, "cursor": [str(start + limit)]}, doseq=True)
        headers["Link"] = f'<http://{_LOOPBACK}:{port}/api/models?{words}>; rel="next"'
    await exchange.answer([each.told for each in found[start : start + limit]], headers=headers)


def _is_wanted(repository: Repository, exchange: Exchange) -> bool:
    query, told = exchange.request.query, repository.told
    tags = told["tags"]
    words = query.get("search", "").lower().split()
    return (
        all(word in repository.id.lower() for word in words)
        and query.get("author", "") in {"", told["author"]}
        and query.get("pipeline_tag", "") in {"", told["pipeline_tag"]}
        and query.get("gated", "") in {"", "true" if repository.is_gated else "false"}
        and isinstance(tags, list)
        and {*exchange.request.lists.get("filter", [])} <= {*map(str, tags)}
        and _is_so_large(told, query.get("num_parameters", ""))
    )


def _is_so_large(told: JsonObject, span: str) -> bool:
    bounds = dict(part.partition(":")[::2] for part in span.split(",") if part)
    stored = told.get("safetensors") or told.get("gguf")
    count = _number(stored.get("total") if isinstance(stored, dict) else 0)
    return _amount(bounds.get("min", "0")) <= count <= _amount(bounds.get("max", "9999t"))


def _amount(text: str) -> float:
    scale = _SCALES.get(text[-1:].lower(), 1)
    return float(text.rstrip("kmbtKMBT") or 0) * scale


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


async def _model(exchange: Exchange, rest: str) -> None:
    model_id = rest.removesuffix("/auth-check")
    repository = repositories().get(model_id)
    if repository is None:
        await _refuse(exchange, "RepoNotFound", "Repository not found")
    elif rest.endswith("/auth-check"):
        await (_refuse_gated(exchange, repository) if repository.is_gated else exchange.answer({}))
    else:
        await exchange.answer({**repository.told, "siblings": repository.siblings()})


async def _file(exchange: Exchange, path: str) -> None:
    model_id, _, rest = path[1:].partition("/resolve/")
    repository, name = repositories().get(model_id), rest.partition("/")[2]
    content = repository.files.get(name) if repository is not None else None
    if repository is None:
        await _refuse(exchange, "RepoNotFound", "Repository not found")
    elif repository.is_gated and name != "README.md":
        await _refuse_gated(exchange, repository)
    elif content is None:
        await _refuse(exchange, "EntryNotFound", "Entry not found", 404)
    else:
        await _send(exchange, content.beginning if isinstance(content, Large) else content)


async def _send(exchange: Exchange, body: bytes) -> None:
    span = exchange.request.headers.get("range", "")
    if not span.startswith("bytes="):
        await exchange.text(body)
        return
    first, _, last = span.removeprefix("bytes=").partition("-")
    part = body[int(first or 0) : int(last or len(body)) + 1]
    headers = {"Content-Range": f"bytes {first}-{int(first or 0) + len(part) - 1}/{len(body)}"}
    await exchange.text(part, "application/octet-stream", 206, headers)


async def _refuse_gated(exchange: Exchange, repository: Repository) -> None:
    await _refuse(exchange, "GatedRepo", f"Access to model {repository.id} is restricted.")


async def _refuse(exchange: Exchange, code: str, message: str, status: int = 401) -> None:
    headers = {"X-Error-Code": code, "X-Error-Message": message}
    await exchange.answer({"error": message}, status, headers)


def _sibling(path: str, content: bytes | Large) -> JsonObject:
    size = content.size if isinstance(content, Large) else len(content)
    digest = hashlib.sha256(path.encode()).hexdigest()
    told: JsonObject = {"rfilename": path, "size": size, "blobId": digest[:40]}
    if isinstance(content, Large):
        told["lfs"] = {"sha256": digest, "size": size, "pointerSize": 135}
    return told


@cache
def repositories() -> Mapping[str, Repository]:
    """By id: each shipped model, its quantised variants, and some as GGUF."""
    found: list[Repository] = []
    for place, model in enumerate(curated_models()):
        found.append(_published(model, place))
        found += [_quantised(model, variant, place) for variant in model.variants]
        if model.name in _IN_GGUF:
            found.append(_as_gguf(model, place))
    return {each.id: each for each in found}


def _told(model: CuratedModel, hub_id: str, place: int, tags: list[Json]) -> JsonObject:
    """How often it is fetched is the demo's own; what the model is comes from what ships."""
    return {
        "_id": hashlib.sha256(hub_id.encode()).hexdigest()[:24],
        "id": hub_id,
        "author": hub_id.partition("/")[0],
        "sha": _SHA,
        "private": False,
        "gated": False,
        "downloads": 9_400_000 // (place + 2),
        "likes": 5_200 // (place + 1),
        "trendingScore": 97 - 3 * place,
        "createdAt": "2024-07-18T08:56:00.000Z",
        "lastModified": f"2026-{11 - place % 11:02d}-{20 - place % 20:02d}T09:00:00.000Z",
        "pipeline_tag": model.task,
        "library_name": model.library,
        "tags": [*tags, f"license:{model.licence}", model.task],
        "cardData": {"license": model.licence},
    }


def _published(model: CuratedModel, place: int) -> Repository:
    told = _told(model, model.hub_id, place, [model.library, "safetensors"])
    told["gated"] = False if model.gated in {None, "no"} else model.gated
    kind = {"bfloat16": "BF16", "float16": "F16"}[model.dtype]
    told["safetensors"] = {"parameters": {kind: model.parameters}, "total": model.parameters}
    tokenizer: JsonObject = {"chat_template": "{{ messages }}"} if model.purpose in {"chat", "vision"} else {}
    told["config"] = {"architectures": [model.architecture], "tokenizer_config": tokenizer}
    return Repository(
        told, {"README.md": readme_of(model), **_config(model), **weight_files(model, model.weights_bytes)}
    )


def _quantised(model: CuratedModel, variant: CuratedVariant, place: int) -> Repository:
    told = _told(model, variant.hub_id, place + 4, [model.library, "safetensors", variant.quantisation, "4-bit"])
    told["config"] = {
        "architectures": [model.architecture],
        "quantization_config": {"quant_method": variant.quantisation, "bits": 4},
        "tokenizer_config": {"chat_template": "{{ messages }}"},
    }
    told["cardData"] = {"license": model.licence, "base_model": [model.hub_id]}
    files = {"README.md": readme_of(model), **_config(model, variant.quantisation)}
    return Repository(told, {**files, **weight_files(model, variant.weights_bytes)})


def _as_gguf(model: CuratedModel, place: int) -> Repository:
    hub_id = f"bartowski/{model.hub_id.partition('/')[2]}-GGUF"
    told = _told(model, hub_id, place + 1, ["gguf"])
    told["library_name"] = None
    told["gguf"] = {
        "total": model.parameters,
        "architecture": "qwen2" if "qwen" in model.name else "llama",
        "context_length": model.shape().context_length,
        "chat_template": "{{ messages }}",
    }
    told["cardData"] = {"license": model.licence, "base_model": [model.hub_id]}
    name, beginning = model.hub_id.partition("/")[2], gguf_beginning(model)
    files = {f"{name}-{kind}.gguf": Large(size, beginning) for kind, size in gguf_sizes(model).items()}
    return Repository(told, {"README.md": readme_of(model), **files})


def _config(model: CuratedModel, quantisation: str | None = None) -> dict[str, bytes | Large]:
    if model.library == "diffusers":
        return {"model_index.json": json.dumps({"_class_name": model.architecture}).encode()}
    told = {"architectures": [model.architecture], **(model.config or _ENCODER)}
    if quantisation is not None:
        told["quantization_config"] = {"quant_method": quantisation, "bits": 4}
    return {"config.json": json.dumps(told).encode()}


_ENCODER: Mapping[str, object] = {
    "model_type": "xlm-roberta",
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "hidden_size": 1024,
    "max_position_embeddings": 8194,
    "torch_dtype": "float32",
}
