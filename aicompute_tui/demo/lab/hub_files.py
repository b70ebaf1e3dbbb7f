"""What lies in the repositories of the demo's hub: pages, weights by size alone, and beginnings of GGUF files."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from aicompute_tui.domain.model_config import whole
from aicompute_tui.hub.curated import CuratedModel

_PART_BYTES = 5_000_000_000
_BITS_OF_A_WEIGHT = {"Q3_K_M": 3.91, "Q4_K_M": 4.85, "Q5_K_M": 5.69, "Q6_K": 6.57, "Q8_0": 8.5, "F16": 16.0}
_TEXT, _WHOLE = 8, 4


@dataclass(frozen=True, slots=True)
class Large:
    """A file of which only the beginning is here."""

    size: int
    beginning: bytes = bytes(64)


def readme_of(model: CuratedModel) -> bytes:
    good_at = f" {model.quality} ({model.quality_source.title})." if model.quality and model.quality_source else ""
    said = f"{model.title} is a model for {model.purpose}, as this demo's own hub tells of it.{good_at}"
    return f"---\nlicense: {model.licence}\n---\n# {model.title}\n\n{said}\n".encode()


def weight_files(model: CuratedModel, size: int) -> dict[str, bytes | Large]:
    """In parts as large repositories have them."""
    if model.library == "diffusers":
        return {"unet/diffusion_pytorch_model.safetensors": Large(size)}
    count = -(-size // _PART_BYTES)
    if count == 1:
        return {"model.safetensors": Large(size)}
    each = size // count
    sizes = [each] * (count - 1) + [size - each * (count - 1)]
    return {f"model-{part:05d}-of-{count:05d}.safetensors": Large(part_size) for part, part_size in enumerate(sizes, 1)}


def gguf_sizes(model: CuratedModel) -> dict[str, int]:
    return {kind: int(model.parameters * bits / 8) for kind, bits in _BITS_OF_A_WEIGHT.items()}


def gguf_beginning(model: CuratedModel) -> bytes:
    """The header of its files, by the published format, with no tensor in it."""
    config = model.config or {}
    kind = "qwen2" if "qwen" in model.name else "llama"
    entries: dict[str, str | int] = {"general.architecture": kind, "general.name": model.title}
    for entry, key in (
        ("block_count", "num_hidden_layers"),
        ("context_length", "max_position_embeddings"),
        ("embedding_length", "hidden_size"),
        ("attention.head_count", "num_attention_heads"),
        ("attention.head_count_kv", "num_key_value_heads"),
    ):
        entries[f"{kind}.{entry}"] = whole(config, key) or 0
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    return head + b"".join(_entry(key, value) for key, value in entries.items())


def _entry(key: str, value: str | int) -> bytes:
    if isinstance(value, str):
        return _text(key) + struct.pack("<I", _TEXT) + _text(value)
    return _text(key) + struct.pack("<II", _WHOLE, value)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw
