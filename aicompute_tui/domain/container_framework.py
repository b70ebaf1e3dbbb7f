"""Model servers and what goes with them as containers on any host: image, port, how the model is named, needs."""

from __future__ import annotations

from dataclasses import dataclass

from aicompute_tui.domain.framework import FRAMEWORKS

_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFramework:
    """`words` follow the image, `{model}` among them for the model; `volume` keeps what was downloaded."""

    name: str
    title: str
    kind: str
    """What its endpoint is for: llm, embedding, reranker, images or chat."""
    image: str
    container_port: int
    health_path: str
    """Answers below 400 once it can be used."""
    api_path: str = ""
    words: tuple[str, ...] = ()
    pull_words: tuple[str, ...] = ()
    """Run inside once it answers, for each model."""
    volume: str = ""
    needs_model: bool = True
    most_models: int = 1
    wants_gpu: bool = True
    shm_bytes: int = 0
    shares_ipc: bool = False
    """Its processes speak to each other through the host's shared memory."""
    wants_hub_token: bool = True


CONTAINER_FRAMEWORKS: dict[str, ContainerFramework] = {
    framework.name: framework
    for framework in (
        ContainerFramework(
            name="ollama",
            title=FRAMEWORKS["ollama"].title,
            kind="llm",
            image=FRAMEWORKS["ollama"].image,
            container_port=FRAMEWORKS["ollama"].container_port,
            health_path="/api/version",
            api_path=FRAMEWORKS["ollama"].api_path,
            pull_words=("ollama", "pull", "{model}"),
            volume="aic-tui-ollama:/root/.ollama",
            needs_model=False,
            most_models=20,
            wants_hub_token=False,
        ),
        ContainerFramework(
            name="vllm",
            title=FRAMEWORKS["vllm"].title,
            kind="llm",
            image=FRAMEWORKS["vllm"].image,
            container_port=FRAMEWORKS["vllm"].container_port,
            health_path="/health",
            api_path=FRAMEWORKS["vllm"].api_path,
            words=("--model", "{model}"),
            volume="aic-tui-huggingface:/root/.cache/huggingface",
            shares_ipc=True,
        ),
        ContainerFramework(
            name="tgi",
            title=FRAMEWORKS["tgi"].title,
            kind="llm",
            image=FRAMEWORKS["tgi"].image,
            container_port=FRAMEWORKS["tgi"].container_port,
            health_path="/health",
            api_path=FRAMEWORKS["tgi"].api_path,
            words=("--model-id", "{model}"),
            volume="aic-tui-tgi:/data",
            shm_bytes=_GIB,
        ),
        ContainerFramework(
            name="llamacpp",
            title=FRAMEWORKS["llamacpp"].title,
            kind="llm",
            image=FRAMEWORKS["llamacpp"].image,
            container_port=FRAMEWORKS["llamacpp"].container_port,
            health_path="/health",
            api_path=FRAMEWORKS["llamacpp"].api_path,
            words=("-hf", "{model}", "--host", "0.0.0.0", "--port", "8080", "-ngl", "99"),  # noqa: S104 - inside
            volume="aic-tui-llamacpp:/root/.cache/llama.cpp",
        ),
        ContainerFramework(
            name="tei",
            title="TEI embedding",
            kind="embedding",
            image="ghcr.io/huggingface/text-embeddings-inference:cuda-1.9",
            container_port=80,
            health_path="/health",
            api_path="/v1",
            words=("--model-id", "{model}"),
            volume="aic-tui-tei:/data",
        ),
        ContainerFramework(
            name="tei-reranker",
            title="TEI reranker",
            kind="reranker",
            image="ghcr.io/huggingface/text-embeddings-inference:cuda-1.9",
            container_port=80,
            health_path="/health",
            words=("--model-id", "{model}"),
            volume="aic-tui-tei:/data",
        ),
        ContainerFramework(
            name="infinity",
            title="Infinity",
            kind="embedding",
            image="michaelf34/infinity:latest",
            container_port=7997,
            health_path="/health",
            words=("v2", "--model-id", "{model}", "--port", "7997"),
            volume="aic-tui-infinity:/app/.cache",
        ),
        ContainerFramework(
            name="sglang",
            title="SGLang",
            kind="llm",
            image="lmsysorg/sglang:latest",
            container_port=30000,
            health_path="/health_generate",
            api_path="/v1",
            words=(
                *("python3", "-m", "sglang.launch_server", "--model-path", "{model}"),
                *("--host", "0.0.0.0", "--port", "30000"),  # noqa: S104 - inside the container
            ),
            volume="aic-tui-huggingface:/root/.cache/huggingface",
            shm_bytes=32 * _GIB,
            shares_ipc=True,
        ),
        ContainerFramework(
            name="comfyui",
            title="ComfyUI",
            kind="images",
            image="yanwk/comfyui-boot:latest",
            container_port=8188,
            health_path="/system_stats",
            volume="aic-tui-comfyui:/root",
            needs_model=False,
            most_models=0,
            wants_hub_token=False,
        ),
        ContainerFramework(
            name="openwebui",
            title="Open WebUI",
            kind="chat",
            image="ghcr.io/open-webui/open-webui:main",
            container_port=8080,
            health_path="/health",
            volume="aic-tui-open-webui:/app/backend/data",
            needs_model=False,
            most_models=0,
            wants_gpu=False,
            wants_hub_token=False,
        ),
    )
}
