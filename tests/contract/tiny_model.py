"""A llama of some 100,000 random numbers in the published GGUF format: it babbles, and a real server serves it."""

from __future__ import annotations

import random
import struct
from array import array
from pathlib import Path

from tests.unit.gguf_writer import Entry, header_entry, header_text

CONTEXT = 512
_WIDTH, _HEADS, _LAYERS, _INNER = 64, 4, 2, 128
_WORDS = ("▁hello", "▁world", "▁a", "▁the", "▁is", "▁ok")
_TOKENS = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *_WORDS]
_UNKNOWN, _CONTROL, _BYTE, _NORMAL = 2, 3, 6, 1
_ALIGNMENT = 32
_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def _entries() -> dict[str, Entry]:
    scores = [0.0] * 3 + [-1000.0] * 256 + [-float(place) for place in range(len(_WORDS))]
    return {
        "general.architecture": "llama",
        "general.name": "tiny-random",
        "general.file_type": 0,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": _WIDTH,
        "llama.block_count": _LAYERS,
        "llama.feed_forward_length": _INNER,
        "llama.attention.head_count": _HEADS,
        "llama.attention.head_count_kv": _HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": _WIDTH // _HEADS,
        "llama.vocab_size": len(_TOKENS),
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": _TOKENS,
        "tokenizer.ggml.scores": scores,
        "tokenizer.ggml.token_type": [_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * len(_WORDS)],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.chat_template": _TEMPLATE,
    }


def _shapes() -> dict[str, tuple[int, ...]]:
    """Of each tensor, the row's length first as the format has it."""
    found: dict[str, tuple[int, ...]] = {
        "token_embd": (_WIDTH, len(_TOKENS)),
        "output_norm": (_WIDTH,),
        "output": (_WIDTH, len(_TOKENS)),
    }
    for layer in range(_LAYERS):
        block = f"blk.{layer}."
        found |= {block + name: (_WIDTH,) for name in ("attn_norm", "ffn_norm")}
        found |= {block + name: (_WIDTH, _WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
        found |= {block + name: (_WIDTH, _INNER) for name in ("ffn_gate", "ffn_up")}
        found[block + "ffn_down"] = (_INNER, _WIDTH)
    return found


def write_tiny_model(path: Path) -> Path:
    """The same numbers each time."""
    chance = random.Random(0)
    entries, shapes = _entries(), _shapes()
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(entries))
    head += b"".join(header_entry(key, value) for key, value in entries.items())
    numbers = b""
    for name, shape in shapes.items():
        head += header_text(f"{name}.weight") + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", 0, len(numbers))
        if name.endswith("norm"):
            values = array("f", [1.0] * shape[0])
        else:
            values = array("f", (chance.gauss(0.0, 0.05) for _ in range(shape[0] * shape[1])))
        numbers += values.tobytes() + bytes(-len(values) * values.itemsize % _ALIGNMENT)
    path.write_bytes(head + bytes(-len(head) % _ALIGNMENT) + numbers)
    return path
