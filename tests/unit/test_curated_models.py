"""The shipped models: every figure has a source and a date, and follows from the shape it stands beside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.fit import ENGINES, MIB, Gpus, Use, Verdict, fit, memory_needed
from aicompute_tui.domain.model_advice import advice_for
from aicompute_tui.hub.curated import CuratedModel, curated_model, curated_models

GIB = 1 << 30
MODELS = curated_models()
PURPOSES = {"chat", "code", "vision", "images", "embedding", "reranking"}
AT_LEAST = (
    *("llama-3.1-8b", "llama-3.1-70b", "llama-3.3-70b", "mistral-7b", "deepseek-coder-v2-lite", "codellama-7b"),
    *("qwen2.5-7b", "phi-3-mini", "starcoder2-7b", "llava-1.5-7b", "sdxl", "sd-1.5", "bge-m3", "bge-reranker-v2-m3"),
)
PLAIN = [each for each in MODELS if each.config and each.config["model_type"] in {"llama", "mistral", "qwen2", "phi3"}]


def linear_parameters(config: Mapping[str, Any]) -> int:
    """Of the matrices of all layers, which quantisers pack."""
    width, head = config["hidden_size"], config.get("head_dim")
    head = head or width // config["num_attention_heads"]
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    return int(config["num_hidden_layers"] * width * (2 * queries + 2 * keys + 3 * config["intermediate_size"]))


def other_parameters(config: Mapping[str, Any]) -> int:
    width, head = config["hidden_size"], config.get("head_dim")
    head = head or width // config["num_attention_heads"]
    tables = 1 if config["tie_word_embeddings"] else 2
    heads = config["num_attention_heads"] + 2 * config["num_key_value_heads"]
    bias = heads * head if config["model_type"] == "qwen2" else 0
    return int(config["vocab_size"] * width * tables + config["num_hidden_layers"] * (2 * width + bias) + width)


def test_those_that_people_ask_for_are_there_once_each() -> None:
    names = [each.name for each in MODELS]
    assert set(AT_LEAST) <= set(names)
    ids = [each.hub_id for each in MODELS] + [variant.hub_id for each in MODELS for variant in each.variants]
    tags = [each.ollama_tag for each in MODELS if each.ollama_tag]
    for listed in (names, ids, tags):
        assert len(set(listed)) == len(listed)
    assert {each.purpose for each in MODELS} == PURPOSES


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each.name)
def test_every_figure_has_a_source_and_a_date(model: CuratedModel) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.hub_id)
    assert 10**8 < model.parameters < 10**12
    for figure, source in (
        (model.parameters, model.parameters_source),
        (model.quality, model.quality_source),
        (model.config, model.config_source),
        (model.context_length, model.context_source),
    ):
        assert (figure is None) == (source is None)
        if source is not None:
            assert source.url.startswith("https://")
            assert date(2022, 1, 1) <= date.fromisoformat(source.as_of) <= model.read_at.date()
    assert model.gated in {None, "no", "auto", "manual"}
    assert model.licence


@pytest.mark.parametrize("model", PLAIN, ids=lambda each: each.name)
def test_the_parameters_and_the_quantised_bytes_follow_from_the_shape(model: CuratedModel) -> None:
    assert model.config is not None
    linear, others = linear_parameters(model.config), other_parameters(model.config)
    assert model.parameters == linear + others
    for variant in model.variants:
        scales_and_zeros = linear // 128 * 5 // 2
        assert variant.quantisation == "awq"
        assert variant.weights_bytes == linear // 2 + scales_and_zeros + 2 * others


def test_known_counts_of_parameters_come_out() -> None:
    known = {each.name: each.parameters for each in MODELS}
    assert known["llama-3.1-8b"] == 8_030_261_248
    assert known["llama-3.1-70b"] == 70_553_706_496
    assert known["qwen2.5-7b"] == 7_615_616_512
    assert known["mistral-7b"] == 7_248_023_552


@pytest.mark.parametrize("model", [each for each in MODELS if each.config], ids=lambda each: each.name)
def test_every_shape_is_known_whole(model: CuratedModel) -> None:
    shape = model.shape()
    assert (shape.missing, shape.weights_bytes) == ((), model.weights_bytes)
    assert shape.layers
    assert shape.context_length
    use = Use(engine=ENGINES["vllm"], context=min(8192, shape.context_length))
    needed = memory_needed(shape, use)
    assert needed is not None
    assert needed > model.weights_bytes
    enough, too_little = -(-needed // MIB), needed // MIB - 1
    assert fit(shape, use, Gpus(memory_mib=enough)).verdict is Verdict.TIGHT
    assert fit(shape, use, Gpus(memory_mib=too_little)).verdict is Verdict.NO


def test_the_cache_of_well_known_ones_is_what_is_published() -> None:
    per_token = {"llama-3.1-8b": 128, "llama-3.1-70b": 320, "qwen2.5-7b": 56, "mistral-7b": 128}
    for name, kib in per_token.items():
        model = curated_model(name)
        assert model is not None
        values = sum(each.values_per_token() for each in model.shape().layers if hasattr(each, "values_per_token"))
        assert values * 2 == kib * 1024, name


def test_pipelines_of_images_have_no_figure_rather_than_a_guess() -> None:
    model = curated_model("sdxl")
    assert model is not None
    assert memory_needed(model.shape(), Use(engine=ENGINES["vllm"], context=1)) is None


def test_a_model_is_found_by_each_of_its_names() -> None:
    model = curated_model("llama-3.1-8b")
    for named in ("meta-llama/Llama-3.1-8B-Instruct", "llama3.1:8b", " LLAMA-3.1-8B ",
                  "hugging-quants/Meta-Llama-3.1-8B-Instruct-AWQ-INT4"):  # fmt: skip
        assert curated_model(named) is model
    assert curated_model("nothing") is None
    assert model is not None
    assert model.shape("awq").weights_bytes == model.variants[0].weights_bytes < 6 * GIB


@pytest.mark.parametrize("model", MODELS, ids=lambda each: each.name)
def test_something_is_advised_for_each_and_can_be_deployed(model: CuratedModel) -> None:
    advised = advice_for(model.hub_id, model.task, (), model.ollama_tag)
    if model.purpose in {"images", "embedding", "reranking"} or model.ollama_tag:
        assert advised
    assert {each.framework for each in advised} <= set(CONTAINER_FRAMEWORKS)
