"""From a model's config.json to what its layers keep; whatever is not understood is missing in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.model_config import shape_of_config
from aicompute_tui.domain.model_shape import AttentionLayers, Layers, ModelShape, StateLayers

USUAL = {"num_hidden_layers": 8, "num_attention_heads": 16, "num_key_value_heads": 4, "hidden_size": 1024}


def shape(**more: Any) -> ModelShape:
    return shape_of_config({**USUAL, **more}, "model")


def attention(count: int, window: int | None = None) -> AttentionLayers:
    return AttentionLayers(count=count, values_per_head=128, kv_heads=4, window=window)


LINEAR = {
    "linear_num_key_heads": 16,
    "linear_num_value_heads": 32,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
}
MAMBA = {"mamba_n_heads": 8, "mamba_d_head": 64, "mamba_d_state": 128, "mamba_n_groups": 1, "mamba_d_conv": 4}
LINEAR_BYTES = 4 * (32 * 128 * 128 + (2 * 16 * 128 + 32 * 128) * 3)
MAMBA_BYTES = 4 * (8 * 64 * 128 + (8 * 64 + 256) * 3)
KINDS: dict[str, tuple[dict[str, Any], tuple[Layers, ...]]] = {
    "grouped heads": ({}, (attention(8),)),
    "a head size of its own": (
        {"head_dim": 256},
        (AttentionLayers(count=8, values_per_head=512, kv_heads=4),),
    ),
    "one head for all": (
        {"num_key_value_heads": None, "multi_query": True},
        (AttentionLayers(count=8, values_per_head=128, kv_heads=1),),
    ),
    "every head of its own": (
        {"num_key_value_heads": None},
        (AttentionLayers(count=8, values_per_head=128, kv_heads=16),),
    ),
    "a latent": (
        {"kv_lora_rank": 512, "qk_rope_head_dim": 64},
        (AttentionLayers(count=8, values_per_head=576, kv_heads=None),),
    ),
    "layers by name": (
        {"layer_types": ["sliding_attention", "full_attention"] * 4, "sliding_window": 128},
        (attention(4), attention(4, 128)),
    ),
    "every sixth sees all": (
        {"model_type": "gemma3_text", "sliding_window": 512},
        (attention(1), attention(7, 512)),
    ),
    "a window that is not used": ({"sliding_window": 4096, "use_sliding_window": False}, (attention(8),)),
    "the last layers slide": (
        {"sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 6},
        (attention(6), attention(2, 4096)),
    ),
    "all layers slide": ({"model_type": "mistral", "sliding_window": 4096}, (attention(8, 4096),)),
    "linear but for every fourth": (
        {"full_attention_interval": 4, **LINEAR},
        (attention(2), StateLayers(count=6, state_bytes=LINEAR_BYTES)),
    ),
    "state space and attention": (
        {"layers_block_type": ["mamba"] * 7 + ["attention"], **MAMBA},
        (attention(1), StateLayers(count=7, state_bytes=MAMBA_BYTES)),
    ),
    "letters": (
        {"hybrid_override_pattern": "M-M*M-M*", **MAMBA},
        (attention(2), StateLayers(count=4, state_bytes=MAMBA_BYTES)),
    ),
}


@pytest.mark.parametrize(("more", "layers"), KINDS.values(), ids=KINDS)
def test_layers_keep_what_their_kind_keeps(more: dict[str, Any], layers: tuple[Layers, ...]) -> None:
    found = shape(**more)
    assert (found.layers, found.missing) == (layers, ())


MISSING: dict[str, tuple[dict[str, Any], str]] = {
    "no layers": ({"num_hidden_layers": None}, "number of layers"),
    "no heads": ({"num_attention_heads": None, "num_key_value_heads": None, "head_dim": 64}, "attention heads"),
    "no width": ({"hidden_size": None}, "size of an attention head"),
    "a width that does not divide": ({"hidden_size": 1000}, "size of an attention head"),
    "half a latent": ({"kv_lora_rank": 512}, "qk_rope_head_dim"),
    "a strange kind": ({"layer_types": ["quantum"] * 8}, "quantum"),
    "too few kinds": ({"layer_types": ["full_attention"]}, "1 are named, there are 8"),
    "sliding without a window": ({"layer_types": ["sliding_attention"] * 8}, "sliding_window"),
    "a window of somebody": ({"sliding_window": 512, "model_type": "new"}, "layers slide"),
    "a state of unknown size": ({"layer_types": ["mamba"] * 8}, "state of a layer"),
    "an encoder and a decoder": ({"is_encoder_decoder": True}, "encoder"),
    "an index": ({"index_topk": 2048}, "index"),
    "chunks": ({"attention_chunk_size": 8192}, "chunks"),
}


@pytest.mark.parametrize(("more", "words"), MISSING.values(), ids=MISSING)
def test_what_is_not_understood_is_missing_in_words(more: dict[str, Any], words: str) -> None:
    found = shape(**more)
    assert words in found.missing[0]
    assert found.layers == ()


def test_the_language_part_of_a_model_of_several_is_the_one_that_counts() -> None:
    nested = {"vision_config": {"num_hidden_layers": 99}, "text_config": USUAL, "torch_dtype": "bfloat16"}
    assert shape_of_config(nested, "model").layers == (attention(8),)
    assert shape_of_config(nested, "model").dtype == "bfloat16"
    assert shape_of_config({"thinker_config": {"text_config": USUAL}}, "model").layers == (attention(8),)


@pytest.mark.parametrize(
    ("scaling", "length"),
    [
        (None, 4096),
        ({"rope_type": "llama3", "factor": 8.0}, 4096),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}, 16384),
        ({"type": "linear", "factor": 2}, 8192),
    ],
)
def test_context_is_what_the_model_was_made_for(scaling: dict[str, Any] | None, length: int) -> None:
    assert shape(max_position_embeddings=4096, rope_scaling=scaling).context_length == length


def test_a_quantised_model_has_no_plain_type() -> None:
    assert shape(torch_dtype="bfloat16", quantization_config={"quant_method": "awq"}).dtype == "awq"


def test_a_number_of_layers_that_no_model_has_is_none() -> None:
    found = shape(num_hidden_layers=1 << 39, full_attention_interval=4)
    assert found.missing == ("its number of layers (num_hidden_layers)",)


whatever = st.one_of(st.integers(), st.floats(), st.text(max_size=4), st.lists(st.integers(), max_size=3))
strange = st.one_of(st.none(), st.booleans(), whatever)
NAMED = "layer_types sliding_window kv_lora_rank rope_scaling text_config head_dim full_attention_interval"
MORE = "attn_layer_period attn_layer_offset max_position_embeddings hybrid_override_pattern v_head_dim"
KEYS = [*USUAL, *LINEAR, *MAMBA, *NAMED.split(), *MORE.split()]


@given(st.dictionaries(st.sampled_from(KEYS), strange))
def test_strange_values_are_missing_never_a_crash(values: dict[str, Any]) -> None:
    found = shape_of_config({**USUAL, **values}, "odd")
    assert found.missing or found.layers or found.heads
