"""`price llm --provider openrouter`: prices from OpenRouter's own list, read when they are asked for, and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.cli_world import Cli
from tests.contract.llm_servers import KEY, LlmServer, llm_server


@pytest.fixture
def server(cli: Cli) -> Iterator[LlmServer]:
    with llm_server() as made:
        words = ("--preset", "openrouter", "--url", made.url, "--model", "org/sees", "--stdin")
        cli.json("connection", "add", "router", *words, stdin=KEY)
        yield made


def model(name: str, prompt: str, completion: str, *, takes: Any = None, makes: Any = None, **more: Any) -> Any:
    architecture = {"input_modalities": takes, "output_modalities": makes}
    pricing = {"prompt": prompt, "completion": completion, **more}
    return {"id": name, "context_length": 262144, "architecture": architecture, "pricing": pricing}


LISTED = {
    "data": [
        model("org/sees", "0.00000125", "0.00001", takes=["image", "text", "file"], makes=["text"],
              input_cache_read="0.000000125", overrides=[{"min_prompt_tokens": 200_000, "prompt": "0.0000025"}]),
        model("org/free:free", "0", "0", takes=["text"], makes=["text"]),
        model("openrouter/auto", "-1", "-1", takes=["text", "image"], makes=["text"]),
        model("org/nightly", "0.000001", "0.000001", overrides=[{"utc_start": "22:00", "prompt": "0.0000005"}]),
        model("org/smells", "0.000001", "0.000001", takes=["text", "smell"]),
        {"id": "org/bare", "context_length": None},
    ]
}  # fmt: skip


def rows(cli: Cli, *words: str) -> dict[str, dict[str, Any]]:
    return {row["model"]: row for row in cli.json("price", "llm", *words) if row["provider"] == "openrouter"}


def test_its_models_are_told_with_what_they_ask_and_take_and_make(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/models", LISTED)
    found = rows(cli, "--provider", "openrouter")
    sees = found["org/sees"]
    asked = [sees[f"{name}_usd_per_million"] for name in ("input", "cached", "output")]
    assert asked == [1.25, 0.125, 10]
    assert (sees["context_tokens"], sees["dearer_above_tokens"]) == (262_144, 199_999)
    assert (sees["input_modalities"], sees["output_modalities"]) == (["text", "image", "pdf"], ["text"])
    assert (sees["connections"], sees["source"], sees["age_days"]) == (["router"], "openrouter.ai", 0)
    assert found["org/free:free"]["input_usd_per_million"] == 0
    for name in ("openrouter/auto", "org/nightly", "org/bare"):
        assert (found[name]["input_usd_per_million"], found[name]["output_usd_per_million"]) == (None, None), name
    assert found["openrouter/auto"]["input_modalities"] == ["text", "image"]
    assert found["openrouter/auto"]["source"] == "openrouter.ai"
    assert found["org/smells"]["input_modalities"] is None
    assert (found["org/bare"]["context_tokens"], found["org/bare"]["output_modalities"]) == (None, None)


def test_it_is_asked_only_where_it_is_named_and_what_came_is_kept(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/models", LISTED)
    (alone,) = rows(cli).values()
    assert (alone["input_usd_per_million"], server.asked) == (None, [])
    rows(cli, "--provider", "openrouter")
    rows(cli, "--provider", "openrouter")
    assert len(server.asked) == 1, "an answer is as good for an hour"
    assert set(rows(cli)) == {each["id"] for each in LISTED["data"]}


def test_without_an_answer_nothing_is_made_up(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/models", {"error": {"message": "down"}}, 503)
    done = cli("price", "llm", "--provider", "openrouter", "-o", "json")
    assert done.code != 0
    server.json("/v1/models", {"data": []})
    assert "gave no list of models" in cli("price", "llm", "--provider", "openrouter").err


def test_where_it_does_not_answer_the_last_list_stays_and_says_why(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/models", LISTED)
    rows(cli, "--provider", "openrouter")
    (kept,) = cli.home.parent.rglob("openrouter-models.json")
    body = json.loads(kept.read_text(encoding="utf-8"))
    kept.write_text(json.dumps({**body, "at": "2026-01-01T00:00:00Z"}), encoding="utf-8")
    server.json("/v1/models", {"error": {"message": "down"}}, 503)
    sees = rows(cli, "--provider", "openrouter")["org/sees"]
    assert (sees["input_usd_per_million"], sees["as_of"]) == (1.25, "2026-01-01")
    assert sees["age_days"] > 0
    assert sees["note"]
    assert rows(cli)["org/sees"]["note"] is None, "it was not asked"
