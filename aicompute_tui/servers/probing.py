"""What stands at a bare address: every kind's own sign is looked for, and the one that was seen is said."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.http.talk import Answer
from aicompute_tui.servers.base import as_object, as_text, objects_in
from aicompute_tui.servers.wire import Wire

PROBED = (
    "/",
    "/api/version",
    "/version",
    "/health/liveliness",
    "/info",
    "/props",
    "/system_stats",
    "/model_info",
    "/get_model_info",
    "/models",
    "/v1/models",
)
_LAST = ("/health", "/metrics")
"""A LiteLLM proxy asks every model for its health, which costs money: only where nothing else told, without the key."""
_MOST_BYTES = 1 << 20
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """`why` is the sign that was seen. `needs_key` is a server that told only what stands before its door."""

    kind: ServerKind
    why: str
    needs_key: bool = False


class Signs(NamedTuple):
    """What each path answered: its status, and its text or JSON."""

    statuses: Mapping[str, int]
    texts: Mapping[str, str]
    bodies: Mapping[str, Json]

    def values(self, path: str) -> JsonObject:
        """The object that a path gave with 200, an empty one for anything else."""
        return as_object(self.bodies.get(path)) if self.statuses.get(path) == 200 else {}

    def text(self, path: str) -> str:
        return self.texts.get(path, "") if self.statuses.get(path) == 200 else ""

    def owners(self) -> frozenset[str]:
        """Who the models belong to, by the words of their lists."""
        rows = (each for path in ("/v1/models", "/models") for each in objects_in(self.values(path).get("data")))
        return frozenset(owner for each in rows if (owner := as_text(each.get("owned_by"))))


Sign = Callable[[Signs], str]


async def find_kind(server: ModelServer, secret: str | None) -> Finding:
    """Raises the error that kept it from answering at all."""
    patient = replace(server, options=replace(server.options, timeout_seconds=_SECONDS))
    wire = Wire(patient, secret)
    answers = await asyncio.gather(*(_asked(wire, path) for path in PROBED))
    came = {path: found for path, found in zip(PROBED, answers, strict=True) if not isinstance(found, AicError)}
    if not came:
        raise next(found for found in answers if isinstance(found, AicError))
    found = kind_of(signs_of(came))
    if found.kind is not ServerKind.HTTP:
        return found
    without_key = Wire(patient, None)
    last = await asyncio.gather(*(_asked(without_key, path) for path in _LAST))
    more = {path: answer for path, answer in zip(_LAST, last, strict=True) if not isinstance(answer, AicError)}
    return kind_of(signs_of({**came, **more}))


async def _asked(wire: Wire, path: str) -> Answer | AicError:
    try:
        return await wire.ask(path, most=_MOST_BYTES)
    except AicError as error:
        return error


def signs_of(answers: Mapping[str, Answer]) -> Signs:
    texts = {path: answer.body.decode("utf-8", "replace").strip() for path, answer in answers.items()}
    statuses = {path: answer.status for path, answer in answers.items()}
    return Signs(statuses, texts, {path: _json(text) for path, text in texts.items()})


def _json(text: str) -> Json:
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def kind_of(signs: Signs) -> Finding:
    """The first sign that only one kind gives; `http` where nothing but an answer came."""
    for kind, sign in _SIGNS.items():
        why = sign(signs)
        if why:
            return Finding(kind, why, needs_key=kind is ServerKind.VLLM and signs.statuses.get("/v1/models") == 401)
    for kind, sign in _DOORS.items():
        why = sign(signs)
        if why:
            return Finding(kind, why, needs_key=True)
    if signs.owners() or isinstance(signs.values("/v1/models").get("data"), list):
        return Finding(ServerKind.HTTP, "it lists models as OpenAI does, and gives no sign of what it is")
    if {status for path, status in signs.statuses.items() if path not in _LAST} <= {401, 403}:
        return Finding(ServerKind.HTTP, "it answers, and lets nobody in without a key", needs_key=True)
    return Finding(ServerKind.HTTP, "it answers, and gives no sign of a model server")


def _ollama(signs: Signs) -> str:
    return "/ says “Ollama is running”" if signs.text("/") == "Ollama is running" else ""


def _openwebui(signs: Signs) -> str:
    return "/api/version tells its deployment" if "deployment_id" in signs.values("/api/version") else ""


def _comfyui(signs: Signs) -> str:
    found = "comfyui_version" in as_object(signs.values("/system_stats").get("system"))
    return "/system_stats tells ComfyUI's version" if found else ""


def _litellm(signs: Signs) -> str:
    return "/health/liveliness says “I'm alive!”" if "I'm alive!" in signs.text("/health/liveliness") else ""


def _router(signs: Signs) -> str:
    return "/props says that it is a router" if signs.values("/props").get("role") == "router" else ""


def _llamacpp(signs: Signs) -> str:
    if "default_generation_settings" in signs.values("/props"):
        return "/props tells llama.cpp's settings"
    return "its models belong to llamacpp" if "llamacpp" in signs.owners() else ""


def _locked_by_figures(path: str, family: re.Pattern[str]) -> Sign:
    """Its figures stand before its door, and `path`, which would tell more, behind it."""

    def sign(signs: Signs) -> str:
        is_told = signs.statuses.get(path) == 401 and family.search(signs.text("/metrics"))
        return f"/metrics tells {is_told[1]} figures" if is_told else ""

    return sign


def _reranker(signs: Signs) -> str:
    kinds = as_object(signs.values("/info").get("model_type"))
    return "/info tells a model that ranks" if "reranker" in kinds else ""


def _tei(signs: Signs) -> str:
    return "/info tells the type of its model" if isinstance(signs.values("/info").get("model_type"), dict) else ""


def _tgi(signs: Signs) -> str:
    info = signs.values("/info")
    return "/info tells a model and the most tokens" if "model_id" in info and "max_total_tokens" in info else ""


def _infinity(signs: Signs) -> str:
    if "infinity" in signs.owners():
        return "its models belong to infinity"
    return "/health tells the time in seconds" if set(signs.values("/health")) == {"unix"} else ""


def _sglang(signs: Signs) -> str:
    for path in ("/model_info", "/get_model_info"):
        if "model_path" in signs.values(path):
            return f"{path} tells the path of its model"
    return "its models belong to sglang" if "sglang" in signs.owners() else ""


def _vllm(signs: Signs) -> str:
    if "vllm" in signs.owners():
        return "its models belong to vllm"
    is_bare = signs.statuses.get("/health") == 200 and not signs.texts.get("/health")
    return "/version and an empty /health, as vLLM gives" if is_bare and "version" in signs.values("/version") else ""


def _mlflow(signs: Signs) -> str:
    version = signs.text("/version")
    is_version = version[:1].isdigit() and len(version) < 40 and "." in version
    return "/health says OK, and /version a bare version" if signs.text("/health") == "OK" and is_version else ""


def _ollama_api(signs: Signs) -> str:
    """Behind a proxy that has a page of its own."""
    return "/api/version tells a version alone" if set(signs.values("/api/version")) == {"version"} else ""


def _locked_llamacpp(signs: Signs) -> str:
    error = as_object(as_object(signs.bodies.get("/props")).get("error"))
    is_loading = as_object(as_object(signs.bodies.get("/health")).get("error")).get("message") == "Loading model"
    if is_loading:
        return "/health says that it loads its model"
    is_refused = error.get("type") == "authentication_error" and error.get("code") == 401  # others give no number
    return "it refuses the key as llama.cpp does" if is_refused else ""


_SIGNS: dict[ServerKind, Sign] = {
    ServerKind.OPENWEBUI: _openwebui,
    ServerKind.OLLAMA: lambda signs: _ollama(signs) or _ollama_api(signs),
    ServerKind.COMFYUI: _comfyui,
    ServerKind.LITELLM: _litellm,
    ServerKind.LLAMACPP_ROUTER: _router,
    ServerKind.LLAMACPP: _llamacpp,
    ServerKind.TEI_RERANKER: _reranker,
    ServerKind.TEI: _tei,
    ServerKind.TGI: _tgi,
    ServerKind.INFINITY: _infinity,
    ServerKind.SGLANG: _sglang,
    ServerKind.VLLM: _vllm,
    ServerKind.MLFLOW: _mlflow,
}
_DOORS: dict[ServerKind, Sign] = {
    ServerKind.LLAMACPP: _locked_llamacpp,
    ServerKind.TEI: _locked_by_figures("/info", re.compile(r"(?m)^(?:# \w+ )?(te_)[a-z]")),
    ServerKind.SGLANG: _locked_by_figures("/v1/models", re.compile(r"(?m)^(?:# \w+ )?(sglang:)[a-z]")),
}
"""Those that are told by how they refuse."""
