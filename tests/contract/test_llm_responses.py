"""Models that answer by OpenAI's responses alone: found out by the refusal, streamed, and their usage in our terms.

In which words chat completions refuse such a model, and how an answer fails or stays incomplete, is UNVERIFIED; that
it comes in these events is what a llama-server does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from aicompute_tui.llms import calls, dialects
from tests.contract.cli_world import Cli
from tests.contract.llm_servers import KEY, LlmServer, Reply, event, llm_server, openai_answer

REFUSAL = "This model is only supported in v1/responses and not in v1/chat/completions."
USAGE = {
    "input_tokens": 40,
    "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 4},
    "output_tokens": 12,
    "output_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 52,
}


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server() as made:
        made.json("/v1/models", {"data": [{"id": "org/pro"}]})
        made.json("/v1/chat/completions", {"error": {"message": REFUSAL, "type": "invalid_request_error"}}, 404)
        yield made


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch, server: LlmServer) -> Cli:
    """With one connection to `server`; nothing is known yet of how its models answer."""
    monkeypatch.setattr(dialects, "_by_responses", set())
    cli.json(
        "connection", "add", "pro", "--type", "openai", "--url", server.url, "--model", "org/pro",
        "--temperature", "0.5", "--api-key-stdin", stdin=KEY,
    )  # fmt: skip
    return cli


def piece(kind: str, **rest: Any) -> bytes:
    return event({"type": kind, "sequence_number": 1, **rest}, kind)


def response(status: str, **rest: Any) -> dict[str, Any]:
    return {"object": "response", "model": "pro-2026", "status": status, "output": [], **rest}


def answer(server: LlmServer, *last: bytes) -> None:
    server.stream(
        "/v1/responses",
        piece("response.created", response=response("in_progress", usage=None)),
        piece("response.output_item.added", item={"type": "reasoning", "summary": []}),
        piece("response.reasoning_summary_text.delta", delta="It is to be polite."),
        piece("response.output_text.delta", delta="Grüße,\u2028"),
        piece("response.output_text.delta", delta=" you"),
        piece("response.output_text.done", text="Grüße,\u2028 you"),
        *last,
    )


def completed(**rest: Any) -> bytes:
    return piece("response.completed", response=response("completed", usage=USAGE, **rest))


def test_a_model_that_refuses_chat_completions_answers_by_responses(cli: Cli, server: LlmServer) -> None:
    answer(server, completed())
    tested = cli.json("connection", "test", "pro", "--prompt")
    assert (tested["answer"], tested["model"], tested["finish_reason"]) == ("Grüße,\u2028 you", "pro-2026", "completed")
    tokens = [tested[f"{name}_tokens"] for name in ("prompt", "cached", "completion", "reasoning")]
    assert tokens == [40, 30, 12, 8]
    asked = server.asked[-1]
    assert (asked.path, asked.headers["authorization"]) == ("/v1/responses", f"Bearer {KEY}")
    assert asked.body == {
        "model": "org/pro",
        "input": [{"role": "user", "content": "Hello, how are you?"}],
        "stream": True,
        "store": False,
        "max_output_tokens": 50,
        "temperature": 0.5,
    }
    assert [row["input_tokens"] for row in cli.json("connection", "calls")] == [40], "one call, for a refusal is none"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": "Use the Responses API for this model.", "code": "unsupported_model"}),
        (400, {"message": "The chatCompletion operation does not work with pro.", "code": "OperationNotSupported"}),
    ],
)
def test_other_refusals_mean_the_same(cli: Cli, server: LlmServer, status: int, error: dict[str, str]) -> None:
    answer(server, completed())
    server.json("/v1/chat/completions", {"error": error}, status)
    assert cli.json("connection", "test", "pro", "--prompt")["ok"] is True


def test_it_is_refused_once_and_asked_the_right_way_from_then_on(cli: Cli, server: LlmServer) -> None:
    answer(server, completed())
    for _ in range(2):
        assert cli("connection", "ask", "pro", "Who?", "--earlier", "system=Be brief.").code == 0
    assert [each.path for each in server.asked] == ["/v1/chat/completions", "/v1/responses", "/v1/responses"]
    assert (server.asked[-1].body["instructions"], len(server.asked[-1].body["input"])) == ("Be brief.", 1)
    assert cli("connection", "ask", "pro", "Who?", "--model", "other", "-o", "json").code == 0
    assert server.asked[-2].path == "/v1/chat/completions", "another model is asked as usual first"


def test_where_responses_are_no_more_it_is_asked_as_usual_again(cli: Cli, server: LlmServer) -> None:
    answer(server, completed())
    assert cli("connection", "ask", "pro", "Who?").code == 0
    server.replies["/v1/responses"] = Reply(404, (b'{"detail":"Not Found"}',))
    openai_answer(server)
    assert cli("connection", "ask", "pro", "Who?", "-o", "json").error["error"] == "NotFound"
    assert cli("connection", "ask", "pro", "Who?").code == 0


def test_an_answer_that_comes_whole_is_read_too(cli: Cli, server: LlmServer) -> None:
    parts = [{"type": "output_text", "text": "Hi"}, {"type": "refusal", "refusal": " no"}]
    whole = response("completed", output=[{"type": "message", "content": parts}], usage=USAGE)
    server.json("/v1/responses", whole)
    tested = cli.json("connection", "test", "pro", "--prompt")
    assert (tested["answer"], tested["completion_tokens"]) == ("Hi no", 12)


@pytest.mark.parametrize("is_cut", [True, False])
def test_what_is_complete_is_whole_however_the_stream_ends(
    cli: Cli, server: LlmServer, monkeypatch: pytest.MonkeyPatch, *, is_cut: bool
) -> None:
    monkeypatch.setattr(calls, "_TAIL_SECONDS", 60.0)
    answer(server, completed())
    whole = server.replies["/v1/responses"]
    parts = whole.parts if is_cut else (b"".join(whole.parts),)
    server.replies["/v1/responses"] = whole._replace(parts=parts, is_cut=is_cut, stalls=not is_cut)
    began = time.monotonic()
    assert cli.json("connection", "test", "pro", "--prompt")["completion_tokens"] == 12
    assert time.monotonic() - began < 20


def test_why_an_answer_is_incomplete_is_told(cli: Cli, server: LlmServer) -> None:
    reason = {"incomplete_details": {"reason": "max_output_tokens"}, "usage": USAGE}
    answer(server, piece("response.incomplete", response=response("incomplete", **reason)))
    assert cli.json("connection", "test", "pro", "--prompt")["finish_reason"] == "max_output_tokens"


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (
            piece("response.failed", response=response("failed", error={"code": "server_error", "message": "x"})),
            "BadAnswer",
        ),
        (piece("response.failed", response=response("failed", error={"code": "rate_limit_exceeded"})), "RateLimited"),
        (piece("error", code="rate_limit_exceeded", message="slow", param=None), "RateLimited"),
        (piece("response.output_text.delta", delta="!"), "BadAnswer"),
    ],
)
def test_an_answer_that_breaks_keeps_what_came_and_fails(cli: Cli, server: LlmServer, last: bytes, kind: str) -> None:
    answer(server, last)
    said = cli("connection", "ask", "pro", "Who?")
    assert (said.code != 0, said.out.startswith("Grüße")) == (True, True)
    assert cli("connection", "ask", "pro", "Who?", "-o", "json").error["error"] == kind


def test_a_server_without_responses_is_told_by_its_first_refusal(cli: Cli, server: LlmServer) -> None:
    server.replies["/v1/responses"] = Reply(404, (b'{"detail":"Not Found"}',))
    tested = cli.json("connection", "test", "pro", "--prompt", code=1)
    assert (tested["error_kind"], "v1/responses" in tested["details"]) == ("NotFound", True)


def test_any_other_refusal_is_not_asked_otherwise(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/chat/completions", {"error": {"message": "max_tokens is too large"}}, 400)
    assert cli.json("connection", "test", "pro", "--prompt", code=1)["error_kind"] == "InvalidInput"
    assert "/v1/responses" not in [each.path for each in server.asked]
