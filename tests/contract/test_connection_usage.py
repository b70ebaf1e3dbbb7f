"""What each call to a connection used: written down without its words, summed up, and told with its cost."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.runtime import build
from aicompute_tui.services.gpu_samples import thin_out
from aicompute_tui.store.calls import Calls
from tests.contract.cli_world import Cli
from tests.contract.llm_servers import DONE, KEY, LlmServer, event, llm_server, openai_answer, openai_piece

WORDS = "a most secret question"


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server() as made:
        made.json("/v1/models", {"data": [{"id": "tiny"}]})
        yield made


def add(cli: Cli, server: LlmServer, name: str = "box", *words: str) -> None:
    cli.json("connection", "add", name, "--preset", "vllm", "--url", server.url, "--model", "tiny", *words)


def answers(server: LlmServer, tokens: int = 1_000) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": 500}
    server.stream("/v1/chat/completions", openai_piece("Hi", "stop"), openai_piece(usage=usage), DONE)


def calls(cli: Cli, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = cli.json("connection", "calls", *words)
    return rows


def change(cli: Cli, *statements: str) -> None:
    """What is stored, behind the program's back."""
    with sqlite3.connect(next(cli.home.rglob("*.db"))) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_each_prompt_is_written_down_without_its_words(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "box", "--price-in", "2.5", "--price-out", "10")
    answers(server)
    assert cli("connection", "ask", "box", WORDS).code == 0
    cli.json("connection", "test", "box", "--prompt", WORDS)
    cli.json("connection", "test", "box")
    tested, asked = calls(cli)
    assert (asked["operation"], asked["caller"], asked["state"]) == ("chat", "cli", "ok")
    assert (tested["operation"], tested["model"]) == ("test", "tiny-2026")
    assert (asked["input_tokens"], asked["output_tokens"], asked["cost_usd"]) == (1_000, 500, 0.0075)
    assert 0 < asked["first_token_seconds"] <= asked["total_seconds"]
    database = next(cli.home.rglob("*.db"))
    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert WORDS not in dump


