"""Which adapter speaks with which kind of server."""

from __future__ import annotations

from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.servers.base import Adapter
from aicompute_tui.servers.comfyui import ComfyUi
from aicompute_tui.servers.huggingface import Tei, TeiReranker, Tgi
from aicompute_tui.servers.infinity import Infinity
from aicompute_tui.servers.litellm import LiteLlm
from aicompute_tui.servers.llamacpp import LlamaCpp, LlamaCppRouter
from aicompute_tui.servers.ollama import Ollama
from aicompute_tui.servers.pages import Http, MlFlow, OpenWebUi
from aicompute_tui.servers.sglang import Sglang
from aicompute_tui.servers.vllm import Vllm

ADAPTERS: dict[ServerKind, Adapter] = {
    ServerKind.OLLAMA: Ollama(),
    ServerKind.VLLM: Vllm(),
    ServerKind.SGLANG: Sglang(),
    ServerKind.LLAMACPP: LlamaCpp(),
    ServerKind.LLAMACPP_ROUTER: LlamaCppRouter(),
    ServerKind.TGI: Tgi(),
    ServerKind.TEI: Tei(),
    ServerKind.TEI_RERANKER: TeiReranker(),
    ServerKind.INFINITY: Infinity(),
    ServerKind.LITELLM: LiteLlm(),
    ServerKind.COMFYUI: ComfyUi(),
    ServerKind.OPENWEBUI: OpenWebUi(),
    ServerKind.MLFLOW: MlFlow(),
    ServerKind.HTTP: Http(),
}
