"""Connections from the command line: kept, changed, tested and asked, on loopback and its bad days."""

from __future__ import annotations

import shlex
import signal
import sqlite3
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.store.configuration import Secrets
from tests.contract.certificates import make_certificates
from tests.contract.cli_world import Cli
from tests.contract.llm_servers import (
    DONE,
    KEY,
    LlmServer,
    Reply,
    anthropic_answer,
    event,
    gemini_answer,
    llm_server,
    ollama_answer,
    openai_answer,
    openai_piece,
)


def add(cli: Cli, server: LlmServer, preset: str = "openai-compatible", *words: str, model: str = "tiny") -> None:
    cli.json(
        "connection", "add", "box", "--preset", preset, "--url", server.url, "--model", model, "--stdin", *words,
        stdin=f"{KEY}\n",
    )  # fmt: skip


def failed(cli: Cli, *words: str, kind: str, code: int) -> str:
    """The message and the next step."""
    answer = cli(*words, "-o", "json")
    assert (answer.code, answer.error["error"]) == (code, kind), answer.err
    assert KEY not in answer.err + answer.out
    return f"{answer.error['message']} {answer.error['next_step']}"


def test_a_connection_is_added_shown_changed_and_removed(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "openai-compatible", "--tag", "lab", "--mcp", "--price-in", "2.5", "--header", "X-Title=console")
    (row,) = cli.json("connection", "list")
    assert (row["name"], row["state"], row["base_url"]) == ("box", "active", f"{server.url}/v1")
    assert (row["flags"], row["tags"], row["price_in_usd"]) == (["mcp"], ["lab"], 2.5)
    assert cli.json("connection", "list", "--tag", "other") == []
    assert cli.json("connection", "list", "--flag", "livekit") == []
    shown = cli.json("connection", "show", "box")
    assert shown["key"] == "sk-…6789"
    changed = cli.json(
        "connection", "edit", "box", "--rename", "big box", "--livekit", "--no-mcp", "--tag=-lab", "--max-tokens", "9"
    )
    assert (changed["name"], changed["flags"], changed["tags"], changed["max_tokens"]) == (
        "big box",
        ["livekit"],
        [],
        9,
    )
    assert (changed["id"], changed["headers"], changed["has_key"]) == (row["id"], "X-Title", True)
    assert cli.json("connection", "deactivate", "big box")["state"] == "inactive"
    assert cli.json("connection", "activate", row["id"])["state"] == "active"
    assert cli.json("connection", "remove", "big box", "--yes")["name"] == "big box"
    assert cli.json("connection", "list") == []
    kinds = [each["kind"] for each in cli.json("event", "list")]
    assert kinds == [f"connection.{verb}" for verb in ("removed", "activated", "deactivated", "changed", "added")]


