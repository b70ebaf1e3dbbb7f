"""What an answer costs: by the user's own prices, by the dated snapshot, or nobody knows."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from aicompute_tui.domain.connection import Connection, ConnectionOptions, Usage
from aicompute_tui.domain.cost_plan import tokens_span
from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.modalities import Modalities, modalities_of
from aicompute_tui.domain.token_prices import TokenPrices, cost_nano_usd, most_input_tokens
from aicompute_tui.llms.prices import listed_prices, prices_of

OPENAI = Connection(
    id="1", owner="ana", created_by="ana", name="box", kind="openai", base_url="https://api.openai.com/v1",
    created_at=datetime(2026, 11, 20, tzinfo=UTC),
)  # fmt: skip
PRICES = TokenPrices(input_nano_usd=2_000_000_000, output_nano_usd=8_000_000_000, source="test")


@pytest.mark.parametrize(
    ("usage", "cached_price", "cost"),
    [
        (Usage(input_tokens=1_000, output_tokens=500), None, 6_000_000),
        (Usage(input_tokens=1_000, output_tokens=500, cached_tokens=400), None, None),
        (Usage(input_tokens=1_000, output_tokens=500, cached_tokens=400), 500_000_000, 5_400_000),
        (Usage(input_tokens=1_000, output_tokens=500, cached_tokens=400, written_tokens=1), 500_000_000, None),
        (Usage(input_tokens=1_000, output_tokens=500, cached_tokens=1_400), 500_000_000, None),
        (Usage(input_tokens=1_000), None, None),
        (Usage(output_tokens=1), None, None),
        (Usage(input_tokens=1, output_tokens=(1 << 53) - 1), None, None),
        (Usage(input_tokens=20_001, output_tokens=1), None, None),
    ],
)
def test_a_cost_is_exact_or_unknown(usage: Usage, cached_price: int | None, cost: int | None) -> None:
    prices = replace(PRICES, cached_nano_usd=cached_price, most_input_tokens=20_000)
    assert cost_nano_usd(usage, prices) == cost
    assert cost_nano_usd(usage, None) is None


def test_the_snapshot_speaks_for_the_providers_own_address_alone() -> None:
    found = prices_of(OPENAI, None, "gpt-5-mini-2025-08-07")
    assert found is not None
    assert (found.input_nano_usd, found.cached_nano_usd, found.output_nano_usd) == (250_000_000, 25_000_000, 2 * 10**9)
    assert (found.source.split()[0], found.as_of[:2]) == ("litellm", "20")
    assert prices_of(OPENAI, "gpt-5-mini-2099-01-01") == found, "a model of another day costs as its line does"
    assert prices_of(replace(OPENAI, base_url="http://127.0.0.1:4000/v1"), "gpt-5-mini") is None
    assert prices_of(OPENAI, "no-such-model") is None
    google = replace(OPENAI, kind="gemini", base_url="https://generativelanguage.googleapis.com/v1beta")
    assert prices_of(google, "models/gemini-2.5-pro") == prices_of(google, "gemini-2.5-pro") is not None


def test_ones_own_prices_come_first_and_both_are_needed() -> None:
    mine = replace(OPENAI, options=ConnectionOptions(input_nano_usd=1, output_nano_usd=2))
    yours = TokenPrices(input_nano_usd=1, output_nano_usd=2, covers_caches=True, source="your own prices")
    assert prices_of(mine, "gpt-5-mini") == yours
    cached = replace(mine, options=replace(mine.options, cached_nano_usd=0))
    assert prices_of(cached, "gpt-5-mini") == replace(yours, cached_nano_usd=0)
    half = replace(OPENAI, base_url="http://box/v1", options=ConnectionOptions(input_nano_usd=1))
    assert prices_of(half, "gpt-5-mini") is None


def test_ones_own_prices_are_of_all_that_is_asked_also_where_a_cache_helped() -> None:
    options = ConnectionOptions(input_nano_usd=2_000_000_000, output_nano_usd=8_000_000_000)
    usage = Usage(input_tokens=1_000, output_tokens=500, cached_tokens=400, written_tokens=100)
    assert cost_nano_usd(usage, prices_of(replace(OPENAI, options=options))) == 6_000_000
    cheaper = replace(options, cached_nano_usd=500_000_000)
    assert cost_nano_usd(usage, prices_of(replace(OPENAI, options=cheaper))) == 5_400_000


def test_more_from_a_cache_than_was_asked_is_no_cost_by_ones_own_prices_either() -> None:
    options = ConnectionOptions(input_nano_usd=2_000_000_000, output_nano_usd=8_000_000_000)
    usage = Usage(input_tokens=1_000, output_tokens=500, cached_tokens=1_400)
    assert cost_nano_usd(usage, prices_of(replace(OPENAI, options=options))) is None


def test_what_makes_no_text_costs_what_it_reads_and_its_text_has_no_price() -> None:
    embeds = prices_of(OPENAI, "text-embedding-3-small")
    assert embeds is not None
    assert embeds.output_nano_usd is None
    assert cost_nano_usd(Usage(input_tokens=1_000_000, output_tokens=0), embeds) == 20_000_000
    assert cost_nano_usd(Usage(input_tokens=1_000_000, output_tokens=1), embeds) is None
    span = tokens_span(1_000_000, embeds)
    assert span.low == span.high == Decimal("0.02")


_A_SIZE = re.compile(r"(up-to|\d+(\.\d+)?[bm](-to)?)-\d+(\.\d+)?[bm]$|-up-to-|^sample_spec$")
"""A class of sizes that a provider asks one price for, or a note: no model that could be asked."""


def test_every_line_of_the_snapshot_is_a_model_and_what_only_embeds_or_ranks_has_no_price_for_text() -> None:
    listed = listed_prices()
    assert [model for _, model in listed if _A_SIZE.search(model)] == []
    silent = [each for (_, model), each in listed.items() if re.search(r"embed|rerank|/bge-", model.lower())]
    assert len(silent) == 8
    assert {each.output_nano_usd for each in silent} == {None}
    spoken = [model for (_, model), each in listed.items() if each.output_nano_usd is None and each not in silent]
    assert spoken == []
    free = listed["together", "together/Tev1-4B-experimental"]
    assert free.output_nano_usd == 0, "its source tells that what it says is free"


@pytest.mark.parametrize(
    "name", ["together-ai-up-to-4b", "together-ai-4.1b-8b", "fireworks-ai-embedding-150m-to-350m", "sample_spec",
             "together-ai-embedding-up-to-150m", "fireworks-ai-moe-up-to-56b", "fireworks-ai-4.1b-to-16b"],
)  # fmt: skip
def test_a_class_of_sizes_is_known_from_a_model(name: str) -> None:
    assert _A_SIZE.search(name)
    assert not _A_SIZE.search("Qwen/Qwen3.8-2.4T-A95B")


def test_what_was_in_a_cache_is_priced_where_the_source_tells_it() -> None:
    sonnet = listed_prices()["anthropic", "claude-sonnet-5"]
    usage = Usage(input_tokens=1_000_000, output_tokens=0, cached_tokens=1_000_000)
    assert cost_nano_usd(usage, sonnet) == 200_000_000
    assert cost_nano_usd(replace(usage, written_tokens=1, cached_tokens=0), sonnet) is None, "nobody told that price"


@pytest.mark.parametrize(
    ("text", "takes", "makes"),
    [
        ("text image > text", ("text", "image"), ("text",)),
        ("> embedding", None, ("embedding",)),
        ("text", ("text",), None),
        ("", None, None),
    ],
)
def test_what_a_model_takes_and_makes_is_read_as_it_is_written(
    text: str, takes: tuple[str, ...] | None, makes: tuple[str, ...] | None
) -> None:
    assert modalities_of(text) == Modalities(takes, makes)
    assert str(Modalities(takes, makes)) == text
    with pytest.raises(BadAnswer, match="smell"):
        modalities_of(f"{text} smell")


def test_no_prompt_has_more_tokens_than_are_told() -> None:
    assert most_input_tokens(("Grüße", "x")) >= len("Grüße".encode()) + 1
