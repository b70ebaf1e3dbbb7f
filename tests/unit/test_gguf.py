"""GGUF headers: what is read of them, and that a hostile file is refused in one sentence."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.gguf import read_metadata, whole_size
from aicompute_tui.domain.gguf_model import shape_of_gguf
from aicompute_tui.domain.model_shape import AttentionLayers, ModelShape, StateLayers
from tests.unit.gguf_writer import Entry, gguf_bytes, llama_entries


def shape(entries: dict[str, Entry]) -> ModelShape:
    return shape_of_gguf(read_metadata(io.BytesIO(gguf_bytes(entries, tail=64))), "file")


def hybrid(**more: Entry) -> dict[str, Entry]:
    return {
        "general.architecture": "any",
        **{f"any.{key.replace('__', '.')}": value for key, value in more.items()},
    }


def test_a_model_is_read_past_the_words_of_its_tokenizer() -> None:
    found = shape(llama_entries())
    assert found.layers == (AttentionLayers(count=32, values_per_head=256, kv_heads=8),)
    assert (found.heads, found.context_length, found.missing) == (32, 131072, ())


def test_version_2_is_read_too() -> None:
    raw = gguf_bytes({"general.architecture": "llama"}, version=2)
    assert read_metadata(io.BytesIO(raw)) == {"general.architecture": "llama"}


def test_windows_heads_and_states_of_single_layers() -> None:
    found = shape(
        hybrid(
            block_count=4,
            embedding_length=64,
            attention__head_count=4,
            attention__head_count_kv=[0, 2, 2, 1],
            attention__sliding_window=128,
            attention__sliding_window_pattern=[False, True, False, True],
            ssm__inner_size=128,
            ssm__state_size=16,
            ssm__conv_kernel=4,
            ssm__group_count=1,
        )
    )
    assert set(found.layers) == {
        StateLayers(count=1, state_bytes=4 * (128 * 16 + (128 + 32) * 3)),
        AttentionLayers(count=1, values_per_head=32, kv_heads=2),
        AttentionLayers(count=1, values_per_head=32, kv_heads=2, window=128),
        AttentionLayers(count=1, values_per_head=32, kv_heads=1, window=128),
    }


def test_a_latent_counts_once() -> None:
    found = shape(
        hybrid(
            block_count=61,
            embedding_length=7168,
            attention__head_count=128,
            attention__head_count_kv=1,
            attention__kv_lora_rank=512,
            attention__key_length_mla=192,
            rope__dimension_count=64,
        )
    )
    assert found.layers == (AttentionLayers(count=61, values_per_head=576, kv_heads=None),)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({}, "architecture"),
        (hybrid(), "number of layers"),
        (hybrid(block_count=4), "attention heads"),
        (hybrid(block_count=4, attention__head_count=3, embedding_length=64), "size of an attention head"),
        (hybrid(block_count=1, attention__head_count=4, attention__head_count_kv=[0]), "state of its layers"),
        (hybrid(block_count=4, attention__head_count=4, attention__sliding_window=8), "layers slide"),
        (hybrid(block_count=4, attention__head_count=4, attention__shared_kv_layers=2), "share a cache"),
    ],
)
def test_what_is_not_there_is_missing_in_words(entries: dict[str, Entry], words: str) -> None:
    (missing,) = shape(entries).missing
    assert words in missing


HOSTILE = {
    "another file": b"PK\x03\x04" + bytes(100),
    "nothing": b"",
    "a version of tomorrow": b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
    "the other byte order": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "a million million entries": b"GGUF" + struct.pack("<IQQ", 3, 0, 10**12),
    "an endless name": b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 62),
    "an endless text": b"GGUF" + struct.pack("<IQQQ1sIQ", 3, 0, 1, 1, b"k", 8, 1 << 62),
    "an endless list of texts": b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 8, 1 << 60),
    "an endless list of numbers": b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 10, 1 << 60),
    "lists in lists": b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 9, 4),
    "an unknown kind": b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 77),
    "an end in the middle": gguf_bytes(llama_entries())[:-100],
}
HOSTILE_TENSORS = {
    "a million million tensors": b"GGUF" + struct.pack("<IQQ", 3, 10**12, 0),
    "many dimensions": b"GGUF" + struct.pack("<IQQQI", 3, 1, 0, 0, 1 << 30),
    "a tensor larger than any disk": b"GGUF" + struct.pack("<IQQQIQQIQ", 3, 1, 0, 0, 2, 1 << 60, 1 << 60, 0, 0),
    "no alignment": gguf_bytes({"general.alignment": 0}),
    "an end among the tensors": gguf_bytes(llama_entries())[:-40],
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_metadata(io.BytesIO(raw))
    assert refused.value.message.count(".") == 1
    assert refused.value.next_step


@pytest.mark.parametrize("raw", HOSTILE_TENSORS.values(), ids=HOSTILE_TENSORS)
def test_hostile_tensors_are_refused_in_one_sentence(raw: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        whole_size(io.BytesIO(raw))
    assert refused.value.message.count(".") == 1


@pytest.mark.parametrize(("kind", "size"), [(0, 512 * 4), (12, 2 * 144), (8, 16 * 34), (200, 0)])
def test_a_tensor_is_as_large_as_its_kind_makes_it(kind: int, size: int) -> None:
    raw = b"GGUF" + struct.pack("<IQQQ1sIQIQ", 3, 1, 0, 1, b"w", 1, 512, kind, 64)
    assert whole_size(io.BytesIO(raw)) == -(-len(raw) // 32) * 32 + 64 + size


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    for raw in (noise, b"GGUF" + struct.pack("<IQQ", 3, 1, 3) + noise):
        try:
            found = shape_of_gguf(read_metadata(io.BytesIO(raw)), "noise")
            whole_size(io.BytesIO(raw))
        except InvalidInput:
            continue
        assert isinstance(found, ModelShape)


@given(st.dictionaries(st.sampled_from(["block_count", "attention.head_count", "attention.key_length"]),
                       st.one_of(st.integers(0, 2**32 - 1), st.text(max_size=5), st.booleans())))  # fmt: skip
def test_strange_values_are_missing_never_a_crash(strange: dict[str, int | str | bool]) -> None:
    found = shape_of_gguf({"general.architecture": "any", **{f"any.{key}": v for key, v in strange.items()}}, "odd")
    assert found.missing or found.layers
