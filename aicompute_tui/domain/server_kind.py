"""The kinds of model servers, apart from what is known of each."""

from __future__ import annotations

from enum import StrEnum


class ServerKind(StrEnum):
    OLLAMA = "ollama"
    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMACPP = "llamacpp"
    LLAMACPP_ROUTER = "llamacpp-router"
    TGI = "tgi"
    TEI = "tei"
    TEI_RERANKER = "tei-reranker"
    INFINITY = "infinity"
    LITELLM = "litellm"
    COMFYUI = "comfyui"
    OPENWEBUI = "openwebui"
    MLFLOW = "mlflow"
    HTTP = "http"
    """Anything that answers HTTP: only whether it does is looked at."""
