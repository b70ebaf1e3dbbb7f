"""Connections when what answers drips, pours, packs, or stands behind a proxy: left in time, and told as it is."""

from __future__ import annotations

import gzip
import json
import threading
import time
import tracemalloc

import pytest

from aicompute_tui.http import addresses
from aicompute_tui.llms import calls
from tests.contract.cli_world import Cli
from tests.contract.dripping import dripping, pouring
from tests.contract.llm_servers import (
    KEY,
    LlmServer,
    Reply,
    anthropic_answer,
    event,
    gemini_answer,
    ollama_answer,
    openai_answer,
    openai_piece,
)

OK = b"HTTP/1.1 200 OK\r\n"
JSON, EVENTS = b"Content-Type: application/json\r\n", b"Content-Type: text/event-stream\r\n"
MIB = 1 << 20


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Without the proxies of who runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return cli


def add(cli: Cli, url: str, *words: str, kind: str = "openai-compatible", model: str = "tiny") -> None:
    given = ("--type", kind, "--url", url, "--model", model, "--retries", "0", *words)
    cli.json("connection", "add", "box", *given, stdin=KEY if "--api-key-stdin" in words else "")


def failure(cli: Cli, *words: str) -> tuple[str, str]:
    """Its kind, and all that is said of it."""
    answer = cli("connection", *words, "-o", "json")
    assert answer.code != 0, answer.out[:500]
    return answer.error["error"], f"{answer.error['message']} {answer.error['next_step']}"


def test_headers_that_drip_are_left_in_time(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_LIST_SECONDS", 1.0)
    with dripping(OK, b"X-Slow: " + b"a" * 500) as url:
        add(cli, url, "--timeout", "1")
        for words in (("ask", "box", "Who?"), ("models", "box"), ("rerank", "box", "Who?", "a", "b")):
            began = time.monotonic()
            assert failure(cli, *words)[0] == "TimedOut"
            assert time.monotonic() - began < 15
        (checked,) = cli.json("connection", "check", code=1)
        assert (checked["ok"], "1 s" in checked["problem"]) == (False, True)


def test_those_that_stall_delay_no_other_check(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/models", {"data": [{"id": "tiny"}]})
    with dripping(OK, b"X-Slow: " + b"a" * 500) as url:
        for number in range(6):
            cli.json("connection", "add", f"slow {number}", "--base-url", url, "--timeout", "3")
        add(cli, server.url)
        began = time.monotonic()
        rows = {row["name"]: row for row in cli.json("connection", "check", code=1)}
        assert time.monotonic() - began < 12, "all are looked at together, each for three seconds"
    assert rows["box"]["ok"] is True
    assert {row["ok"] for name, row in rows.items() if name != "box"} == {False}


def test_a_stream_that_drips_keeps_what_came_and_is_left_in_time(cli: Cli) -> None:
    with dripping(OK + EVENTS + b"\r\n" + openai_piece("Hel"), b"data: " + b" " * 500) as url:
        add(cli, url, "--timeout", "1")
        began = time.monotonic()
        answer = cli("connection", "ask", "box", "Who?")
        assert (answer.code, answer.out, time.monotonic() - began < 15) == (5, "Hel\n", True)


@pytest.mark.parametrize("words", [("models", "box"), ("ask", "box", "Who?"), ("check",)])
def test_a_hundred_megabytes_take_no_more_memory_than_a_few(cli: Cli, words: tuple[str, ...]) -> None:
    head = OK + JSON + b"Content-Length: %d\r\n\r\n" % (100 * MIB)
    with pouring(head, b'{"data":["', *(b"x" * MIB,) * 99) as url:
        add(cli, url)
        cli("connection", "list")  # what is imported once is not the answer's
        tracemalloc.start()
        try:
            answer = cli("connection", *words, "-o", "json")
            assert tracemalloc.get_traced_memory()[1] < 64 * MIB
        finally:
            tracemalloc.stop()
        if words[0] != "check":
            assert (answer.code, answer.error["error"]) == (1, "BadAnswer")


@pytest.mark.parametrize("words", [("models", "box"), ("ask", "box", "Who?")])
def test_what_comes_packed_is_not_opened(cli: Cli, server: LlmServer, words: tuple[str, ...]) -> None:
    packed = gzip.compress(b" " * (100 * MIB))
    headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
    server.replies["/v1/models"] = server.replies["/v1/chat/completions"] = Reply(200, (packed,), headers)
    add(cli, server.url)
    cli("connection", "list")
    tracemalloc.start()
    try:
        kind, said = failure(cli, *words)
        assert tracemalloc.get_traced_memory()[1] < 32 * MIB
    finally:
        tracemalloc.stop()
    assert (kind, "compressed" in said) == ("BadAnswer", True)
    assert {each.headers["accept-encoding"] for each in server.asked} == {"identity"}


def test_ten_thousand_models_are_listed(cli: Cli, server: LlmServer) -> None:
    names = [f"org/model-{number:05}:latest" for number in range(10_000)]
    server.json("/v1/models", {"data": [{"id": name, "context_length": 8_192} for name in reversed(names)]})
    add(cli, server.url, model=names[-1])
    assert [row["id"] for row in cli.json("connection", "models", "box")] == names
    tested = cli.json("connection", "test", "box")
    assert (tested["models"], tested["model_is_listed"]) == (10_000, True)
    cli.json("connection", "edit", "box", "--model", "none")
    kind, said = failure(cli, "ask", "box", "Who?")
    assert (kind, "offers 10000 models" in said) == ("InvalidInput", True)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "BadAnswer"), (403, "NotAllowed"), (407, "InvalidInput"), (502, "BadAnswer"), (503, "RateLimited"),
     (504, "TimedOut"), (522, "BadAnswer")],
)  # fmt: skip
def test_a_proxys_page_is_told_without_its_words(cli: Cli, server: LlmServer, status: int, kind: str) -> None:
    page = b"<!DOCTYPE html><html><title>Sign in</title>" + b"<p>please</p>" * 20_000
    reply = Reply(status, (page,), (("Content-Type", "text/html"),))
    server.replies["/v1/models"] = server.replies["/v1/chat/completions"] = reply
    add(cli, server.url)
    for words in (("models", "box"), ("ask", "box", "Who?")):
        found, said = failure(cli, *words)
        assert (found, "<" in said, "Sign in" in said) == (kind, False, False)


