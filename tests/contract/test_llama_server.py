"""Connections to a real llama-server: its models, its key, an answer piece by piece, and its bad days."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.client import Embedded, get_connection
from aicompute_tui.llms import dialects
from tests.contract.cli_world import Cli
from tests.contract.model_servers import KEY, RunningServer, llama_server
from tests.contract.tiny_model import CONTEXT

pytestmark = pytest.mark.timeout(1800)  # the first use on a machine builds the server

PROMPT = "Say hello to the world."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with llama_server(tmp_path_factory.mktemp("llama")) as made:
        yield made


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunningServer]:
    """To be stopped."""
    folder = tmp_path / "own"
    folder.mkdir()
    with llama_server(folder, "--ctx-size", "16384", "--ignore-eos") as made:
        yield made


def add(cli: Cli, server: RunningServer, *words: str, key: str = KEY) -> None:
    cli.json(
        "connection", "add", "box", "--preset", "llama-cpp", "--url", server.url, "--temperature", "0", "--stdin",
        *words, stdin=key,
    )  # fmt: skip


def answer_of(server: RunningServer, tokens: int, prompt: str = PROMPT) -> Any:
    """The same prompt by a plain program, in one piece."""
    asked = [{"role": "user", "content": prompt}]
    body = {"model": "tiny", "messages": asked, "max_tokens": tokens, "temperature": 0}
    return server.post("/v1/chat/completions", body)


def failure(cli: Cli, *words: str) -> str:
    """Its kind."""
    answer = cli(*words, "-o", "json")
    assert answer.code != 0
    assert KEY not in answer.out + answer.err
    return answer.error["error"]


def test_its_model_is_found_and_the_test_passes(cli: Cli, server: RunningServer) -> None:
    add(cli, server)
    [model] = cli.json("connection", "models", "box")
    [told] = server.get("/v1/models")["data"]
    assert (model["id"], model["context_tokens"]) == ("tiny", told["meta"]["n_ctx"])
    assert cli.json("connection", "test", "box")["ok"] is True


def test_an_answer_comes_in_pieces_and_is_the_servers_own(cli: Cli, server: RunningServer) -> None:
    add(cli, server)
    *pieces, ending = map(json.loads, cli("connection", "ask", "box", PROMPT, "--max-tokens", "24", "-o", "json")
                          .out.splitlines())  # fmt: skip
    whole = answer_of(server, 24)
    assert len(pieces) > 3
    assert "".join(piece["text"] for piece in pieces) == whole["choices"][0]["message"]["content"]
    assert [ending["input_tokens"], ending["output_tokens"]] == [
        whole["usage"]["prompt_tokens"], whole["usage"]["completion_tokens"],
    ]  # fmt: skip
    assert (ending["model"], ending["finish_reason"]) == ("tiny", whole["choices"][0]["finish_reason"])
    assert 0 < ending["connect_seconds"] <= ending["first_token_seconds"] <= ending["total_seconds"]


@pytest.mark.parametrize("words", [("models", "box"), ("ask", "box", PROMPT)], ids=["models", "ask"])
def test_another_key_or_none_is_refused(cli: Cli, server: RunningServer, words: tuple[str, ...]) -> None:
    add(cli, server, key="sk-anotherANOTHERanother99997777")
    assert failure(cli, "connection", *words) == "AuthFailed"
    cli.json("connection", "edit", "box", "--no-key")
    assert failure(cli, "connection", *words) == "AuthFailed"


def test_a_prompt_longer_than_its_context_is_told(cli: Cli, server: RunningServer) -> None:
    add(cli, server)
    answer = cli("connection", "ask", "box", "long " * CONTEXT * 4, "-o", "json")
    assert answer.error["error"] == "InvalidInput"
    assert "context" in answer.error["next_step"]


def test_a_server_that_falls_silent_in_the_middle_keeps_what_came(cli: Cli, own_server: RunningServer) -> None:
    add(cli, own_server, "--timeout", "5")
    process = cli.spawn("connection", "ask", "box", PROMPT, "--max-tokens", "12000")
    assert process.stdout is not None
    first = process.stdout.read(1)
    own_server.stop(signal.SIGSTOP)
    rest, said = process.communicate(timeout=120)
    assert process.returncode == 5, said
    whole = first + rest
    assert len(whole) > 0


def test_a_server_that_dies_in_the_middle_is_told(cli: Cli, own_server: RunningServer) -> None:
    add(cli, own_server)
    process = cli.spawn("connection", "ask", "box", PROMPT, "--max-tokens", "12000", "-o", "json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["text"]
    own_server.stop(signal.SIGSTOP)
    own_server.stop(signal.SIGKILL)
    rest, said = process.communicate(timeout=120)
    assert process.returncode == 1, said
    assert json.loads(said.splitlines()[-1])["error"] in {"BadAnswer", "Unreachable"}
    assert '"finish_reason": "' not in rest
    assert failure(cli, "connection", "models", "box") == "Unreachable"


def test_a_router_has_its_models_and_knows_no_other(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    with llama_server(tmp_path_factory.mktemp("router"), models=("one", "two")) as router:
        add(cli, router, "--model", "two")
        assert [row["id"] for row in cli.json("connection", "models", "box")] == ["one", "two"]
        *_, ending = cli("connection", "ask", "box", PROMPT, "--max-tokens", "4", "-o", "json").out.splitlines()
        assert json.loads(ending)["model"] == "two"
        words = ("connection", "ask", "box", PROMPT, "--model", "three")
        assert failure(cli, *words) == "NotFound"


def test_a_client_embeds_texts_as_the_server_does(
    cli: Cli, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIC_TUI_HOME", str(cli.home))
    texts = ["hello", "the world is a world"]

    async def embedded() -> Embedded:
        return await (await get_connection("box")).embed(texts)

    folder = tmp_path_factory.mktemp("embedder")
    with llama_server(folder, "--embeddings", "--pooling", "mean") as embedder:
        add(cli, embedder)
        found = asyncio.run(embedded())
        told = embedder.post("/v1/embeddings", {"model": "tiny", "input": texts})
    assert [list(each) for each in found.vectors] == [each["embedding"] for each in told["data"]]
    assert found.input_tokens == told["usage"]["prompt_tokens"]


def test_responses_are_streamed_as_the_server_makes_them(
    cli: Cli, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers by both calls: this is how a model is asked that would refuse the other one."""
    add(cli, server)
    monkeypatch.setattr(dialects, "_by_responses", {(f"{server.url}/v1", "tiny")})
    asked = ("connection", "ask", "box", PROMPT, "--max-tokens", "24", "-o", "json")
    *pieces, ending = map(json.loads, cli(*asked).out.splitlines())
    body = {"model": "tiny", "input": [{"role": "user", "content": PROMPT}], "max_output_tokens": 24, "temperature": 0}
    whole = server.post("/v1/responses", body)
    assert len(pieces) > 3
    assert "".join(piece["text"] for piece in pieces) == whole["output"][-1]["content"][0]["text"]
    usage = whole["usage"]
    assert [ending["input_tokens"], ending["output_tokens"]] == [usage["input_tokens"], usage["output_tokens"]]
    assert (ending["model"], ending["finish_reason"]) == ("tiny", "completed")


def test_documents_are_ranked_as_the_server_does(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> None:
    documents = ["A cat sleeps.", "A dog barks.", "b"]
    with llama_server(tmp_path_factory.mktemp("ranks"), "--reranking") as server:
        add(cli, server)
        rows = cli.json("connection", "rerank", "box", "Who barks?", *documents)
        told = server.post("/v1/rerank", {"model": "tiny", "query": "Who barks?", "documents": documents})
    scores = {each["index"]: each["relevance_score"] for each in told["results"]}
    assert {row["index"]: row["score"] for row in rows} == {index: round(score, 6) for index, score in scores.items()}
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert [row["document"] for row in rows] == [documents[row["index"]] for row in rows]
    (call,) = cli.json("connection", "calls")
    assert (call["operation"], call["input_tokens"]) == ("rerank", told["usage"]["prompt_tokens"])
