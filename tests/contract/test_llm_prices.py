"""`price llm`: what providers ask for tokens, what own connections use first, each figure dated, nothing made up."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.cli_world import Cli
from tests.contract.llm_servers import DONE, llm_server, openai_piece

_ANTHROPIC = ("--preset", "anthropic", "--model", "claude-sonnet-5", "--api-key-stdin")


def rows(cli: Cli, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.json("price", "llm", *words)
    return found


def test_every_listed_model_has_prices_a_source_and_a_day(cli: Cli) -> None:
    found = rows(cli)
    assert len(found) > 100
    assert len({row["id"] for row in found}) == len(found)
    assert {row["provider"] for row in found} >= {"openai", "anthropic", "gemini", "groq", "together"}
    for row in found:
        assert row["source"], row
        assert row["as_of"] >= "2026-11", row
        assert row["input_usd_per_million"] >= 0, row
        assert row["connections"] == []
        assert row["own_30_days_usd"] is None, "nothing was used yet"
    asked = [row["input_usd_per_million"] for row in found]
    assert asked == sorted(asked)


def test_filters_narrow_and_the_other_side_ranks(cli: Cli) -> None:
    found = rows(cli, "gpt-5", "--provider", "openai", "--most-in", "0.3", "--most-out", "1.5", "--by", "out")
    assert found
    assert all("gpt-5" in row["model"] and row["provider"] == "openai" for row in found)
    assert all(row["input_usd_per_million"] <= 0.3 and row["output_usd_per_million"] <= 1.5 for row in found)
    made = [row["output_usd_per_million"] for row in found]
    assert made == sorted(made)
    assert len(rows(cli, "--limit", "3")) == 3


def test_a_known_context_is_told_and_another_is_not_guessed(cli: Cli) -> None:
    (sonnet,) = (row for row in rows(cli, "sonnet") if row["model"] == "claude-sonnet-5")
    assert sonnet["context_tokens"] == 1_000_000
    (other,) = rows(cli, "Kimi-K2-Instruct")
    assert other["context_tokens"] is None


def test_what_a_model_takes_and_makes_is_told_and_unknown_where_nobody_does(cli: Cli) -> None:
    def kinds(model: str) -> tuple[object, object]:
        (found,) = (row for row in rows(cli, model) if row["model"] == model)
        return found["input_modalities"], found["output_modalities"]

    assert kinds("gemini-2.5-pro") == (["text", "image", "audio", "video"], ["text"])
    assert kinds("gemini-omni-1.1-flash")[1] == ["text", "video"]
    assert kinds("text-embedding-3-small") == (None, ["embedding"])
    assert kinds("gpt-5.5-cyber") == (None, None)
    (told,) = (each for each in cli("price", "llm", "claude-sonnet-5-5").out.splitlines() if "anthropic" in each)
    assert " text image > text " in told
    assert "MODALITIES" in cli("price", "llm").out.splitlines()[0]


def test_what_own_connections_use_comes_first_and_unknown_stays_unknown(cli: Cli) -> None:
    cli.json("connection", "add", "cloud", *_ANTHROPIC, stdin="sk-ant-test\n")
    cli.json("connection", "add", "mine", "--preset", "vllm", "--url", "http://127.0.0.1:9/v1", "--model", "tiny")
    words = ("--url", "http://127.0.0.1:9/v1", "--model", "small", "--price-in", "2.5", "--price-out", "10")
    cli.json("connection", "add", "priced", "--preset", "vllm", *words)
    own = rows(cli, "--used")
    assert [(row["model"], row["connections"]) for row in rows(cli)[:3]] == [
        (row["model"], row["connections"]) for row in own
    ]
    named = {row["connections"][0]: row for row in own}
    assert named["cloud"]["provider_title"] == "Anthropic"
    assert named["priced"]["source"] == "your own prices"
    assert named["priced"]["input_usd_per_million"] == 2.5
    assert named["priced"]["cached_usd_per_million"] is None, "nobody gave one"
    assert named["mine"]["input_usd_per_million"] is None
    assert named["mine"]["source"] is None


def test_own_tokens_are_priced_at_every_provider(cli: Cli) -> None:
    with llm_server() as server:
        server.json("/v1/models", {"data": [{"id": "tiny"}]})
        cli.json("connection", "add", "box", "--preset", "vllm", "--url", server.url, "--model", "tiny")
        usage = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000}
        server.stream("/v1/chat/completions", openai_piece("Hi", "stop"), openai_piece(usage=usage), DONE)
        assert cli("connection", "ask", "box", "hello").code == 0
    (row,) = (row for row in rows(cli, "claude-sonnet-5") if row["model"] == "claude-sonnet-5")
    asked = row["input_usd_per_million"] + row["output_usd_per_million"] / 2
    assert row["own_30_days_usd"] == pytest.approx(asked)


def test_what_embeds_has_no_price_for_text_it_does_not_make(cli: Cli) -> None:
    (row,) = rows(cli, "text-embedding-3-small")
    assert (row["input_usd_per_million"], row["output_usd_per_million"]) == (0.02, None)
    (free,) = rows(cli, "tev1")
    assert free["output_usd_per_million"] == 0, "its source tells that"
    (line,) = (each for each in cli("price", "llm", "text-embedding-3-small").out.splitlines() if "openai" in each)
    assert line.split()[:5] == ["text-embedding-3-small", "openai", "0.02", "-", "-"]
    assert all(row["output_usd_per_million"] is not None for row in rows(cli, "--most-out", "1000"))
    by_out = [row["output_usd_per_million"] for row in rows(cli, "--by", "out")]
    told = [each for each in by_out if each is not None]
    assert by_out == [*sorted(told), *[None] * (len(by_out) - len(told))]


def test_own_tokens_that_were_made_have_no_cost_where_nothing_is_made(cli: Cli) -> None:
    with llm_server() as server:
        server.json("/v1/models", {"data": [{"id": "tiny"}]})
        cli.json("connection", "add", "box", "--preset", "vllm", "--url", server.url, "--model", "tiny")
        usage = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000}
        server.stream("/v1/chat/completions", openai_piece("Hi", "stop"), openai_piece(usage=usage), DONE)
        assert cli("connection", "ask", "box", "hello").code == 0
    (row,) = rows(cli, "text-embedding-3-small")
    assert row["own_30_days_usd"] is None


def test_an_unknown_provider_is_named_with_those_that_are_known(cli: Cli) -> None:
    done = cli("price", "llm", "--provider", "nobody", "-o", "json")
    assert done.code == 3
    assert "anthropic" in done.err
