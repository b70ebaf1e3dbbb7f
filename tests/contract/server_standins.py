"""Stand-ins for model servers that cannot run here, one for each kind, with the shapes that are documented.

Marked UNVERIFIED is what no source tells for sure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from aicompute_tui.domain.server_kind import ServerKind
from tests.contract.certificates import Certificates
from tests.contract.llm_servers import Asked, LlmServer, Reply, _Handler

TEXT = (("Content-Type", "text/plain"),)
PAGE = Reply(200, (b"<html>Sign in</html>",), (("Content-Type", "text/html"),))


class StandIn(LlmServer):
    """Answers `METHOD /path` before `/path`; anything else is a 404."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        super().__init__(certificates)
        self.server.RequestHandlerClass = partial(_Manners, self)
        self.server.socket.listen(64)

    def text(self, path: str, body: str, status: int = 200) -> None:
        self.replies[path] = Reply(status, (body.encode(),), TEXT)

    def asked_for(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path.partition("?")[0] == path]


class _Manners(_Handler):
    def do_POST(self) -> None:  # noqa: N802 - the base class finds it by its name
        self._take()

    def do_DELETE(self) -> None:  # noqa: N802 - as above
        self._take()

    def _stall(self) -> None:
        try:
            super()._stall()
        except OSError:
            self.world.client_left.set()

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(json.loads(body) if body else None)

    def _answer(self, body: Any) -> None:
        path = self.path.partition("?")[0]
        own = self.world.replies.get(f"{self.command} {path}")
        kept = self.world.replies.get(path)
        if own is not None:
            self.world.replies[path] = own
        try:
            super()._answer(body)
        finally:
            if own is not None:
                self.world.replies.pop(path)
                if kept is not None:
                    self.world.replies[path] = kept


@contextmanager
def stand_in(certificates: Certificates | None = None) -> Iterator[StandIn]:
    made = StandIn(certificates)
    try:
        yield made
    finally:
        made.ended.set()
        made.close()


def ollama(server: StandIn) -> None:
    server.text("/", "Ollama is running")
    server.json("/api/version", {"version": "0.33.0"})
    details = {"format": "gguf", "family": "qwen", "parameter_size": "4.0B", "quantization_level": "Q4_K_M"}
    tags = [{"name": name, "model": name, "size": 2_600, "details": details} for name in ("qwen:4b", "org/x:latest")]
    server.json("/api/tags", {"models": tags})
    running = {"name": "qwen:4b", "model": "qwen:4b", "size": 4_000, "size_vram": 3_000, "context_length": 4_096}
    server.json("/api/ps", {"models": [{**running, "details": details}]})


VLLM_PAGE = """# HELP vllm:num_requests_running Number of requests.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="org/m"} 3.0
vllm:num_requests_running{engine="1",model_name="org/m"} 1.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="org/m"} 5.0
vllm:num_requests_waiting_by_reason{reason="capacity"} 99.0
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0",model_name="org/m"} 0.5
vllm:kv_cache_usage_perc{engine="1",model_name="org/m"} 0.25
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="org/m"} TOKENS
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{le="+Inf"} COUNT
vllm:time_to_first_token_seconds_sum{engine="0"} SUM
vllm:time_to_first_token_seconds_count{engine="0"} COUNT
vllm:lora_requests_info{max_lora="4"} NaN
"""


def vllm_page(tokens: float, count: float, seconds: float) -> str:
    return VLLM_PAGE.replace("TOKENS", str(tokens)).replace("COUNT", str(count)).replace("SUM", str(seconds))


def vllm(server: StandIn) -> None:
    server.text("/health", "")
    server.json("/version", {"version": "0.33.0"})
    model = {"id": "org/m", "object": "model", "created": 1, "owned_by": "vllm", "root": "org/m", "parent": None}
    adapter = {**model, "id": "sql", "parent": "org/m"}
    server.json("/v1/models", {"object": "list", "data": [{**model, "max_model_len": 32_768}, adapter]})
    server.text("/metrics", vllm_page(1_000, 10, 5.0))


def sglang(server: StandIn) -> None:
    """The `version` of /server_info, and who owns its models, are UNVERIFIED."""
    server.text("/health", "")
    server.json("/model_info", {"model_path": "org/m"})
    server.json("/server_info", {"version": "0.5.23"})
    server.json(
        "/v1/models", {"object": "list", "data": [{"id": "org/m", "owned_by": "sglang", "max_model_len": 8_192}]}
    )
    lines = ("num_running_reqs 2", "num_queue_reqs 1", "token_usage 0.4", "gen_throughput 77.5")
    server.text("/metrics", "".join(f"sglang:{line}\n" for line in lines))


