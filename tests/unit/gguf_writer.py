"""Small GGUF headers for tests, written by the published format."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

Entry = int | float | bool | str | list[int] | list[bool] | list[str] | list[float]
_ARRAYS = {bool: (7, "?"), float: (6, "f")}
"""Type and form of an array's values; others are whole numbers."""


def gguf_bytes(entries: Mapping[str, Entry], *, version: int = 3, tail: int = 0, there: int | None = None) -> bytes:
    """A header and one tensor of `tail` bytes, of which only `there` are written."""
    head = b"GGUF" + struct.pack("<IQQ", version, 1, len(entries))
    head += b"".join(header_entry(key, value) for key, value in entries.items())
    head += header_text("w") + struct.pack("<IQIQ", 1, tail, 24, 0)
    return head + bytes(-len(head) % 32) + bytes(tail if there is None else there)


def write_gguf(path: Path, entries: Mapping[str, Entry], *, tail: int = 0, there: int | None = None) -> Path:
    path.write_bytes(gguf_bytes(entries, tail=tail, there=there))
    return path


def llama_entries(**more: Entry) -> dict[str, Entry]:
    """Of a model like Llama 3.1 8B, with the words of a tokenizer before and after what counts."""
    return {
        "tokenizer.ggml.tokens": [f"word {number}" for number in range(5000)],
        "general.architecture": "llama",
        "general.name": "A Llama",
        "llama.block_count": 32,
        "llama.context_length": 131072,
        "llama.embedding_length": 4096,
        "llama.attention.head_count": 32,
        "llama.attention.head_count_kv": 8,
        "llama.rope.freq_base": 500000.0,
        "tokenizer.ggml.add_bos_token": True,
        **{f"llama.{key.replace('__', '.')}": value for key, value in more.items()},
    }


def header_entry(key: str, value: Entry) -> bytes:
    return header_text(key) + _value(value)


def header_text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Entry) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + header_text(value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(header_text(str(each)) for each in value)
    kind, form = next((each for sort, each in _ARRAYS.items() if value and type(value[0]) is sort), (5, "i"))
    return struct.pack(f"<IIQ{len(value)}{form}", 9, kind, len(value), *value)
