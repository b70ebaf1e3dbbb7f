"""Which files are one copy of a model: in parts, quantised, several models beside each other, parts of a pipeline."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.model_advice import advice_for, usual_gguf
from aicompute_tui.domain.model_card import description_of
from aicompute_tui.domain.model_variants import ModelVariant, variant_called, variants_of


def told(variants: tuple[ModelVariant, ...]) -> list[tuple[str, int | None, int]]:
    return [(each.name, each.size_bytes, len(each.paths)) for each in variants]


def test_parts_are_one_model_and_its_doubles_are_left_out() -> None:
    files = {
        "config.json": 700,
        "model.safetensors.index.json": 24_000,
        **{f"model-{part:05d}-of-00004.safetensors": 4 * 10**9 for part in range(1, 5)},
        "consolidated.00.pth": 16 * 10**9,
        "consolidated.safetensors": 16 * 10**9,
        "original/consolidated.00.pth": 16 * 10**9,
        "pytorch_model.bin": 16 * 10**9,
        "adapter_model.safetensors": 10**6,
    }
    assert told(variants_of(files)) == [("safetensors", 16 * 10**9, 4)]


def test_quantised_files_come_from_small_to_large_and_sharded_ones_count_once() -> None:
    files = {
        "README.md": 5000,
        "Model-Q8_0.gguf": 8_500,
        "Model-Q4_K_M.gguf": 4_900,
        "Model-IQ2_XS.gguf": 2_600,
        "mmproj-Model-F16.gguf": 900,
        "Model.imatrix.gguf": 5,
        **{f"BF16/Model-BF16-{part:05d}-of-00002.gguf": 8_000 for part in (1, 2)},
    }
    found = variants_of(files)
    assert told(found) == [("IQ2_XS", 2_600, 1), ("Q4_K_M", 4_900, 1), ("Q8_0", 8_500, 1), ("BF16", 16_000, 2)]
    assert found[3].first_file == "BF16/Model-BF16-00001-of-00002.gguf"
    chosen = usual_gguf(found)
    assert chosen is not None
    assert chosen.quantisation == "Q4_K_M"


def test_a_part_that_is_not_there_leaves_the_size_unknown() -> None:
    files = {f"m-Q4_0-{part:05d}-of-00003.gguf": 10 for part in (1, 3)}
    [found] = variants_of(files)
    assert (found.size_bytes, found.note) == (None, "2 of its 3 parts are there")
    [untold] = variants_of({"model.safetensors": None})
    assert untold.size_bytes is None


def test_several_models_in_one_repository_stay_apart() -> None:
    files = {
        "small/model.safetensors": 1,
        "small/config.json": 1,
        "large/model-00001-of-00002.safetensors": 2,
        "large/model-00002-of-00002.safetensors": 3,
        "other-Q4_K_M.gguf": 5,
        "another-Q4_K_M.gguf": 4,
    }
    found = variants_of(files)
    assert told(found) == [
        ("large", 5, 2),
        ("small", 1, 1),
        ("another-Q4_K_M.gguf", 4, 1),
        ("other-Q4_K_M.gguf", 5, 1),
    ]
    assert variant_called(found, "LARGE") is found[0]
    assert variant_called(found, "other-Q4_K_M.gguf") is found[3]
    assert variant_called(found, "Q4_K_M") is None
    assert variant_called(found, "q5") is None


def test_the_parts_of_a_pipeline_are_loaded_together_in_one_precision() -> None:
    files = {
        "model_index.json": 600,
        "sd_xl_base_1.0.safetensors": 6_938,
        "unet/diffusion_pytorch_model.safetensors": 10_270,
        "unet/diffusion_pytorch_model.fp16.safetensors": 5_135,
        "vae/diffusion_pytorch_model.safetensors": 334,
        "vae/diffusion_pytorch_model.fp16.safetensors": 167,
        "text_encoder/model.safetensors": 492,
        "text_encoder/model.fp16.safetensors": 246,
        "unet/diffusion_pytorch_model.non_ema.safetensors": 10_270,
    }
    assert told(variants_of(files)) == [("pipeline", 11_096, 3), ("pipeline fp16", 5_548, 3)]


PATHS = st.text(alphabet="abQ4_KM-.0125of/sfetngu", min_size=1, max_size=40)


@given(st.dictionaries(PATHS, st.none() | st.integers(0, 9)))
def test_no_file_counts_twice_and_no_name_comes_twice(files: dict[str, int | None]) -> None:
    found = variants_of({f"{path}.{kind}": size for path, size in files.items() for kind in ("gguf", "safetensors")})
    paths = [path for each in found for path in each.paths]
    assert len(paths) == len(set(paths))
    assert len({each.name for each in found}) == len(found)


@pytest.mark.parametrize(
    ("task", "files", "first"),
    [
        ("text-generation", {"model.safetensors": 1}, ("vllm", "a/b")),
        ("text-generation", {"m-Q4_K_M.gguf": 1, "m-Q8_0.gguf": 2}, ("llamacpp", "a/b:Q4_K_M")),
        ("sentence-similarity", {"model.safetensors": 1}, ("tei", "a/b")),
        ("text-ranking", {"model.safetensors": 1}, ("tei-reranker", "a/b")),
        ("text-to-image", {"unet/diffusion_pytorch_model.safetensors": 1}, ("comfyui", "")),
    ],
)
def test_the_server_that_suits_comes_first(task: str, files: dict[str, int | None], first: tuple[str, str]) -> None:
    advised = advice_for("a/b", task, variants_of(files), None)
    assert (advised[0].framework, advised[0].model) == first


def test_gguf_can_be_pulled_by_ollama_and_what_nothing_serves_has_no_advice() -> None:
    advised = advice_for("a/b", None, variants_of({"m-Q4_K_M.gguf": 1}), "b:7b")
    assert [(each.framework, each.model) for each in advised] == [
        ("llamacpp", "a/b:Q4_K_M"),
        ("ollama", "hf.co/a/b:Q4_K_M"),
        ("ollama", "b:7b"),
    ]
    assert advice_for("a/b", "automatic-speech-recognition", variants_of({"model.safetensors": 1}), None) == ()


def test_a_card_is_told_by_its_first_prose() -> None:
    readme = """---
license: mit
---
<div align="center"><img src="x.png"></div>

# Model

[![badge](https://x/y.svg)](https://x)

**Model** is a [small](https://x) model that says *something* useful about `code` in many languages.

| a | b |
|---|---|
| 1 | 2 |

```python
print("this is code, not prose, however long this very line may be")
```
"""
    assert description_of(readme) == "Model is a small model that says something useful about code in many languages."
    assert description_of("# Title\n\nshort\n") is None
    long = description_of("Это длинное предложение о модели. " * 100)
    assert long is not None
    assert (len(long) <= 700, long[-1]) == (True, ".")