def test_an_address_of_the_newer_kind_is_asked(cli: Cli) -> None:
    body = json.dumps({"data": [{"id": "tiny"}]}).encode()
    head = OK + JSON + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    try:
        with dripping(head + body, host="::1") as url:
            add(cli, url.removeprefix("http://"))
            assert cli.json("connection", "show", "box")["base_url"] == f"{url}/v1"
            assert cli.json("connection", "test", "box")["ok"] is True
            assert cli.json("connection", "check")[0]["ok"] is True
    except OSError:
        pytest.skip("this machine has no IPv6")


def test_a_models_name_with_slashes_stands_in_a_path_whole(cli: Cli, server: LlmServer) -> None:
    add(cli, server.url, "--api-key-stdin", kind="gemini", model="models/org/deep:1")
    gemini_answer(server, "org%2Fdeep%3A1")
    assert cli("connection", "ask", "box", "Who?").out == "Hi\n"
    cli.json("connection", "remove", "box", "--yes")
    add(cli, server.url, "--api-key-stdin", kind="azure-deployments", model="team/gpt ü")
    openai_answer(server, "/openai/deployments/team%2Fgpt%20%C3%BC/chat/completions")
    assert cli("connection", "ask", "box", "Who?").code == 0


@pytest.mark.parametrize("words", [("models", "box"), ("ask", "box", "Who?"), ("check",)])
@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:9", "http://me:planted@127.0.0.1:nine"])
def test_a_proxy_that_cannot_be_used_is_told(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    add(cli, "http://llm.example.org/v1")
    answer = cli("connection", *words, "-o", "json")
    said = json.dumps(answer.data) if words[0] == "check" else answer.err
    assert ("The proxy that the environment names cannot be used." in said, "Traceback" in said) == (True, False)
    assert "planted" not in said


def test_an_error_in_the_middle_of_an_answer_is_its_own(cli: Cli, server: LlmServer) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    add(cli, server.url, "--api-key-stdin", kind="anthropic", model="claude-x")
    server.stream(
        "/v1/messages",
        event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}}, "content_block_delta"),
        event(overloaded, "error"),
    )
    assert cli("connection", "ask", "box", "Who?").out == "Hel\n"
    assert failure(cli, "ask", "box", "Who?")[0] == "RateLimited"
    assert KEY not in cli("connection", "ask", "box", "Who?").err