def test_the_key_lies_sealed_and_nowhere_else(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    database = next(cli.home.rglob("*.db"))
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        names = [name for (name,) in connection.execute("SELECT name FROM secrets")]
    connection.close()
    assert [name.partition("/")[0] for name in names] == ["connection"]
    found = [path for path in cli.home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert found == []
    cli.json("connection", "edit", "box", "--stdin", stdin="sk-anotherANOTHERanother99997777")
    assert cli.json("connection", "show", "box")["key"] == "sk-…7777"
    assert cli.json("connection", "edit", "box", "--no-key")["has_key"] is False
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM secrets").fetchone() == (0,)
    connection.close()


def test_no_job_is_written_without_the_key_it_came_with(
    cli: Cli, server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*given: object, **named: object) -> None:
        raise Unreachable("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(Secrets, "put", full)
        words = ("connection", "add", "box", "--url", server.url, "--stdin", "-o", "json")
        assert cli(*words, stdin=KEY).error["error"] == "Unreachable"
    assert cli.json("job", "list") == []


def test_a_key_goes_to_no_other_server_than_it_was_given_for(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    same = cli.json("connection", "edit", "box", "--url", f"{server.url}/other/v1")
    assert (same["has_key"], "note" in same) == (True, False)
    with llm_server() as other:
        other.json("/v1/models", {"data": [{"id": "tiny"}]})
        moved = cli.json("connection", "edit", "box", "--url", other.url)
        assert moved["has_key"] is False
        assert server.url in moved["note"]
        cli("connection", "test", "box")
        assert [each.headers.get("authorization") for each in other.asked] == [None]
        words = shlex.split(moved["next_step"].partition(": aic-tui ")[2])
        assert cli.json(*words, stdin=KEY)["has_key"] is True
    renewed = cli.json(
        "connection", "edit", "box", "--url", server.url, "--stdin", stdin="sk-anotherANOTHERanother99997777"
    )
    assert (renewed["has_key"], "note" in renewed) == (True, False)
    assert cli.json("connection", "show", "box")["key"] == "sk-…7777"


def test_the_next_step_can_be_typed_as_it_stands(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    cli.json("connection", "edit", "box", "--rename", "it's big")
    server.json("/v1/models", {}, 401)
    step = cli.json("connection", "test", "it's big", code=1)["next_step"]
    words = shlex.split(step.partition(": aic-tui ")[2])
    assert cli.json(*words, stdin=KEY)["name"] == "it's big"


def test_a_key_that_nobody_gave_is_missing_and_not_refused(cli: Cli, server: LlmServer) -> None:
    cli.json("connection", "add", "box", "--url", server.url, "--model", "tiny")
    server.json("/v1/models", {"error": {"message": "No key provided"}}, 401)
    told = cli.json("connection", "test", "box", code=1)
    assert (told["error_kind"], told["error"]) == ("AuthFailed", "“box” wants a key, and none is kept.")
    cli.json("connection", "edit", "box", "--api-key-stdin", stdin=KEY)
    assert cli.json("connection", "test", "box", code=1)["error"] == "“box” does not accept the key."


def test_a_key_comes_from_the_variable_of_its_provider(cli: Cli) -> None:
    cli.environment["GEMINI_API_KEY"] = "AIzaPlantedPlantedPlanted"
    cli.json("connection", "add", "g", "--preset", "gemini", "--from-env")
    assert cli.json("connection", "show", "g")["key"] == "…nted"
    words = ("connection", "add", "o", "--preset", "openai")
    assert "OPENAI_API_KEY" in failed(cli, *words, "--from-env", kind="InvalidInput", code=2)
    assert "--api-key-stdin" in failed(cli, *words, kind="InvalidInput", code=2)


@pytest.mark.parametrize(
    ("preset", "given", "kept"),
    [
        ("vllm", "box:8000", "http://box:8000/v1"),
        ("vllm", "http://box:8000/v1/v1/", "http://box:8000/v1"),
        ("vllm", "http://box:8000/v1/chat/completions", "http://box:8000/v1"),
        ("vllm", "[fd00::5]:8000", "http://[fd00::5]:8000/v1"),
        ("vllm", "llm.example.org/api", "https://llm.example.org/api"),
        ("ollama", "http://box:11434/v1/", "http://box:11434"),
        ("ollama", "http://box:11434/api/chat", "http://box:11434"),
        ("ollama", "http://box:11434/v1/v1", "http://box:11434"),
        ("vllm", "http://box:8000/v1/responses", "http://box:8000/v1"),
        ("azure", "https://r.openai.azure.com/openai", "https://r.openai.azure.com/openai/v1"),
        ("azure", "https://r.openai.azure.com/openai/deployments/x", "https://r.openai.azure.com/openai/v1"),
        ("azure-deployments", "https://r.openai.azure.com/openai/v1/", "https://r.openai.azure.com/openai"),
        (
            "azure-deployments",
            "https://r.openai.azure.com/openai/deployments/gpt-4/chat/completions",
            "https://r.openai.azure.com/openai",
        ),
    ],
)
def test_an_address_is_kept_as_it_was_meant(cli: Cli, preset: str, given: str, kept: str) -> None:
    cli.json("connection", "add", "box", "--preset", preset, "--url", given, "--api-key-stdin", stdin=KEY)
    assert cli.json("connection", "show", "box")["base_url"] == kept


@pytest.mark.parametrize(
    "words",
    [
        ("--url", "ftp://box"),
        ("--url", "http://me:secret@box"),
        ("--url", "http://box/v1?key=abc"),
        ("--url", "http://box:99999"),
        ("--url", "http://box/\x01"),
        ("--url", "http://a box/v1"),
        (),
        ("--url", "http://box", "--header", "Authorization=Bearer x"),
        ("--url", "http://box", "--temperature", "3"),
    ],
)
def test_what_cannot_be_meant_is_refused(cli: Cli, words: tuple[str, ...]) -> None:
    failed(cli, "connection", "add", "box", *words, kind="InvalidInput", code=2)
    assert cli.json("connection", "list") == []


@pytest.mark.parametrize("noun", ["connection", "server"])
@pytest.mark.parametrize("url", ["https://me:PLANTEDword@box/v1", "https://box/v1?api-key=PLANTEDword"])
def test_a_password_in_an_address_is_written_down_nowhere(cli: Cli, server: LlmServer, noun: str, url: str) -> None:
    add(cli, server)
    cli.json("server", "add", "box", server.url, "--kind", "vllm")
    said = failed(cli, noun, "edit", "box", "--url", url, kind="InvalidInput", code=2)
    assert "PLANTEDword" not in said
    kept = b"".join(path.read_bytes() for path in cli.home.rglob("*") if path.is_file())
    assert b"PLANTEDword" not in kept


@pytest.mark.parametrize(
    "words",
    [("ask", "box", "hi \udcff"), ("add", "n\udcff", "--url", "http://box"), ("edit", "box", "--tag", "\udcff")],
)
def test_words_that_are_no_text_are_refused(cli: Cli, server: LlmServer, words: tuple[str, ...]) -> None:
    add(cli, server)
    assert "UTF-8" in failed(cli, "connection", *words, kind="InvalidInput", code=2)
    assert [row["name"] for row in cli.json("connection", "list")] == ["box"]


def test_a_name_is_taken_once(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    words = ("connection", "add", "box", "--preset", "ollama")
    assert "already" in failed(cli, *words, kind="Conflict", code=4)


def test_openai_models_test_and_answer(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "openai-compatible", "--price-in", "1", "--price-out", "2")
    server.json("/v1/models", {"object": "list", "data": [{"id": "tiny", "max_model_len": 8192}, {"id": "org/big"}]})
    openai_answer(server)
    rows = cli.json("connection", "models", "box")
    assert [(row["id"], row["context_tokens"]) for row in rows] == [("org/big", None), ("tiny", 8192)]
    assert server.asked[-1].headers["authorization"] == f"Bearer {KEY}"
    probed = cli.json("connection", "test", "box")
    assert (probed["ok"], probed["models"], probed["model_is_listed"]) == (True, 2, True)
    assert {each.method for each in server.asked} == {"GET"}, "a probe costs nothing"
    tested = cli.json("connection", "test", "box", "--prompt")
    assert (tested["answer"], tested["model"], tested["finish_reason"]) == ("Grüße,\u2028 you", "tiny-2026", "stop")
    tokens = [tested[f"{name}_tokens"] for name in ("prompt", "cached", "completion", "reasoning")]
    assert tokens == [12, 4, 9, 5]
    assert tested["cost_usd"] == 3e-05, "what came from a cache costs as all that is asked, unless it has its own price"
    assert 0 < tested["connect_ms"] <= tested["first_token_ms"] <= tested["total_ms"]
    body = server.asked[-1].body
    assert (body["max_tokens"], body["stream_options"]) == (50, {"include_usage": True})
    assert body["messages"] == [{"role": "user", "content": "Hello, how are you?"}]
    asked = cli("connection", "ask", "box", "Who?")
    assert asked.code == 0
    assert asked.out == "Grüße,\ufffd you\n"
    assert "12 tokens in, 9 out" in asked.err


@pytest.mark.parametrize(
    ("model", "listed", "is_listed"),
    [
        ("tiny", ["other"], False),
        ("tiny", ["tiny:7b"], False),
        ("tiny", ["tiny:latest"], True),
        ("tiny:latest", ["tiny"], True),
        ("org/tiny", ["org/*"], True),
        ("tiny", [], None),
    ],
)
def test_a_model_that_is_not_there_fails_the_test(
    cli: Cli, server: LlmServer, model: str, listed: list[str], is_listed: bool | None
) -> None:
    add(cli, server, model=model)
    server.json("/v1/models", {"data": [{"id": name} for name in listed]})
    answer = cli("connection", "test", "box", "-o", "json")
    assert (answer.data["ok"], answer.data["model_is_listed"]) == (is_listed is not False, is_listed)
    if is_listed is False:
        assert (answer.code, answer.data["error_kind"]) == (1, "NotFound")
        assert model in answer.data["error"]
        assert "connection models box" in answer.data["next_step"]
        openai_answer(server)
        assert cli.json("connection", "test", "box", "--prompt")["ok"] is True, "what answers is there"


def test_a_deployment_is_no_model_of_the_list(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "azure", model="my-gpt")
    server.json("/openai/v1/models", {"data": [{"id": "gpt-5"}]})
    assert cli.json("connection", "test", "box")["ok"] is True


def test_cost_is_told_where_prices_are_and_unknown_where_not(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    usage = {"prompt_tokens": 1_000, "completion_tokens": 500}
    server.stream("/v1/chat/completions", openai_piece("Hi", "stop"), openai_piece(usage=usage), DONE)
    *_, ending = cli("connection", "ask", "box", "Who?", "-o", "json").out.splitlines()
    assert '"cost_usd": null' in ending
    assert "cost unknown" in cli("connection", "ask", "box", "Who?").err
    cli.json("connection", "edit", "box", "--price-in", "2.5", "--price-out", "10")
    *_, ending = cli("connection", "ask", "box", "Who?", "-o", "json").out.splitlines()
    assert '"cost_usd": 0.0075' in ending


def test_anthropic_in_its_own_format(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "anthropic", model="claude-x")
    server.json("/v1/models", {"data": [{"id": "claude-x", "max_input_tokens": 200_000}], "has_more": False})
    anthropic_answer(server)
    tested = cli.json("connection", "test", "box", "--prompt", "--max-tokens", "8")
    assert (tested["answer"], tested["finish_reason"], tested["model"]) == ("Hello", "end_turn", "claude-x")
    assert [tested[f"{name}_tokens"] for name in ("prompt", "cached", "completion")] == [125, 100, 8]
    asked = server.asked[-1]
    assert (asked.headers["x-api-key"], asked.headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert "authorization" not in asked.headers
    assert asked.body["max_tokens"] == 8


def test_a_gemini_model_may_be_named_as_google_lists_it(cli: Cli, server: LlmServer) -> None:
    listed = "models/gemini-2.5-pro"
    add(cli, server, "gemini", model=listed)
    server.json("/v1beta/models", {"models": [{"name": listed, "supportedGenerationMethods": ["generateContent"]}]})
    gemini_answer(server, "gemini-2.5-pro")
    assert cli.json("connection", "show", "box")["model"] == "gemini-2.5-pro"
    with sqlite3.connect(next(cli.home.rglob("*.db"))) as connection:  # as it was stored before it was known
        connection.execute("UPDATE connections SET model = ?", (listed,))
    connection.close()
    tested = cli.json("connection", "test", "box")
    assert (tested["ok"], tested["model"], tested["model_is_listed"]) == (True, "gemini-2.5-pro", True)
    assert cli("connection", "ask", "box", "Who?", "--model", listed).code == 0
    cli.json("connection", "add", "google", "--preset", "gemini", "--stdin", "--model", listed, stdin=KEY)
    for words in ((), ("--model", listed)):
        told = cli.json("connection", "estimate", "google", *words)
        assert (told["model"], told["price_source"] is None) == ("gemini-2.5-pro", False)


def test_gemini_in_its_own_format(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "gemini", model="gemini-x")
    server.json("/v1beta/models", {"models": [{"name": "models/gemini-x", "inputTokenLimit": 1_048_576}]})
    gemini_answer(server, "gemini-x")
    tested = cli.json("connection", "test", "box", "--prompt")
    assert (tested["answer"], tested["finish_reason"], tested["model_is_listed"]) == ("Hi", "MAX_TOKENS", True)
    assert [tested[f"{name}_tokens"] for name in ("prompt", "cached", "completion", "reasoning")] == [7, 2, 33, 30]
    asked = server.asked[-1]
    assert asked.headers["x-goog-api-key"] == KEY
    assert asked.path.endswith("?alt=sse"), "the key stands in no address"


def test_ollama_in_its_own_format(cli: Cli, server: LlmServer) -> None:
    cli.json("connection", "add", "box", "--preset", "ollama", "--url", server.url)
    server.json("/api/tags", {"models": [{"name": "qwen:4b", "model": "qwen:4b"}]})
    ollama_answer(server)
    tested = cli.json("connection", "test", "box", "--prompt")
    assert (tested["answer"], tested["model"], tested["finish_reason"]) == ("Hallo", "qwen:4b", "stop")
    assert [tested[f"{name}_tokens"] for name in ("prompt", "cached", "completion")] == [11, None, 2]
    assert server.asked[-1].body["model"] == "qwen:4b", "the only model needs no choice"


def test_azure_by_deployments_names_it_in_the_path(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "azure-deployments", model="my-gpt")
    openai_answer(server, "/openai/deployments/my-gpt/chat/completions")
    assert cli("connection", "ask", "box", "Who?", "--max-tokens", "7").code == 0
    asked = server.asked[-1]
    assert asked.path.endswith("?api-version=2024-10-21")
    assert (asked.headers["api-key"], asked.body["max_completion_tokens"]) == (KEY, 7)


def test_together_gives_a_bare_list_and_openrouter_is_asked_of_the_key(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "together")
    server.json("/v1/models", [{"id": "zai/glm", "context_length": 9}])
    assert [row["id"] for row in cli.json("connection", "models", "box")] == ["zai/glm"]
    cli.json("connection", "add", "router", "--preset", "openrouter", "--url", server.url, "--stdin", stdin=KEY)
    server.json("/v1/key", {"error": {"code": 401, "message": "No auth"}}, 401)
    assert cli.json("connection", "test", "router", code=1)["error_kind"] == "AuthFailed"
    server.json("/v1/key", {"data": {"label": "x"}})
    assert cli.json("connection", "test", "router")["models"] == 1


ERRORS = [
    (401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}, {}, "AuthFailed"),
    (401, {"statusCode": 401, "message": "Access denied"}, {}, "AuthFailed"),
    (400, [{"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}], {}, "AuthFailed"),
    (403, {"detail": "no"}, {}, "NotAllowed"),
    (402, {"error": {"code": 402, "message": "no credits"}}, {}, "OutOfQuota"),
    (429, {"error": {"code": "insufficient_quota", "message": "billing"}}, {}, "OutOfQuota"),
    (429, {"error": {"details": {"error_code": "enforced_spend_limit_reached"}}}, {}, "OutOfQuota"),
    (404, {"error": {"code": "model_not_found", "message": "no tiny"}}, {}, "NotFound"),
    (404, {"error": {"code": "DeploymentNotFound", "message": "no"}}, {}, "NotFound"),
    (408, {}, {}, "TimedOut"),
    (413, {"error": {"message": "too large"}}, {}, "InvalidInput"),
    (400, {"error": {"message": "No connected db.", "type": "no_db_connection"}}, {}, "AuthFailed"),
    (400, {"error": {"message": "/chat/completions: Invalid model name passed in model=tiny."}}, {}, "NotFound"),
    (400, {"error": {"code": 400, "message": "model 'tiny' not found"}}, {}, "NotFound"),
    (400, {"error": {"message": "max_tokens is too large for this model"}}, {}, "InvalidInput"),
    (500, {"error": "boom"}, {}, "BadAnswer"),
    (301, {}, {"Location": "http://127.0.0.1:9/v1"}, "BadAnswer"),
]


@pytest.mark.parametrize(("status", "body", "headers", "kind"), ERRORS)
def test_each_no_is_told_apart(
    cli: Cli, server: LlmServer, status: int, body: object, headers: dict[str, str], kind: str
) -> None:
    add(cli, server)
    server.json("/v1/models", {"data": [{"id": "tiny"}]})
    server.json("/v1/chat/completions", body, status, **headers)
    answer = cli("connection", "test", "box", "--prompt", "-o", "json")
    assert (answer.code, answer.data["ok"], answer.data["error_kind"]) == (1, False, kind)
    assert KEY not in answer.out + answer.err
    assert (answer.data["models"], answer.data["error"][-1]) == (1, ".")
    log = "".join(path.read_text() for path in cli.home.rglob("*.log"))
    assert KEY not in log


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"retry_after": "7"}, {}, 7),
        (429, {"retry_after_ms": "1500", "retry_after": "9"}, {}, 1.5),
        (529, {"retry_after": "30"}, {"type": "error", "error": {"type": "overloaded_error"}}, 30),
        (429, {}, {"error": {"status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "37s"}]}}, 37),
        (429, {"retry_after": "soon"}, {}, None),
        (429, {"retry_after": "0"}, {}, 0),
        (429, {"retry_after_ms": "400"}, {}, 0.4),
        (429, {"x_ratelimit_remaining_tokens": "0", "x_ratelimit_reset_tokens": "6m0s"}, {}, 360),
        (503, {}, "<html>busy</html>", None),
    ],
)
def test_how_long_to_wait_is_told(
    cli: Cli, server: LlmServer, status: int, headers: dict[str, str], body: object, seconds: float | None
) -> None:
    add(cli, server)
    server.json("/v1/models", body, status, **headers)
    tested = cli.json("connection", "test", "box", code=1)
    assert (tested["error_kind"], tested["retry_after_seconds"]) == ("RateLimited", seconds)
    step = {None: "Try again later.", 0: "Try again.", 1.5: "Try again in 2 s.", 0.4: "Try again in 1 s."}
    assert tested["next_step"] == step.get(seconds, f"Try again in {seconds:g} s." if seconds else "")


def test_a_wait_until_a_date_counts_from_the_servers_own_clock(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.json("/v1/models", {}, 429, retry_after="Fri, 31 Dec 2060 23:59:59 GMT")
    assert cli.json("connection", "test", "box", code=1)["retry_after_seconds"] == 86_400


@pytest.mark.parametrize(
    ("parts", "is_cut", "kind"),
    [
        ((openai_piece("Hel"),), False, "BadAnswer"),
        ((openai_piece("Hel"),), True, "BadAnswer"),
        ((openai_piece("Hel"), b"data: {half\n\n"), False, "BadAnswer"),
        ((openai_piece("Hel"), event({"error": {"code": 502, "message": "upstream"}})), False, "BadAnswer"),
        ((openai_piece("Hel"), event({"error": {"code": 429, "message": "slow"}})), False, "RateLimited"),
        ((openai_piece("Hel"), event({"error": {"code": "429", "message": "slow"}})), False, "RateLimited"),
        ((openai_piece("Hel"), event({"error": {"code": "insufficient_quota", "message": "no"}})), False, "OutOfQuota"),
        ((openai_piece("Hel"), event({"error": {"type": "request_too_large", "message": "x"}})), False, "InvalidInput"),
        ((openai_piece("Hel"), event({"error": {"status": "UNAVAILABLE", "message": "x"}})), False, "RateLimited"),
        ((b'{"error":{"message":"no such","code":"model_not_found"}}\n',), False, "NotFound"),
    ],
)
def test_an_answer_that_breaks_keeps_what_came_and_fails(
    cli: Cli, server: LlmServer, parts: tuple[bytes, ...], *, is_cut: bool, kind: str
) -> None:
    add(cli, server)
    server.stream("/v1/chat/completions", *parts, is_cut=is_cut)
    answer = cli("connection", "ask", "box", "Who?")
    assert answer.code != 0
    assert answer.out == ("Hel\n" if len(parts) > 1 or parts[0] == openai_piece("Hel") else "")
    assert cli("connection", "ask", "box", "Who?", "-o", "json").error["error"] == kind


def test_a_web_page_garbage_and_far_too_much_are_no_answer(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    page = Reply(200, (b"<html>Sign in</html>",), (("Content-Type", "text/html"),))
    server.replies["/v1/models"] = server.replies["/v1/chat/completions"] = page
    assert "proxy" in failed(cli, "connection", "models", "box", kind="BadAnswer", code=1)
    assert "proxy" in failed(cli, "connection", "ask", "box", "Who?", kind="BadAnswer", code=1)
    server.replies["/v1/models"] = Reply(200, (b"[" * 1_000_000,) * 20)
    failed(cli, "connection", "models", "box", kind="BadAnswer", code=1)
    server.stream("/v1/chat/completions", *(b"x" * 1_000_000,) * 20)
    failed(cli, "connection", "ask", "box", "Who?", kind="BadAnswer", code=1)


def test_silence_ends_in_time(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "openai-compatible", "--timeout", "1")
    server.stream("/v1/chat/completions", b": still thinking\n\n", stalls=True)
    said = failed(cli, "connection", "ask", "box", "Who?", kind="TimedOut", code=5)
    assert "--timeout" in said
    assert server.client_left.wait(10)


def test_nobody_there_is_said(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.close()
    tested = cli.json("connection", "test", "box", code=1)
    assert tested["error_kind"] == "Unreachable"


def test_an_answer_that_is_interrupted_lets_go_of_the_server(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.stream("/v1/chat/completions", openai_piece("Hel"), stalls=True)
    process = cli.spawn("connection", "ask", "box", "Who?")
    assert process.stdout is not None
    assert process.stdout.read(3) == "Hel"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert server.client_left.wait(10)


def test_a_certificate_of_ones_own_is_told_and_trusted_when_it_is_given(cli: Cli, tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "tls")
    with llm_server(certificates) as server:
        server.json("/v1/models", {"data": [{"id": "tiny"}]})
        add(cli, server)
        tested = cli.json("connection", "test", "box", code=1)
        assert (tested["error_kind"], server.asked) == ("NotTrusted", [])
        assert "--tls-ca" in tested["next_step"]
        cli.json("connection", "edit", "box", "--tls-ca", str(certificates.authority))
        assert cli.json("connection", "test", "box")["ok"] is True


def test_a_server_without_tls_is_told(cli: Cli, server: LlmServer) -> None:
    cli.json("connection", "add", "box", "--preset", "vllm", "--url", server.url.replace("http:", "https:"))
    tested = cli.json("connection", "test", "box", code=1)
    assert (tested["error_kind"], "http://" in tested["next_step"]) == ("NotTrusted", True)


def test_what_is_declined_is_told_in_the_models_own_words(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    refusal = {"choices": [{"index": 0, "delta": {"refusal": "That I will not."}, "finish_reason": "stop"}]}
    server.stream("/v1/chat/completions", event(refusal), DONE)
    assert cli("connection", "ask", "box", "Who?").out == "That I will not.\n"


def test_a_list_that_fails_with_200_names_no_model(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.json("/v1/models", {"error": {"code": 404, "message": "no such route"}})
    told = cli.json("connection", "test", "box", code=1)
    assert (told["error_kind"], "model" in told["error"]) == ("NotFound", False)


@pytest.mark.parametrize(("status", "step"), [(413, "less"), (422, "options")])
def test_a_refusal_without_words_says_what_to_do(cli: Cli, server: LlmServer, status: int, step: str) -> None:
    add(cli, server)
    server.replies["/v1/chat/completions"] = Reply(status, (b"<html>no</html>",), (("Content-Type", "text/html"),))
    assert step in failed(cli, "connection", "ask", "box", "Who?", kind="InvalidInput", code=2)