def test_what_fails_is_written_down_with_its_kind_and_costs_nothing(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.json("/v1/chat/completions", {"error": {"message": "no"}}, 401)
    assert cli("connection", "ask", "box", "Who?").code != 0
    server.stream("/v1/chat/completions", openai_piece("Hel"), is_cut=True)
    assert cli("connection", "ask", "box", "Who?").code != 0
    cut, refused = calls(cli)
    assert (refused["problem_kind"], cut["problem_kind"], cut["state"]) == ("AuthFailed", "BadAnswer", "failed")
    (row,) = cli.json("connection", "usage")
    assert (row["requests"], row["failed"], row["error_rate"]) == (2, 2, 1.0)
    assert row["unpriced"] == 1, "a cut answer was billed, a refused one not"


def test_what_is_refused_within_an_answer_may_be_billed(cli: Cli, server: LlmServer) -> None:
    """A minute was thought before it, of which no text came."""
    prices = ("--price-in", "2.5", "--price-out", "10")
    cli.json("connection", "add", "claude", "--preset", "anthropic", "--url", server.url, "--model", "claude-x",
             "--api-key-stdin", *prices, stdin=KEY)  # fmt: skip
    usage = {"input_tokens": 125, "output_tokens": 1, "cache_read_input_tokens": 100}
    thought = {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm"}}
    server.stream(
        "/v1/messages",
        event({"type": "message_start", "message": {"model": "claude-x", "usage": usage}}, "message_start"),
        event(thought, "content_block_delta"),
        event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error"),
    )
    assert cli("connection", "ask", "claude", "Who?", "-o", "json").error["error"] == "RateLimited"
    (asked,) = calls(cli, "claude")
    assert (asked["input_tokens"], asked["cached_tokens"], asked["problem_kind"]) == (225, 100, "RateLimited")
    assert (asked["output_tokens"], asked["cost_usd"]) == (None, None), "what it began with is not what it made"

    add(cli, server, "box", *prices)
    limited = {"error": {"code": 429, "message": "slow"}}
    server.json("/v1/chat/completions", limited, 429)
    server.json("/v1/embeddings", limited, 429)
    for words in (("ask", "box", "Who?"), ("embed", "box", "Who?")):
        assert cli("connection", *words).code != 0
    (row,) = cli.json("connection", "usage", "box")
    assert (row["failed"], row["unpriced"], row["cost_usd"]) == (2, 0, 0.0), "nobody began to answer"
    server.stream("/v1/chat/completions", event(limited))
    server.json("/v1/embeddings", limited)
    for words in (("ask", "box", "Who?"), ("embed", "box", "Who?")):
        assert cli("connection", *words, "-o", "json").error["error"] == "RateLimited"
    rows = {row["connection"]: row for row in cli.json("connection", "usage")}
    assert [(rows[name]["unpriced"], rows[name]["cost_usd"]) for name in ("claude", "box")] == [(1, None), (2, None)]


def test_an_answer_that_was_stopped_is_no_failure(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.stream("/v1/chat/completions", openai_piece("Hel"), stalls=True)
    process = cli.spawn("connection", "ask", "box", "Who?")
    assert process.stdout is not None
    assert process.stdout.read(3) == "Hel"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    (stopped,) = calls(cli)
    assert (stopped["problem_kind"], stopped["state"]) == ("Cancelled", "cancelled")
    assert cli.json("connection", "usage")[0]["failed"] == 0


def test_an_answer_comes_also_where_its_use_cannot_be_written_down(
    cli: Cli, server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*given: object, **more: object) -> None:
        raise Unreachable("The disk is full.")

    add(cli, server)
    answers(server)
    monkeypatch.setattr(Calls, "append", full)
    asked = cli("connection", "ask", "box", "Who?")
    assert (asked.code, asked.out) == (0, "Hi\n")
    assert calls(cli) == []


def test_usage_is_summed_by_connection_time_and_caller(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "box", "--price-in", "2.5", "--price-out", "10")
    add(cli, server, "free")
    answers(server)
    for name in ("box", "box", "free"):
        assert cli("connection", "ask", name, "Who?").code == 0
    box, free = cli.json("connection", "usage")
    assert (box["connection"], box["requests"], box["input_tokens"], box["cost_usd"]) == ("box", 2, 2_000, 0.015)
    assert (free["cost_usd"], free["unpriced"]) == (None, 1), "unknown is never nothing"
    assert 0 < box["p50_first_token_seconds"] <= box["p95_seconds"]
    assert box["last_used_at"] >= box["last_used_at"][:10]
    assert [row["requests"] for row in cli.json("connection", "usage", "box")] == [2]
    for span, length in (("hour", "00:00Z"), ("day", "T00:00:00Z"), ("month", "01T00:00:00Z")):
        rows = cli.json("connection", "usage", "--by", span)
        assert {row["at"].endswith(length) for row in rows} == {True}
        assert sum(row["requests"] for row in rows) == 3
    assert cli.json("connection", "usage", "--caller", "console") == []
    assert len(cli.json("connection", "usage", "--caller", "cli", "--since", "1h")) == 2
    table = cli("connection", "usage", "--by", "day").out
    assert table.startswith("AT ")
    assert "unknown" in table


def test_usage_is_told_apart_by_who_asked(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "box", "--price-in", "2.5", "--price-out", "10")
    answers(server)
    for _ in range(3):
        assert cli("connection", "ask", "box", "Who?").code == 0
    change(cli, "UPDATE calls SET caller = 'mcp' WHERE rowid = 1", "UPDATE call_hours SET caller = 'mcp'")
    assert cli("connection", "ask", "box", "Who?").code == 0
    rows = cli.json("connection", "usage", "--by", "caller")
    assert [(row["caller"], row["requests"], row["cost_usd"]) for row in rows] == [
        ("cli", 1, 0.0075),
        ("mcp", 3, 0.0225),
    ]
    (alone,) = cli.json("connection", "usage", "--by", "caller", "--caller", "mcp")
    assert (alone["caller"], alone["requests"]) == ("mcp", 3)
    assert cli("connection", "usage", "--by", "caller").out.startswith("CALLER ")


def test_calls_that_a_wrong_clock_left_in_the_future_keep_nobody_waiting(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "box", "--requests-per-minute", "1")
    answers(server)
    assert cli("connection", "ask", "box", "Who?").code == 0
    assert cli("connection", "ask", "box", "Who?", "-o", "json").error["error"] == "RateLimited"
    (book,) = (each for each in cli.home.rglob("rates/*") if each.suffix != ".lock")
    book.write_text((datetime.now(UTC) + timedelta(days=1)).isoformat() + "\nnonsense\n")
    assert cli("connection", "ask", "box", "Who?").code == 0
    assert cli("connection", "ask", "box", "Who?", "-o", "json").error["error"] == "RateLimited", "the new one counts"


def test_what_is_gone_keeps_what_it_used(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    answers(server)
    assert cli("connection", "ask", "box", "Who?").code == 0
    cli.json("connection", "remove", "box", "--yes")
    assert cli.json("connection", "usage", "box")[0]["requests"] == 1
    (asked,) = calls(cli, "box", "--limit", "1")
    assert calls(cli, "--until", asked["at"][:4] + "-01-01") == []
    assert asked in calls(cli, "--until", "2999-01-01")
    assert cli("connection", "calls", "--until", "soon").code == 2
    assert asked["connection"] == "box"
    assert calls(cli, asked["connection_id"]) == [asked]
    assert cli("connection", "usage", "never", "-o", "json").error["error"] == "NotFound"


def test_calls_are_forgotten_after_a_month_and_their_sums_stay(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    answers(server)
    assert cli("connection", "ask", "box", "Who?").code == 0
    database = next(cli.home.rglob("*.db"))
    back = 40 * 86_400 * 1_000_000
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE calls SET at = at - ?", (back,))
        connection.execute("UPDATE call_hours SET at = at - ?", (back,))
    connection.close()
    assert len(calls(cli, "--since", "60d")) == 1

    async def thinned() -> None:
        runtime = build(environment=cli.environment)
        await thin_out(await runtime.context())
        await runtime.aclose()

    asyncio.run(thinned())
    assert calls(cli, "--since", "60d") == []
    (row,) = cli.json("connection", "usage", "--since", "60d")
    assert (row["requests"], row["p50_seconds"]) == (1, None)


def test_before_a_test_asks_it_says_what_that_costs_at_most(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "box", "--price-in", "1", "--price-out", "1000")
    openai_answer(server)
    for output in ("table", "json"):
        assert "costs at most $0.0500" in cli("connection", "test", "box", "--prompt", "-o", output).err
    told = cli.json("connection", "estimate", "box", "--max-tokens", "100", "--prompt", "x")
    assert (told["prompt"], told["max_tokens"], told["price_source"]) == ("x", 100, "your own prices")
    assert 0.1 < told["cost_at_most_usd"] < 0.101
    add(cli, server, "free")
    assert "unknown" in cli("connection", "test", "free", "--prompt").err


def test_a_conversation_goes_along_in_order(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    answers(server)
    words = ("--earlier", "system=Be short.", "--earlier", "user=Hi", "--earlier", "assistant=a=b")
    assert cli("connection", "ask", "box", "Who?", *words).code == 0
    assert [(each["role"], each["content"]) for each in server.asked[-1].body["messages"]] == [
        ("system", "Be short."), ("user", "Hi"), ("assistant", "a=b"), ("user", "Who?"),
    ]  # fmt: skip
    assert (
        cli("connection", "ask", "box", "Who?", "--earlier", "dog=wuff", "-o", "json").error["error"] == "InvalidInput"
    )


def test_what_nobody_began_to_answer_is_asked_again(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.json("/v1/chat/completions", {}, 429, retry_after_ms="10")
    assert cli("connection", "ask", "box", "Who?").code != 0
    assert len(server.asked) == 3
    cli("connection", "test", "box", "--prompt")
    assert len(server.asked) == 5, "a test shows what is: the list, and one prompt"
    server.stream("/v1/chat/completions", openai_piece("Hel"), is_cut=True)
    cli("connection", "ask", "box", "Who?")
    assert len(server.asked) == 6, "what was begun is not asked again"
    assert [row["operation"] for row in calls(cli)] == ["chat", "test", "chat"], "one row for each, however often"
