"""The model servers a machine can set up by itself, and where each answers on the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """`node_port` is on the machine's loopback only; `api_path` is where an OpenAI-style client begins."""

    name: str
    title: str
    image: str
    container_port: int
    node_port: int
    api_path: str = "/v1"
    most_models: int | None = None
    """How many models one machine can serve with it, None for any number."""
    needs_model: bool = True
    takes_key: bool = True
    """Whether its server can be told a key that every request must carry."""

    @property
    def node_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.node_port}{self.api_path}"

    def endpoint_at(self, local_port: int) -> str:
        return f"http://127.0.0.1:{local_port}{self.api_path}"


FRAMEWORKS: dict[str, Framework] = {
    framework.name: framework
    for framework in (
        Framework(
            name="ollama",
            title="Ollama",
            image="ollama/ollama",
            container_port=11434,
            node_port=11434,
            needs_model=False,
            takes_key=False,
        ),
        Framework(
            name="vllm", title="vLLM", image="vllm/vllm-openai", container_port=8000, node_port=8000, most_models=1
        ),
        Framework(
            name="tgi",
            title="TGI",
            image="ghcr.io/huggingface/text-generation-inference:3.3.7",
            container_port=80,
            node_port=8080,
            most_models=1,
        ),
        Framework(
            name="llamacpp",
            title="llama.cpp",
            image="ghcr.io/ggml-org/llama.cpp:server-cuda",
            container_port=8080,
            node_port=8080,
            most_models=1,
        ),
    )
}
CONTAINER_NAME = "aic-tui-framework"