def whole_answer(server: LlmServer, kind: str) -> tuple[str, str]:
    """Its path, and its words; without the mark that OpenAI puts behind it, which not all do."""
    if kind == "anthropic":
        anthropic_answer(server)
        return "/v1/messages", "Hello\n"
    if kind == "ollama":
        ollama_answer(server)
        return "/api/chat", "Hallo\n"
    if kind == "gemini":
        gemini_answer(server, "tiny")
        return "/v1beta/models/tiny:streamGenerateContent", "Hi\n"
    openai_answer(server)
    whole = server.replies["/v1/chat/completions"]
    server.replies["/v1/chat/completions"] = whole._replace(parts=whole.parts[:-1])
    return "/v1/chat/completions", "Grüße,\ufffd you\n"


KINDS = ["anthropic", "ollama", "gemini", "openai-compatible"]


@pytest.mark.parametrize("tail", [b"", b"data: {half", b"{half\n\n"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_came_whole_is_no_failure_where_its_stream_is_cut(
    cli: Cli, server: LlmServer, kind: str, tail: bytes
) -> None:
    add(cli, server.url, "--api-key-stdin", kind=kind)
    path, words = whole_answer(server, kind)
    whole = server.replies[path]
    server.replies[path] = whole._replace(parts=(*whole.parts, *((tail,) if tail else ())), is_cut=True)
    answer = cli("connection", "ask", "box", "Who?")
    assert (answer.code, answer.out) == (0, words), answer.err
    (asked,) = cli.json("connection", "calls")
    assert (asked["state"], asked["output_tokens"] > 0) == ("ok", True), "usage that follows the end is still read"
    server.replies[path] = whole._replace(parts=whole.parts[:-2], is_cut=True)
    assert failure(cli, "ask", "box", "Who?")[0] == "BadAnswer"


@pytest.mark.parametrize("kind", KINDS)
def test_what_came_whole_is_there_at_once_where_its_stream_stays_open(
    cli: Cli, server: LlmServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Those that tell their usage after their end are given a moment for it."""
    is_last = kind in ("anthropic", "ollama")
    monkeypatch.setattr(calls, "_TAIL_SECONDS", 60.0 if is_last else 0.3)
    add(cli, server.url, "--api-key-stdin", kind=kind)
    path, words = whole_answer(server, kind)
    whole = server.replies[path]
    server.replies[path] = whole._replace(parts=(b"".join(whole.parts),), stalls=True)
    began = time.monotonic()
    answer = cli("connection", "ask", "box", "Who?")
    assert (answer.code, answer.out, time.monotonic() - began < 15) == (0, words, True), answer.err
    assert server.client_left.wait(60)
    assert "Traceback" not in answer.err


def test_a_name_whose_resolver_says_nothing_is_left_in_time(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    stalled = threading.Event()
    monkeypatch.setattr(addresses, "_resolved", lambda _: stalled.wait(60) and [])
    monkeypatch.setattr(calls, "_LIST_SECONDS", 1.0)
    add(cli, "http://stalls.example.org/v1", "--timeout", "1")
    try:
        for words in (("ask", "box", "Who?"), ("models", "box")):
            began = time.monotonic()
            assert failure(cli, *words)[0] == "TimedOut"
            assert time.monotonic() - began < 15
        (checked,) = cli.json("connection", "check", code=1)
        assert (checked["ok"], "1 s" in checked["problem"]) == (False, True)
    finally:
        stalled.set()
