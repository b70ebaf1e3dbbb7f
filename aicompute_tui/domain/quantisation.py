"""A model with fewer bits for each weight: how large it would be, reckoned from its own parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from aicompute_tui.domain.model_shape import ModelShape

_WHOLE_BITS = {"float32": 32, "float16": 16, "bfloat16": 16}
_KEPT_BITS = 16
"""What is left alone stays in half precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """`bits` of a weight, with its share of scales and zero points.

    Where embeddings are left alone, the tables of tokens at both ends of the model stay as they are.
    """

    name: str
    bits: Fraction
    engines: tuple[str, ...]
    leaves_embeddings: bool = False


_GPU_SERVERS = ("vllm", "sglang", "tgi")
_FILE_SERVERS = ("llamacpp", "ollama")
QUANTISATIONS: tuple[Quantisation, ...] = (
    Quantisation(name="fp8", bits=Fraction(8), engines=_GPU_SERVERS, leaves_embeddings=True),
    Quantisation(name="awq", bits=4 + Fraction(20, 128), engines=_GPU_SERVERS, leaves_embeddings=True),
    Quantisation(name="q8_0", bits=Fraction(34 * 8, 32), engines=_FILE_SERVERS),
    Quantisation(name="q6_k", bits=Fraction(210 * 8, 256), engines=_FILE_SERVERS),
    Quantisation(name="q4_k_m", bits=Fraction(49, 10), engines=_FILE_SERVERS),
)
"""The most exact of each server first. AWQ is that of 4 bits in groups of 128; GGUF types have what their blocks take.

Q4_K_M is a mixture: 4.9 bits is what llama.cpp measures for a model of 8 billion parameters, larger ones take less.
"""


def quantised(model: ModelShape, engine: str) -> Iterator[tuple[Quantisation, ModelShape]]:
    """The same model by each quantisation the engine reads; none where its parameters cannot be told exactly."""
    parameters = parameter_count(model)
    if parameters is None:
        return
    for each in QUANTISATIONS:
        kept = model.embedding_parameters if each.leaves_embeddings else 0
        if engine not in each.engines or kept is None or kept > parameters:
            continue
        bits = (parameters - kept) * each.bits + kept * _KEPT_BITS
        source = f"{parameters / 1e9:.2f}b parameters in {each.name}"
        yield each, replace(model, weights_bytes=-int(-bits // 8), weights_source=source, dtype=each.name)


def parameter_count(model: ModelShape) -> int | None:
    """By the bytes of weights that are not quantised."""
    bits = _WHOLE_BITS.get(model.dtype or "")
    return None if bits is None or model.weights_bytes is None else model.weights_bytes * 8 // bits