def llamacpp(server: StandIn) -> None:
    server.json("/health", {"status": "ok"})
    server.json("/props", {"default_generation_settings": {"n_ctx": 256}, "total_slots": 4, "build_info": "b6123-abc"})
    meta = {"n_ctx": 256, "n_ctx_train": 512, "n_params": 116_000, "size": 470_000, "ftype": "F32"}
    data = [{"id": "tiny", "owned_by": "llamacpp", "meta": meta}]
    server.json("/v1/models", {"models": [{"name": "tiny"}], "object": "list", "data": data})
    lines = ("requests_processing 1", "requests_deferred 2", "tokens_predicted_total 40")
    server.text("/metrics", "".join(f"llamacpp:{line}\n" for line in lines))


def router(server: StandIn) -> None:
    server.json("/health", {"status": "ok"})
    server.json("/props", {"role": "router", "max_instances": 4, "model_path": "none", "build_info": "b6123-abc"})
    args = ["llama-server", "--api-key", "planted"]
    loaded = {"id": "tiny", "status": {"value": "loaded", "args": args}}
    other = {"id": "big", "status": {"value": "unloaded", "args": args}}
    bad = {"id": "bad", "status": {"value": "unloaded", "failed": True, "exit_code": 1}}
    server.json("/models", {"object": "list", "data": [loaded, other, bad]})
    server.json("/v1/models", {"object": "list", "data": [loaded, other, bad]})


def tgi(server: StandIn) -> None:
    server.text("/health", "")
    server.json("/info", {"model_id": "org/m", "max_total_tokens": 4_096, "version": "3.3.7", "router": "x"})
    lines = ("tgi_queue_size 3", "tgi_batch_current_size 2", "tgi_request_generated_tokens_sum 900")
    server.text("/metrics", "".join(f"{line}\n" for line in lines))


def tei(server: StandIn) -> None:
    _tei(server, {"embedding": {"pooling": "cls"}})
    server.json("/embed", [[0.6, 0.8]])


def tei_reranker(server: StandIn) -> None:
    _tei(server, {"reranker": {"id2label": {"0": "LABEL_0"}}})
    server.json("/rerank", [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.1}])


def _tei(server: StandIn, model_type: dict[str, Any]) -> None:
    server.text("/health", "")
    info = {"model_id": "BAAI/bge", "served_model_name": "bge", "model_type": model_type, "max_input_length": 512}
    server.json("/info", {**info, "version": "1.9.3"})
    server.text("/metrics", "te_queue_size 4\n")


def infinity(server: StandIn) -> None:
    server.json("/health", {"unix": 1_790_000_000.0})
    stats = {"queue_fraction": 0.1, "queue_absolute": 6, "results_pending": 2, "batch_size": 32}
    model = {"id": "debug", "stats": stats, "backend": "debugengine", "capabilities": ["embed"], "owned_by": "infinity"}
    server.json("/models", {"data": [model]})
    server.json("/embeddings", {"data": [{"embedding": [3.0, 4.0]}], "usage": {"prompt_tokens": 5}})
    refused = "ModelNotDeployedError: debug does not rank"
    server.json("/rerank", {"error": {"message": refused, "type": None, "param": None, "code": 400}}, 400)


def litellm(server: StandIn) -> None:
    server.json("/health/liveliness", "I'm alive!")
    server.json("/health/readiness", {"status": "healthy", "db": "Not connected"})
    models = {"data": [{"id": "gpt", "object": "model", "owned_by": "openai", "max_input_tokens": 128_000}]}
    server.json("/v1/models", models, x_litellm_version="1.106.2")
    server.json("/health", {"healthy_endpoints": []})


def comfyui(server: StandIn) -> None:
    gpu = {"name": "cuda:0", "type": "cuda", "index": 0, "vram_total": 24_000, "vram_free": 9_000}
    server.json("/system_stats", {"system": {"comfyui_version": "0.5.1"}, "devices": [gpu]})
    server.json("/queue", {"queue_running": [[0, "a", {}, {}, []]], "queue_pending": [[1, "b", {}, {}, []]] * 3})
    server.text("/", "<html>ComfyUI</html>")


def openwebui(server: StandIn) -> None:
    server.json("/health", {"status": True})
    server.json("/ready", {"status": True})
    server.json("/api/version", {"version": "0.12.4", "deployment_id": ""})
    server.json("/api/models", {"detail": "Not authenticated"}, 401)


def mlflow(server: StandIn) -> None:
    server.text("/health", "OK")
    server.text("/version", "3.17.2")
    server.text("/", "<html>MLflow</html>")


def plain(server: StandIn) -> None:
    server.text("/", "hello")


KINDS: dict[ServerKind, Callable[[StandIn], None]] = {
    ServerKind.OLLAMA: ollama,
    ServerKind.VLLM: vllm,
    ServerKind.SGLANG: sglang,
    ServerKind.LLAMACPP: llamacpp,
    ServerKind.LLAMACPP_ROUTER: router,
    ServerKind.TGI: tgi,
    ServerKind.TEI: tei,
    ServerKind.TEI_RERANKER: tei_reranker,
    ServerKind.INFINITY: infinity,
    ServerKind.LITELLM: litellm,
    ServerKind.COMFYUI: comfyui,
    ServerKind.OPENWEBUI: openwebui,
    ServerKind.MLFLOW: mlflow,
    ServerKind.HTTP: plain,
}
