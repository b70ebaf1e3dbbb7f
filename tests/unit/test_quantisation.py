"""A model in fewer bits: computed sizes against those of real files."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.model_config import shape_of_config
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.quantisation import parameter_count, quantised
from aicompute_tui.hub.curated import curated_models

LLAMA_70B = {
    "model_type": "llama", "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
    "hidden_size": 8192, "vocab_size": 128_256, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip
PARAMETERS_70B = 70_553_706_496


def llama_70b() -> ModelShape:
    model = shape_of_config(LLAMA_70B, "Llama 70B")
    return ModelShape(
        name=model.name, layers=model.layers, heads=model.heads, weights_bytes=PARAMETERS_70B * 2,
        dtype=model.dtype, embedding_parameters=model.embedding_parameters,
    )  # fmt: skip


def sizes(model: ModelShape, engine: str) -> dict[str, int]:
    return {each.name: smaller.weights_bytes or 0 for each, smaller in quantised(model, engine)}


def test_a_70b_in_4_bits_is_as_large_as_its_files_are() -> None:
    """39,728,447,488 bytes are the AWQ files of it that `model fit` is shown with; 42.52 GB its Q4_K_M of llama.cpp."""
    assert sizes(llama_70b(), "vllm")["awq"] == pytest.approx(39_728_447_488, rel=0.002)
    assert sizes(llama_70b(), "llamacpp")["q4_k_m"] == pytest.approx(42.52e9, rel=0.02)


def test_every_shipped_quantisation_is_as_large_as_it_is_computed() -> None:
    checked = 0
    for model in curated_models():
        computed = sizes(model.shape(), "vllm")
        for variant in model.variants:
            assert computed[variant.quantisation] == pytest.approx(variant.weights_bytes, rel=0.001), variant.hub_id
            checked += 1
    assert checked


def test_fewer_bits_are_never_more_bytes() -> None:
    for engine in ("vllm", "llamacpp"):
        found = list(sizes(llama_70b(), engine).values())
        assert found == sorted(found, reverse=True)
        assert all(size < PARAMETERS_70B * 2 for size in found)


def test_what_is_quantised_already_is_not_guessed_at() -> None:
    """How many parameters stand behind its bytes is not known."""
    model = ModelShape(name="m", weights_bytes=39_728_447_488, dtype="awq", embedding_parameters=1)
    assert parameter_count(model) is None
    assert sizes(model, "vllm") == {}


def test_without_the_size_of_its_tables_only_what_covers_them_is_computed() -> None:
    model = ModelShape(name="m", weights_bytes=16_000_000_000, dtype="float16")
    assert sizes(model, "vllm") == {}
    assert set(sizes(model, "ollama")) == {"q8_0", "q6_k", "q4_k_m"}


def test_a_table_shared_by_both_ends_counts_once() -> None:
    shared = shape_of_config({**LLAMA_70B, "tie_word_embeddings": True}, "m").embedding_parameters
    assert shared == 128_256 * 8192
    assert shape_of_config(LLAMA_70B, "m").embedding_parameters == 2 * shared
    several = {"model_type": "llava", "text_config": LLAMA_70B}
    assert shape_of_config(several, "m").embedding_parameters is None
