"""Images of the demo's engine: which are there, how large they are, and how one comes, layer by layer."""

from __future__ import annotations

import asyncio
import random
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aicompute_tui.demo.lab.box import base_name, image_id, stamp
from aicompute_tui.demo.lab.exchange import RefusedByEngine
from aicompute_tui.domain.json import Json, JsonObject

_GIB, _MIB = 1 << 30, 1 << 20
_DAY = 86_400
_PULL_SECONDS = 7.0
_STEP_SECONDS = 0.1
_AT_ONCE = 3
"""Layers an engine fetches at the same time."""
_EXTRACT_STEPS = 4
_SIZES_GIB = {
    "ollama": 3.4,
    "vllm-openai": 16.8,
    "text-generation-inference": 12.9,
    "llama.cpp": 2.6,
    "text-embeddings-inference": 1.6,
    "infinity": 6.4,
    "sglang": 18.2,
    "comfyui-boot": 9.7,
    "open-webui": 4.1,
    "qdrant": 0.2,
    "faster-whisper-server": 5.3,
}
_ABSENT = ("nope", "missing", "does-not-exist", "no-such")
_PRIVATE = ("private", "internal")


@dataclass(slots=True)
class Image:
    name: str
    created: float
    size: int
    has_lost_its_name: bool = False

    @property
    def tags(self) -> list[Json]:
        return [] if self.has_lost_its_name else [self.name]

    @property
    def id(self) -> str:
        return image_id(self.name)


def image_of(name: str, now: float) -> Image:
    """The same name has the same size and age."""
    luck = zlib.crc32(whole_name(name).encode())
    size = _SIZES_GIB.get(base_name(name), 0.05 + luck % 900 / 1000)
    return Image(whole_name(name), now - (3 + luck % 40) * _DAY, round(size * _GIB))


def left_over(now: float) -> list[Image]:
    """What nobody uses any more: an older version, and one whose name a newer build has taken."""
    older, nameless = image_of("vllm/vllm-openai:v0.10.2", now), image_of("ghcr.io/team/agent:main", now)
    nameless.has_lost_its_name = True
    return [older, nameless]


def whole_name(name: str) -> str:
    """With its tag, as engines keep it."""
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def listed(image: Image, containers: int) -> JsonObject:
    return {
        "Id": image.id,
        "ParentId": "",
        "RepoTags": image.tags,
        "RepoDigests": [f"{image.name.rpartition(':')[0]}@{image.id}"],
        "Created": int(image.created),
        "Size": image.size,
        "SharedSize": -1,
        "Labels": {},
        "Containers": containers,
    }


def inspected(image: Image) -> JsonObject:
    return {
        "Id": image.id,
        "RepoTags": image.tags,
        "RepoDigests": [f"{image.name.rpartition(':')[0]}@{image.id}"],
        "Created": stamp(image.created),
        "Architecture": "amd64",
        "Os": "linux",
        "Size": image.size,
        "Config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Labels": {}},
        "RootFS": {"Type": "layers", "Layers": [f"sha256:{layer.id}" for layer in _layers(image)]},
    }


@dataclass(slots=True)
class _Layer:
    id: str
    size: int
    done: int = 0
    extracted: int = 0

    @property
    def is_fetched(self) -> bool:
        return self.done >= self.size

    @property
    def is_done(self) -> bool:
        return self.is_fetched and self.extracted >= _EXTRACT_STEPS


def _layers(image: Image) -> list[_Layer]:
    """A few large ones among small ones, as images of model servers have."""
    luck = random.Random(zlib.crc32(image.name.encode()))  # noqa: S311 - sizes of a demo
    weights = [luck.uniform(0.2, 1.0) ** 3 for _ in range(luck.randint(5, 9))]
    whole = sum(weights)
    return [
        _Layer(f"{luck.getrandbits(48):012x}", max(200_000, round(image.size * 0.45 * each / whole)))
        for each in weights
    ]


async def pulled(image: Image) -> AsyncIterator[Json]:
    """What an engine says while the image comes. Raises RefusedByEngine for one that no registry has."""
    _refuse(image.name)
    name, _, tag = image.name.rpartition(":")
    yield {"status": f"Pulling from {name.removeprefix('docker.io/')}", "id": tag}
    layers = _layers(image)
    for layer in layers:
        yield {"status": "Pulling fs layer", "progressDetail": {}, "id": layer.id}
    rate = sum(layer.size for layer in layers) / (_PULL_SECONDS / _STEP_SECONDS)
    while any(not layer.is_done for layer in layers):
        await asyncio.sleep(_STEP_SECONDS)
        fetching = [layer for layer in layers if not layer.is_fetched][:_AT_ONCE]
        for layer in fetching:
            for told in _fetch(layer, rate / len(fetching)):
                yield told
        extracting = next((layer for layer in layers if layer.is_fetched and not layer.is_done), None)
        if extracting is not None:
            yield _extract(extracting)
    yield {"status": f"Digest: {image.id}"}
    yield {"status": f"Status: Downloaded newer image for {image.name}"}


def _refuse(name: str) -> None:
    if any(word in name for word in _ABSENT):
        raise RefusedByEngine(404, f"manifest for {name} not found: manifest unknown: manifest unknown")
    if any(word in name for word in _PRIVATE):
        repository = name.rpartition(":")[0]
        message = f"pull access denied for {repository}, repository does not exist or may require 'docker login'"
        raise RefusedByEngine(404, message)


def _fetch(layer: _Layer, size: float) -> list[Json]:
    layer.done = min(layer.size, layer.done + round(size) + 1)
    detail: JsonObject = {"current": layer.done, "total": layer.size}
    bar = f"{layer.done / _MIB:.1f}MB/{layer.size / _MIB:.1f}MB"
    told: list[Json] = [{"status": "Downloading", "progressDetail": detail, "progress": bar, "id": layer.id}]
    if layer.is_fetched:
        told += [
            {"status": "Verifying Checksum", "progressDetail": {}, "id": layer.id},
            {"status": "Download complete", "progressDetail": {}, "id": layer.id},
        ]
    return told


def _extract(layer: _Layer) -> Json:
    layer.extracted += 1
    if layer.is_done:
        return {"status": "Pull complete", "progressDetail": {}, "id": layer.id}
    detail: JsonObject = {"current": layer.size * layer.extracted // _EXTRACT_STEPS, "total": layer.size}
    return {"status": "Extracting", "progressDetail": detail, "id": layer.id}
