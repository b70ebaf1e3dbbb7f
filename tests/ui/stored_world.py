"""What hosts keep, as the agent answers it: images and volumes of two hosts, one that is silent, and logins."""

from __future__ import annotations

import zlib

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.sizes import format_bytes

_GIB = 1 << 30
_SILENT: JsonObject = {
    "host": "lab-2", "host_id": "host-2", "key": "host-2/", "id": None, "name": None,
    "problem": "lab-2 did not answer within 5 s.", "next_step": "Look at it with `aic-tui host test lab-2`.",
}  # fmt: skip


def image(name: str, size: int, *used_by: str, host: str = "lab-1", age: int = 86_400, tags: int = 1) -> JsonObject:
    identity = f"sha256:{zlib.crc32(name.encode()):012x}{'0' * 52}"
    both: list[Json] = [name, f"{name}-also"]
    return {
        "host": host, "host_id": f"id-{host}", "key": f"id-{host}/{identity}", "id": identity, "name": name,
        "tags": both[:tags], "size": format_bytes(size), "size_bytes": size, "age_seconds": age, "used_by": [*used_by],
        "dangling": not tags, "problem": None,
    }  # fmt: skip


def volume(name: str, size: int | None, *used_by: str, anonymous: bool = False) -> JsonObject:
    return {
        "host": "lab-1", "host_id": "id-lab-1", "key": f"id-lab-1/{name}", "name": name, "called": name[:12],
        "driver": "local", "size": format_bytes(size), "size_bytes": size, "age_seconds": 7_200, "used_by": [*used_by],
        "created_at": "2026-10-02T08:00:00Z", "anonymous": anonymous, "problem": None,
        "mountpoint": f"/var/lib/docker/volumes/{name}/_data",
    }  # fmt: skip


def removable(row: JsonObject, frees: int) -> JsonObject:
    return {**row, "item": row["key"], "frees_bytes": frees, "frees": format_bytes(frees)}


IMAGES: list[Json] = [
    image("vllm/vllm-openai:v0.9.1", 14 * _GIB, "qwen"),
    image("ollama/ollama:0.6", 3 * _GIB, "ollama", "ollama-spare"),
    image("ghcr.io/team/server:2", 2 * _GIB, tags=2),
    image("5f1c2ab09d3e", 9 * _GIB, tags=0, age=40 * 86_400),
    _SILENT,
]
VOLUMES: list[Json] = [
    volume("models", 61 * _GIB, "qwen", "ollama"),
    volume("comfy-out", 4 * _GIB),
    volume("3fb1" * 16, None, anonymous=True),
    _SILENT,
]


def answers() -> dict[str, Json]:
    return {
        "image.list": IMAGES,
        "volume.list": VOLUMES,
        "image.unused": [removable(image("5f1c2ab09d3e", 9 * _GIB, tags=0), 8 * _GIB), _SILENT],
        "volume.unused": [removable(volume("3fb1" * 16, _GIB, anonymous=True), _GIB)],
        "registry.list": [
            {"registry": "ghcr.io", "user": "ana", "problem": None},
            {"registry": "registry.example:5000", "user": None, "problem": "It was sealed with another key."},
        ],
    }
