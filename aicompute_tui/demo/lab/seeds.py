"""The container hosts the demo begins with, what runs there, and what was seen on the one that is down."""

from __future__ import annotations

import time
from dataclasses import dataclass

from aicompute_tui.demo.lab.box import Box, Run, container_id
from aicompute_tui.domain.container import GpuRequest
from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.deployment import Deployment, create_request

LAB, SILENT_LAB = "lab-1", "lab-2"
SILENT_FOR_SECONDS = 14 * 60
"""How long the second host has been down when the demo begins."""
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A container as it stands when the demo begins."""

    name: str
    image: str
    made_seconds_ago: int
    up_seconds: int
    """How long it has run, or ran before it ended."""
    ended_seconds_ago: int | None = None
    health: str = ""
    exit_code: int = 0
    is_out_of_memory: bool = False
    port: tuple[int, int] | None = None
    """Inside and of the host."""
    gpus: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    volumes: tuple[str, ...] = ()
    restart: str = "unless-stopped"
    restarts: int = 0
    project: str = ""
    error: str = ""
    """Why it never started."""
    cpu_percent: float = 2.0
    memory_mib: float = 300.0
    models: tuple[str, ...] = ()


SEEDS = {
    LAB: (
        Seed(
            name="ollama-main",
            image="ollama/ollama:0.33.0",
            made_seconds_ago=4 * _DAY + 2 * _HOUR,
            up_seconds=4 * _DAY + 2 * _HOUR,
            health="healthy",
            port=(11434, 11434),
            gpus=("0", "1"),
            environment=(("OLLAMA_KEEP_ALIVE", "24h"), ("OLLAMA_NUM_PARALLEL", "4")),
            volumes=("ollama:/root/.ollama",),
            project="lab",
            cpu_percent=212.0,
            memory_mib=9_318.0,
            models=("llama3.1:8b", "qwen2.5-coder:7b"),
        ),
        Seed(
            name="openwebui",
            image="ghcr.io/open-webui/open-webui:main",
            made_seconds_ago=4 * _DAY + 2 * _HOUR,
            up_seconds=4 * _DAY + 2 * _HOUR,
            health="healthy",
            port=(8080, 3000),
            environment=(
                ("OLLAMA_BASE_URL", "http://ollama-main:11434"),
                ("WEBUI_SECRET_KEY", "t0p-s3cret-of-the-demo"),
            ),
            volumes=("open-webui:/app/backend/data",),
            project="lab",
            cpu_percent=1.1,
            memory_mib=614.0,
        ),
        Seed(
            name="tei-bge",
            image="ghcr.io/huggingface/text-embeddings-inference:cuda-1.9",
            made_seconds_ago=6 * _DAY,
            up_seconds=2 * _HOUR + 10 * _MINUTE,
            health="unhealthy",
            port=(80, 8081),
            gpus=("0",),
            words=("--model-id", "BAAI/bge-m3", "--max-batch-tokens", "32768"),
            volumes=("tei:/data",),
            restarts=3,
            cpu_percent=88.0,
            memory_mib=2_252.0,
        ),
        Seed(
            name="qdrant",
            image="qdrant/qdrant:v1.15",
            made_seconds_ago=9 * _DAY,
            up_seconds=9 * _DAY,
            port=(6333, 6333),
            volumes=("qdrant:/qdrant/storage",),
            project="lab",
            cpu_percent=3.4,
            memory_mib=870.0,
        ),
        Seed(
            name="vllm-try",
            image="vllm/vllm-openai:v0.11.0",
            made_seconds_ago=26 * _HOUR,
            up_seconds=7 * _MINUTE,
            ended_seconds_ago=25 * _HOUR,
            exit_code=137,
            is_out_of_memory=True,
            port=(8000, 8000),
            gpus=("1",),
            words=("--model", "Qwen/Qwen2.5-14B-Instruct", "--max-model-len", "16384"),
            volumes=("huggingface:/root/.cache/huggingface",),
            restart="no",
        ),
        Seed(
            name="ollama-two",
            image="ollama/ollama:0.33.0",
            made_seconds_ago=3 * _HOUR,
            up_seconds=0,
            error="driver failed programming external connectivity on endpoint ollama-two: "
            "Bind for 0.0.0.0:11434 failed: port is already allocated",
            exit_code=128,
            port=(11434, 11434),
            volumes=("ollama:/root/.ollama",),
        ),
    ),
    SILENT_LAB: (
        Seed(
            name="comfy",
            image="yanwk/comfyui-boot:cu128-slim",
            made_seconds_ago=12 * _DAY,
            up_seconds=3 * _DAY,
            port=(8188, 8188),
            gpus=("all",),
            volumes=("comfy:/root",),
        ),
    ),
}


def boxes(host: str, began: float) -> list[Box]:
    """All of a host, as they stood at `began`."""
    return [box_of(host, seed, began) for seed in SEEDS[host]]


def box_of(host: str, seed: Seed, began: float) -> Box:
    ended = None if seed.ended_seconds_ago is None else began - seed.ended_seconds_ago
    started = (ended or began) - seed.up_seconds
    return Box(
        id=container_id(host, seed.name),
        name=seed.name,
        request=create_request(_deployment(seed), {}),
        created=began - seed.made_seconds_ago,
        status="created" if seed.error else "running" if ended is None else "exited",
        health=seed.health,
        runs=[] if seed.error else [Run(started, ended)],
        exit_code=seed.exit_code,
        error=seed.error,
        is_out_of_memory=seed.is_out_of_memory,
        restarts=seed.restarts,
        cpu_percent=seed.cpu_percent,
        memory_mib=seed.memory_mib,
        models=[*seed.models],
    )


def _deployment(seed: Seed) -> Deployment:
    labels = {"com.docker.compose.project": seed.project, "com.docker.compose.service": seed.name}
    ids = () if seed.gpus == ("all",) else seed.gpus
    return Deployment(
        name=seed.name,
        image=seed.image,
        words=seed.words,
        gpus=GpuRequest(count=0 if ids else -1, device_ids=ids) if seed.gpus else None,
        container_port=seed.port[0] if seed.port else None,
        host_port=seed.port[1] if seed.port else None,
        bind="0.0.0.0",  # noqa: S104 - told, not listened at
        environment=seed.environment,
        volumes=seed.volumes,
        restart=seed.restart,
        labels=tuple(sorted(labels.items())) if seed.project else (),
    )


_USE = {
    "llm": (180.0, 6_200.0),
    "embedding": (35.0, 1_900.0),
    "reranker": (28.0, 1_700.0),
    "images": (60.0, 4_100.0),
    "chat": (1.2, 590.0),
}


def made(name: str, request: dict[str, object], identity: str) -> Box:
    """One that somebody creates while the demo runs."""
    image = str(request.get("Image", ""))
    kinds = {each.image.partition(":")[0]: each.kind for each in CONTAINER_FRAMEWORKS.values()}
    cpu, memory = _USE.get(kinds.get(image.partition(":")[0], ""), (2.0, 240.0))
    return Box(id=identity, name=name, request=dict(request), created=time.time(), cpu_percent=cpu, memory_mib=memory)
