"""Connections that rank and embed: in the format of each kind, at the command line and in a program, and recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aicompute_tui.client import BadAnswer, Embedded, InvalidInput, Reranked, get_connection
from tests.contract.cli_world import Cli
from tests.contract.llm_servers import KEY, LlmServer, ollama_answer

DOCUMENTS = ("A cat sleeps.", "A dog barks.", "Nothing.")
COHERE = {
    "model": "ranker-2026",
    "results": [{"index": 0, "relevance_score": 0.2}, {"index": 1, "relevance_score": 0.9}],
    "usage": {"total_tokens": 20},
}
TEI = [{"index": 1, "score": 0.9}, {"index": 0, "score": 0.2}]
INFO = {"model_id": "BAAI/bge", "model_type": {"reranker": {}}, "max_input_length": 512, "version": "1.9.3"}


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A client in this process finds the same home."""
    monkeypatch.setenv("AIC_TUI_HOME", str(cli.home))
    return cli


def add(cli: Cli, server: LlmServer, kind: str, *words: str) -> None:
    cli.json(
        "connection", "add", "box", "--type", kind, "--url", server.url, "--retries", "0", "--api-key-stdin", *words,
        stdin=KEY,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "path", "answer", "body"),
    [
        # That vLLM and Infinity call it `relevance_score` within `results` is UNVERIFIED; so is Together's path.
        ("vllm", "/v1/rerank", COHERE, {"model": "m", "documents": [*DOCUMENTS]}),
        ("llama-cpp", "/v1/rerank", COHERE, {"model": "m", "documents": [*DOCUMENTS]}),
        ("together", "/v1/rerank", COHERE, {"model": "m", "documents": [*DOCUMENTS]}),
        ("infinity", "/rerank", COHERE, {"model": "m", "documents": [*DOCUMENTS]}),
        ("tei", "/rerank", TEI, {"texts": [*DOCUMENTS]}),
    ],
)
def test_documents_are_ranked_in_each_format(
    cli: Cli, server: LlmServer, kind: str, path: str, answer: Any, body: dict[str, Any]
) -> None:
    server.json(path, answer)
    add(cli, server, kind, "--model", "m", "--price-in", "2", "--price-out", "0")
    rows = cli.json("connection", "rerank", "box", "Who barks?", *DOCUMENTS)
    assert rows == [
        {"score": 0.9, "document": "A dog barks.", "index": 1},
        {"score": 0.2, "document": "A cat sleeps.", "index": 0},
    ]
    (asked,) = server.asked
    assert asked.body == {"query": "Who barks?", **body}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    (call,) = cli.json("connection", "calls")
    told = (call["operation"], call["caller"], call["input_tokens"], call["cost_usd"])
    assert told == ("rerank", "cli", *((None, None) if kind == "tei" else (20, 4e-05)))


def test_a_program_ranks_too(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/rerank", COHERE)
    add(cli, server, "vllm", "--model", "m", "--price-in", "2", "--price-out", "0")

    async def ask(query: str, *documents: str) -> Reranked:
        return await (await get_connection("box")).rerank(query, documents)

    found = asyncio.run(ask("Who barks?", *DOCUMENTS))
    assert [(each.index, each.document) for each in found.documents] == [(1, "A dog barks."), (0, "A cat sleeps.")]
    assert (found.model, found.input_tokens, found.cost_usd) == ("ranker-2026", 20, 4e-05)
    for query, documents in ((" ", DOCUMENTS), ("Who?", ()), ("Who?", ("a", " "))):
        with pytest.raises(InvalidInput):
            asyncio.run(ask(query, *documents))
    assert [row["caller"] for row in cli.json("connection", "calls")] == ["client"]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"results": [{"index": 9, "relevance_score": 1}]},
        *({"results": [{"index": 0, "score": score}]} for score in ("high", True, float("nan"), 10**400)),
    ],
)
def test_an_answer_without_scores_is_none(cli: Cli, server: LlmServer, answer: Any) -> None:
    server.json("/v1/rerank", answer)
    add(cli, server, "vllm", "--model", "m")
    said = cli("connection", "rerank", "box", "Who?", *DOCUMENTS, "-o", "json")
    assert (said.code, said.error["error"]) == (1, "BadAnswer")


def test_a_kind_that_ranks_nothing_says_so(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "groq", "--model", "m")
    said = cli("connection", "rerank", "box", "Who?", "a", "-o", "json")
    assert (said.code, "Groq is asked for no ranking" in said.error["message"], server.asked) == (2, True, [])


def test_what_answers_no_prompts_is_tested_and_says_what_it_can(cli: Cli, server: LlmServer) -> None:
    server.json("/info", INFO)
    server.json("/rerank", TEI)
    add(cli, server, "tei")
    (model,) = cli.json("connection", "models", "box")
    assert (model["id"], model["context_tokens"], model["answers"]) == ("BAAI/bge", 512, False)
    assert cli.json("connection", "test", "box")["ok"] is True
    assert cli.json("connection", "check")[0]["ok"] is True
    said = cli("connection", "ask", "box", "Who?", "-o", "json")
    assert (said.code, "answers no prompts" in said.error["message"]) == (2, True)
    assert len(cli.json("connection", "rerank", "box", "Who?", *DOCUMENTS)) == 2, "its one model needs no choice"


