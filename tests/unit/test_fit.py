"""Whether a model fits: worked figures, published tables, and what must hold for every model, use and GPU."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.fit import (
    CACHE_BYTES,
    ENGINES,
    GIB,
    Gpus,
    Use,
    Verdict,
    cache_bytes,
    fit,
    needed,
    usable_parallelism,
)
from aicompute_tui.domain.model_config import shape_of_config
from aicompute_tui.domain.model_shape import AttentionLayers, Layers, ModelShape, StateLayers

K = 1024
VLLM = ENGINES["vllm"]
PUBLISHED = Path(__file__).resolve().parents[1] / "data" / "published-kv-cache.json"


def llama_like(layers: int, heads: int, kv_heads: int, width: int, **more: Any) -> ModelShape:
    config = {
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "hidden_size": width,
        **more,
    }
    return shape_of_config(config, "model")


MODELS = {
    "llama-3.1-8b": llama_like(32, 32, 8, 4096),
    "mistral-7b": llama_like(32, 32, 8, 4096, model_type="mistral", sliding_window=None),
    "llama-3.1-70b": llama_like(80, 64, 8, 8192),
    "llama-3.1-405b": llama_like(126, 128, 8, 16384),
    "llama-3.1-405b-16-heads": llama_like(126, 128, 16, 16384),
    "qwen2.5-7b": llama_like(28, 28, 4, 3584, sliding_window=131072, use_sliding_window=False),
    "qwen3-32b": llama_like(64, 64, 8, 5120, head_dim=128),
    "deepseek-v3": llama_like(61, 128, 128, 7168, kv_lora_rank=512, qk_rope_head_dim=64),
}


def use(context: int, parallel: int = 1, engine: str = "vllm", kv_dtype: str = "fp16") -> Use:
    return Use(engine=ENGINES[engine], context=context, parallel=parallel, kv_dtype=kv_dtype)


def weighing(model: ModelShape, gib: float) -> ModelShape:
    return replace(model, weights_bytes=int(gib * GIB))


def gpus(gib: float, count: int = 1) -> Gpus:
    return Gpus(memory_mib=int(gib * K), count=count)


@pytest.mark.parametrize(
    ("name", "kib"),
    [
        ("llama-3.1-8b", 128),
        ("mistral-7b", 128),
        ("llama-3.1-70b", 320),
        ("qwen2.5-7b", 56),
        ("qwen3-32b", 256),
        ("deepseek-v3", 68.6),
    ],
)
def test_cache_of_a_token_is_the_worked_figure(name: str, kib: float) -> None:
    assert round(cache_bytes(MODELS[name], use(1)) / K, 1) == kib


@pytest.mark.parametrize(
    ("name", "context", "gib"),
    [
        ("llama-3.1-8b", 8, 1),
        ("llama-3.1-8b", 32, 4),
        ("llama-3.1-8b", 128, 16),
        ("llama-3.1-70b", 32, 10),
        ("llama-3.1-70b", 128, 40),
        ("deepseek-v3", 128, 8.6),
    ],
)
def test_cache_of_a_context_is_the_worked_figure(name: str, context: int, gib: float) -> None:
    assert round(cache_bytes(MODELS[name], use(context * K)) / GIB, 1) == gib


def test_a_small_model_on_24_gb_takes_about_20_thousand_tokens() -> None:
    found = fit(weighing(MODELS["llama-3.1-8b"], 15.0), use(8 * K), gpus(22.5))
    assert round(found.budget_bytes_per_gpu / GIB, 1) == 20.2
    assert found.max_context is not None
    assert 20_000 <= found.max_context <= 20_480


@pytest.mark.parametrize(
    ("memory", "count", "context", "need", "verdict"),
    [
        (44.7, 1, 32, 50.9, Verdict.NO),
        (44.7, 1, 8, 43.4, Verdict.NO),
        (22.5, 2, 32, 26.4, Verdict.NO),
        (22.5, 4, 32, 14.2, Verdict.FITS),
    ],
)
def test_a_large_quantised_model_is_as_worked_out(
    memory: float, count: int, context: int, need: float, verdict: Verdict
) -> None:
    found = fit(weighing(MODELS["llama-3.1-70b"], 37), use(context * K), gpus(memory, count))
    assert found.need is not None
    assert (round(found.need.total / GIB, 1), found.verdict) == (need, verdict)


def test_published_tables_agree() -> None:
    units = {"GiB": GIB, "GB": 10**9, "KiB": K}
    tables = json.loads(PUBLISHED.read_text())
    assert len(tables) >= 3
    for table in tables:
        for row in table["rows"]:
            size = cache_bytes(MODELS[row["model"]], use(row["tokens"])) / units[table["unit"]]
            assert abs(size / row["size"] - 1) <= 0.02, (table["source"], row)


def test_between_nine_tenths_and_the_whole_budget_it_is_tight() -> None:
    model = weighing(MODELS["llama-3.1-8b"], 15.0)
    verdicts = [fit(model, use(K), gpus(gib)).verdict for gib in (19, 21, 30)]
    assert verdicts == [Verdict.NO, Verdict.TIGHT, Verdict.FITS]


def test_heads_are_replicated_where_there_are_more_gpus_than_heads() -> None:
    model = weighing(MODELS["qwen2.5-7b"], 15)
    four, eight = (needed(model, use(32 * K), split).cache for split in (4, 8))
    assert four == eight == cache_bytes(model, use(32 * K)) // 4


def test_a_latent_is_not_split() -> None:
    model = weighing(MODELS["deepseek-v3"], 640)
    assert needed(model, use(32 * K), 8).cache == cache_bytes(model, use(32 * K))


def test_a_split_divides_the_heads_and_says_so() -> None:
    model = weighing(MODELS["qwen2.5-7b"], 15)
    assert [usable_parallelism(model, VLLM, count) for count in (1, 2, 3, 4, 7, 8)] == [1, 2, 2, 4, 4, 4]
    assert usable_parallelism(model, ENGINES["llamacpp"], 3) == 3
    found = fit(model, use(8 * K), gpus(22.5, 8))
    assert "4 of 8 GPUs are used" in found.reason


def test_a_window_ends_the_growth_of_the_cache() -> None:
    model = llama_like(32, 32, 8, 4096, model_type="mistral", sliding_window=4096)
    assert cache_bytes(model, use(4096)) == cache_bytes(model, use(32 * K)) == 32 * 2 * 8 * 128 * 2 * 4096


def test_an_engine_without_cache_needs_none() -> None:
    assert cache_bytes(MODELS["llama-3.1-8b"], use(8 * K, engine="tei")) == 0


def test_a_cache_type_the_engine_lacks_is_refused() -> None:
    with pytest.raises(InvalidInput, match="llamacpp keeps no fp8 cache"):
        use(K, engine="llamacpp", kv_dtype="fp8")


def test_budgets_are_those_of_the_engines() -> None:
    budgets = {name: engine.budget(20 * GIB) / GIB for name, engine in ENGINES.items()}
    assert budgets == {"vllm": 18, "sglang": 19, "tgi": 19, "llamacpp": 19, "ollama": 19, "tei": 19}


def test_what_is_missing_is_said_and_the_rough_rule_stays_a_word() -> None:
    shape = shape_of_config({"hidden_size": 64}, "odd")
    found = fit(replace(shape, weights_bytes=10 * GIB), use(K), gpus(1000))
    assert found.verdict is Verdict.UNKNOWN
    assert "number of layers" in found.reason
    assert "rough rule" in found.reason
    assert "14.0 GiB" in found.reason


layers_of_any_kind: st.SearchStrategy[Layers] = st.one_of(
    st.builds(
        AttentionLayers,
        count=st.integers(1, 130),
        values_per_head=st.integers(1, 1024),
        kv_heads=st.one_of(st.none(), st.sampled_from([1, 2, 3, 4, 8, 16, 64])),
        window=st.one_of(st.none(), st.integers(1, 1 << 17)),
    ),
    st.builds(StateLayers, count=st.integers(1, 100), state_bytes=st.integers(1, 1 << 24)),
)
models = st.builds(
    ModelShape,
    name=st.just("any"),
    layers=st.lists(layers_of_any_kind, min_size=1, max_size=3).map(tuple),
    heads=st.sampled_from([1, 7, 8, 12, 28, 32, 40, 64, 128]),
    context_length=st.one_of(st.none(), st.integers(1, 1 << 20)),
    weights_bytes=st.integers(1, 1 << 41),
)
unknown_models = st.one_of(
    models.map(lambda model: replace(model, weights_bytes=None)),
    models.map(lambda model: replace(model, missing=("its heads",))),
)
uses = st.builds(
    lambda engine, dtype, context, parallel: Use(
        engine=engine,
        context=context,
        parallel=parallel,
        kv_dtype=dtype if dtype in engine.cache_types else "fp16",
    ),
    st.sampled_from(list(ENGINES.values())),
    st.sampled_from(list(CACHE_BYTES)),
    st.integers(1, 1 << 20),
    st.integers(1, 256),
)
some_gpus = st.builds(Gpus, memory_mib=st.integers(1, 300_000), count=st.integers(1, 16))
ORDER = {Verdict.NO: 0, Verdict.TIGHT: 1, Verdict.FITS: 2}


@given(models, uses, st.integers(1, 16), st.integers(1, 1 << 18), st.integers(1, 64))
def test_more_context_or_sequences_or_weights_never_need_less(
    model: ModelShape, how: Use, split: int, tokens: int, sequences: int
) -> None:
    less = needed(model, how, split).total
    assert needed(model, replace(how, context=how.context + tokens), split).total >= less
    assert needed(model, replace(how, parallel=how.parallel + sequences), split).total >= less
    assert needed(replace(model, weights_bytes=(model.weights_bytes or 0) + tokens), how, split).total >= less


@given(models, uses, some_gpus, st.integers(1, 16))
def test_more_gpus_never_need_more_each(model: ModelShape, how: Use, some: Gpus, more: int) -> None:
    few, many = fit(model, how, some), fit(model, how, replace(some, count=some.count + more))
    assert few.need is not None
    assert many.need is not None
    assert many.need.total <= few.need.total
    assert ORDER[many.verdict] >= ORDER[few.verdict]


@given(models, uses, some_gpus, st.integers(1, 100_000))
def test_more_memory_never_fits_worse(model: ModelShape, how: Use, some: Gpus, more: int) -> None:
    small, large = (
        fit(model, how, replace(some, memory_mib=memory)) for memory in (some.memory_mib, some.memory_mib + more)
    )
    assert ORDER[large.verdict] >= ORDER[small.verdict]


@given(models, uses, some_gpus)
def test_it_never_fits_above_the_memory_there_is(model: ModelShape, how: Use, some: Gpus) -> None:
    found = fit(model, how, some)
    assert found.need is not None
    assert found.budget_bytes_per_gpu <= some.memory_mib << 20
    if found.verdict is Verdict.FITS:
        assert found.need.total <= found.budget_bytes_per_gpu * Fraction(9, 10)


@given(models, uses, some_gpus)
def test_the_largest_context_and_the_most_sequences_fit_and_one_more_does_not(
    model: ModelShape, how: Use, some: Gpus
) -> None:
    found = fit(model, how, some)
    split, budget = found.parallelism or 1, found.budget_bytes_per_gpu

    def total(context: int, parallel: int) -> int:
        return needed(model, replace(how, context=context, parallel=parallel), split).total

    if found.max_context:
        assert total(found.max_context, how.parallel) <= budget
        if found.max_context != model.context_length:
            assert total(found.max_context + 1, how.parallel) > budget
    if found.max_parallel:
        assert total(how.context, found.max_parallel) <= budget
        assert total(how.context, found.max_parallel + 1) > budget
    if found.verdict is Verdict.NO:
        assert found.max_parallel is not None
        assert found.max_parallel < how.parallel


@given(unknown_models, uses, some_gpus)
def test_unknown_never_turns_into_a_number(model: ModelShape, how: Use, some: Gpus) -> None:
    found = fit(model, how, some)
    assert found.verdict is Verdict.UNKNOWN
    assert (found.need, found.max_context, found.max_parallel, found.parallelism) == (None, None, None, None)
    with pytest.raises(ValueError, match="no figure"):
        needed(model, how, 1)