EMBEDDED: dict[str, Any] = {
    # Gemini's call and answer for several texts are UNVERIFIED.
    "/v1beta/models/gemini-embedding:batchEmbedContents": {
        "embeddings": [{"values": [0.25, -1]}, {"values": [0.5, 1]}]
    },
    "/embed": [[0.25, -1], [0.5, 1]],
    "/embeddings": {"data": [{"index": 1, "embedding": [0.5, 1]}, {"index": 0, "embedding": [0.25, -1]}]},
}


@pytest.mark.parametrize(
    ("kind", "path"),
    [("gemini", "/v1beta/models/gemini-embedding:batchEmbedContents"), ("tei", "/embed"), ("infinity", "/embeddings")],
)
def test_texts_are_embedded_in_their_order(cli: Cli, server: LlmServer, kind: str, path: str) -> None:
    server.json(path, EMBEDDED[path])
    add(cli, server, kind, "--model", "gemini-embedding")

    async def ask(*texts: str) -> Embedded:
        return await (await get_connection("box")).embed(texts)

    found = asyncio.run(ask("one", "two"))
    assert (found.vectors, found.input_tokens, found.cost_usd) == (((0.25, -1.0), (0.5, 1.0)), None, None)
    sent = server.asked[0].body
    if kind == "gemini":
        assert [each["content"]["parts"] for each in sent["requests"]] == [[{"text": "one"}], [{"text": "two"}]]
        assert {each["model"] for each in sent["requests"]} == {"models/gemini-embedding"}
    with pytest.raises(BadAnswer, match="no embeddings"):
        asyncio.run(ask("one"))


def test_two_texts_are_compared_at_the_command_line(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/embeddings", {"data": [{"embedding": [3, 4]}], "model": "e-2026", "usage": {"prompt_tokens": 2}})
    add(cli, server, "vllm", "--model", "e")
    alone = cli.json("connection", "embed", "box", "one")
    told = (alone["model"], alone["dimensions"], alone["length"], alone["tokens"], alone["cosine"])
    assert told == ("e-2026", 2, 5, 2, None)
    server.json("/v1/embeddings", EMBEDDED["/embeddings"])
    both = cli.json("connection", "embed", "box", "one", "--other", "two")
    assert (both["first_numbers"], both["cosine"]) == ([0.25, -1], -0.7593)
    assert [row["operation"] for row in cli.json("connection", "calls")] == ["embed", "embed"]
    assert cli("connection", "embed", "box", " ", "-o", "json").code == 2


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 10**400, True, None])
def test_a_vector_of_what_is_no_number_is_none(cli: Cli, server: LlmServer, number: float | None) -> None:
    server.json("/v1/embeddings", {"data": [{"embedding": [3, number]}]})
    add(cli, server, "vllm", "--model", "e")
    said = cli("connection", "embed", "box", "one", "-o", "json")
    assert (said.code, said.error["error"]) == (1, "BadAnswer")


def test_an_answer_is_kept_whose_count_of_tokens_is_beyond_belief(cli: Cli, server: LlmServer) -> None:
    usage = {"prompt_tokens": 1 << 52, "completion_tokens": 1}
    server.json(
        "/v1/chat/completions", {"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage}
    )
    add(cli, server, "vllm", "--model", "e", "--price-in", "9000", "--price-out", "1")
    assert cli("connection", "ask", "box", "Who?").out == "Hi\n"
    assert cli.json("connection", "calls")[0]["cost_usd"] is None


TAGS = {
    "models": [
        {"name": "nomic-embed-text:latest", "capabilities": ["embedding"]},
        {"name": "qwen:4b", "capabilities": ["completion", "tools"]},
    ]
}


def test_an_ollama_with_a_model_for_each_needs_no_choice(cli: Cli, server: LlmServer) -> None:
    server.json("/api/tags", TAGS)
    ollama_answer(server)
    server.json("/api/embed", {"embeddings": [[1, 0]]})
    add(cli, server, "ollama")
    assert cli("connection", "ask", "box", "Who?").out == "Hallo\n"
    assert server.asked[-1].body["model"] == "qwen:4b"

    async def embed() -> Embedded:
        return await (await get_connection("box")).embed("one")

    asyncio.run(embed())
    assert server.asked[-1].body["model"] == "nomic-embed-text:latest"


def test_a_model_that_only_embeds_fails_the_test_of_a_connection_to_talk_with(cli: Cli, server: LlmServer) -> None:
    server.json("/api/tags", TAGS)
    add(cli, server, "ollama", "--model", "nomic-embed-text")
    tested = cli.json("connection", "test", "box", code=1)
    assert (tested["error_kind"], "only embeds" in tested["error"]) == ("InvalidInput", True)
