"""The client for other programs: connections by name, flag and tag, their answers, what fails, and what is recorded."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from aicompute_tui.client import (
    Answer,
    AuthFailed,
    BadAnswer,
    ConnectionManager,
    Embedded,
    InvalidInput,
    Message,
    NotFound,
    OutOfQuota,
    Refused,
    Unreachable,
    get_connection,
)
from aicompute_tui.domain.health import HealthReport, TargetKind
from tests.contract.cli_world import Cli
from tests.contract.llm_servers import (
    KEY,
    LlmServer,
    anthropic_answer,
    llm_server,
    ollama_answer,
    openai_answer,
    openai_piece,
)
from tests.unit.test_readme import the_block


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server() as made:
        openai_answer(made)
        yield made


@pytest.fixture
def cli(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """A client in this process finds the same home."""
    monkeypatch.setenv("AIC_TUI_HOME", str(cli.home))
    return cli


def add(cli: Cli, name: str, url: str, *words: str, stdin: str = "") -> None:
    cli.json("connection", "add", name, "--base-url", url, "--model", "tiny", "--retries", "0", *words, stdin=stdin)


@pytest.fixture
def kept(cli: Cli, server: LlmServer) -> Cli:
    """One with prices, one with a key, one out of use, and one that leads nowhere."""
    add(cli, "box", server.url, "--tag", "lab", "--livekit", "--temperature", "0.2", "--max-tokens", "77")
    add(
        cli,
        "keyed",
        server.url,
        "--tag",
        "lab",
        "--tag",
        "big",
        "--livekit",
        "--priority",
        "5",
        "--api-key-stdin",
        stdin=KEY,
    )
    add(cli, "resting", server.url, "--livekit", "--mcp")
    cli.json("connection", "disable", "resting")
    add(cli, "nowhere", "http://127.0.0.1:9", "--automation")
    return cli


def test_connections_are_found_by_flag_tag_and_kind(kept: Cli) -> None:
    async def names(**wanted: object) -> list[str]:
        return [each.name for each in await ConnectionManager().get_connections(**wanted)]  # type: ignore[arg-type]

    async def all_ways() -> None:
        assert await names() == ["keyed", "box", "nowhere"]
        assert await names(use_in_livekit=True) == ["keyed", "box"]
        assert await names(use_in_livekit=False) == ["nowhere"]
        assert await names(use_in_mcp=True) == []
        assert await names(use_in_mcp=True, include_inactive=True) == ["resting"]
        assert await names(use_in_automation=True) == ["nowhere"]
        assert await names(tags=["lab", "big"]) == ["keyed"]
        assert await names(kind="ollama") == []
        found = await get_connection("keyed")
        assert (found.use_in_livekit, found.use_in_mcp, found.tags) == (True, False, ("big", "lab"))
        assert (await get_connection(found.id[:30])).name == "keyed"
        with pytest.raises(NotFound):
            await get_connection("nobody")

    asyncio.run(all_ways())


def test_an_answer_comes_whole_with_what_it_took(kept: Cli, server: LlmServer) -> None:
    async def ask() -> Answer:
        connection = await get_connection("box")
        said = [Message(role="user", text="Hi"), Message(role="assistant", text="Hello")]
        return await connection.generate("How are you?", max_tokens=9, system="Be kind.", history=said)

    answer = asyncio.run(ask())
    assert (answer.text, answer.connection, answer.model) == ("Grüße,\u2028 you", "box", "tiny-2026")
    assert (answer.finish_reason, answer.input_tokens, answer.output_tokens) == ("stop", 12, 9)
    assert (answer.cached_tokens, answer.reasoning_tokens, answer.cost_usd) == (4, 5, None)
    assert answer.total_seconds > 0
    (asked,) = server.asked
    assert (asked.body["max_tokens"], asked.body["temperature"]) == (9, 0.2)
    assert [(each["role"], each["content"]) for each in asked.body["messages"]] == [
        ("system", "Be kind."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "How are you?"),
    ]


def test_pieces_come_one_by_one_and_leaving_ends_the_call(kept: Cli, server: LlmServer) -> None:
    server.stream("/v1/chat/completions", openai_piece("first"), stalls=True)

    async def ask() -> list[str]:
        found = []
        async with ConnectionManager() as manager:
            connection = await manager.get_connection("box")
            async with aclosing(connection.stream("Hello?", temperature=1.5)) as pieces:
                async for piece in pieces:
                    found.append(piece)
                    break
        return found

    assert asyncio.run(ask()) == ["first"]
    assert server.client_left.wait(10)
    assert server.asked[0].body["temperature"] == 1.5
    (call,) = kept.json("connection", "calls")
    assert (call["caller"], call["problem_kind"]) == ("client", "Cancelled")


def test_what_a_program_asks_is_recorded_without_its_words(kept: Cli, server: LlmServer) -> None:
    kept.json("connection", "edit", "keyed", "--price-in", "1", "--price-out", "2")
    ollama = LlmServer()
    ollama_answer(ollama)
    add(kept, "local", ollama.url, "--type", "ollama", "--price-in", "1", "--price-out", "2")

    async def ask() -> Answer:
        async with ConnectionManager() as manager:
            connection = await manager.get_connection("local")
            await (await manager.get_connection("keyed")).generate("A question of mine")
            return await connection.generate("A question of mine")

    answer = asyncio.run(ask())
    ollama.close()
    assert answer.cost_usd == pytest.approx(15e-6)
    rows = kept.json("connection", "calls")
    assert [(row["connection"], row["caller"], row["output_tokens"]) for row in rows] == [
        ("local", "client", 2),
        ("keyed", "client", 9),
    ]
    found = [path for path in kept.home.rglob("*") if path.is_file() and b"A question of mine" in path.read_bytes()]
    assert found == []
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_what_fails_is_one_of_the_documented_errors(kept: Cli, server: LlmServer) -> None:
    async def ask(name: str, prompt: str = "Hello?", max_tokens: int | None = None) -> None:
        await (await get_connection(name)).generate(prompt, max_tokens=max_tokens)

    with pytest.raises(Refused, match="out of use"):
        asyncio.run(ask("resting"))
    with pytest.raises(Unreachable):
        asyncio.run(ask("nowhere"))
    with pytest.raises(InvalidInput):
        asyncio.run(ask("box", " "))
    with pytest.raises(InvalidInput):
        asyncio.run(ask("box", max_tokens=0))
    server.json("/v1/chat/completions", {"error": {"message": "no", "code": "invalid_api_key"}}, 401)
    with pytest.raises(AuthFailed) as refused:
        asyncio.run(ask("keyed"))
    assert KEY not in str(vars(refused.value))
    server.json("/v1/chat/completions", {"error": {"message": "no", "code": "insufficient_quota"}}, 429)
    with pytest.raises(OutOfQuota):
        asyncio.run(ask("box"))


EMBEDDED = {
    "/v1/embeddings": {
        "model": "e-2026",
        "data": [{"index": 1, "embedding": [0.5, 1]}, {"index": 0, "embedding": [0.25, -1]}],
        "usage": {"prompt_tokens": 4, "total_tokens": 4},
    },
    "/api/embed": {"model": "e-2026", "embeddings": [[0.25, -1], [0.5, 1]], "prompt_eval_count": 4},
}


@pytest.mark.parametrize(("kind", "path"), [("vllm", "/v1/embeddings"), ("ollama", "/api/embed")])
def test_texts_are_embedded_in_their_order(cli: Cli, server: LlmServer, kind: str, path: str) -> None:
    server.json(path, EMBEDDED[path])
    add(cli, "e", server.url, "--type", kind, "--price-in", "2", "--price-out", "0")

    async def ask(*texts: str) -> Embedded:
        return await (await get_connection("e")).embed(texts)

    found = asyncio.run(ask("one", "two"))
    assert (found.vectors, found.model, found.input_tokens) == (((0.25, -1.0), (0.5, 1.0)), "e-2026", 4)
    assert found.cost_usd == pytest.approx(8e-6)
    assert server.asked[0].body == {"model": "tiny", "input": ["one", "two"]}
    with pytest.raises(BadAnswer, match="no embeddings"):
        asyncio.run(ask("one"))
    with pytest.raises(InvalidInput):
        asyncio.run(ask())
    rows = cli.json("connection", "calls")
    assert {(row["caller"], row["operation"]) for row in rows} == {("client", "embed")}
    assert [(row["problem_kind"] or "", row["input_tokens"]) for row in rows] == [("BadAnswer", None), ("", 4)]


def test_a_kind_without_embeddings_says_so(cli: Cli, server: LlmServer) -> None:
    cli.json(
        "connection", "add", "claude", "--type", "anthropic", "--base-url", server.url, "--model", "c",
        "--api-key-stdin", stdin=KEY,
    )  # fmt: skip

    async def ask() -> None:
        await (await get_connection("claude")).embed("one")

    with pytest.raises(InvalidInput, match="Anthropic is asked for no embeddings"):
        asyncio.run(ask())
    assert server.asked == []


def test_the_next_one_answers_where_one_fails(kept: Cli, server: LlmServer) -> None:
    async def ask(*names: str) -> Answer:
        async with ConnectionManager() as manager:
            return await (await manager.get_fallback(*names)).generate("Hello?")

    async def pieces(*names: str) -> list[str]:
        async with ConnectionManager() as manager:
            return [piece async for piece in (await manager.get_fallback(*names)).stream("Hello?")]

    assert asyncio.run(ask("nowhere", "resting", "box", "keyed")).connection == "box"
    assert asyncio.run(pieces("nowhere", "box")) == ["Grüße,\u2028", " you"]
    with pytest.raises(Refused) as refused:
        asyncio.run(ask("nowhere", "resting"))
    assert "nowhere: Nothing answers" in refused.value.details
    with pytest.raises(InvalidInput):
        asyncio.run(ask())


def test_a_request_that_nobody_could_answer_is_put_to_nobody(kept: Cli, server: LlmServer) -> None:
    async def ask(prompt: str, max_tokens: int | None = None, temperature: float | None = None) -> None:
        async with ConnectionManager() as manager:
            either = await manager.get_fallback("box", "keyed")
            with pytest.raises(InvalidInput) as refused:
                await either.generate(prompt, max_tokens=max_tokens, temperature=temperature)
            assert refused.value.details == ""
            with pytest.raises(InvalidInput):
                [piece async for piece in either.stream(prompt, max_tokens=max_tokens, temperature=temperature)]

    asyncio.run(ask(" "))
    asyncio.run(ask("Hello?", max_tokens=0))
    asyncio.run(ask("Hello?", temperature=3))
    assert server.asked == []


def test_what_health_took_out_of_use_is_left_out(kept: Cli, server: LlmServer) -> None:
    async def ask() -> list[str]:
        async with ConnectionManager() as manager:
            box = await manager.get_connection("box")
            async with manager._opened() as context, context.store.write() as transaction:
                report = HealthReport(
                    target_id=box.id, target_kind=TargetKind.CONNECTION, problem="It is on fire.", is_held_back=True
                )
                await transaction.health_reports.put([report])
            with pytest.raises(Refused, match="out of use: It is on fire"):
                await box.generate("Hello?")
            return [each.name for each in await manager.get_connections()]

    assert asyncio.run(ask()) == ["keyed", "nowhere"]
    assert server.asked == []


def test_no_more_is_asked_in_a_minute_than_it_may_be(kept: Cli, server: LlmServer) -> None:
    kept.json("connection", "edit", "box", "--requests-per-minute", "2")

    async def ask(times: int) -> list[str]:
        async with ConnectionManager() as manager:
            either = await manager.get_fallback("box", "keyed")
            return [(await either.generate("Hello?")).connection for _ in range(times)]

    async def ask_at_once() -> list[str]:
        async with ConnectionManager() as manager:
            box = await manager.get_connection("box")
            made = [asyncio.ensure_future(box.generate("Hello?")) for _ in range(4)]
            return [type(each).__name__ for each in await asyncio.gather(*made, return_exceptions=True)]

    assert asyncio.run(ask(3)) == ["box", "box", "keyed"]
    answer = kept("connection", "ask", "box", "Hello?", "-o", "json")
    assert (answer.code, answer.error["error"]) == (5, "RateLimited")
    assert len(server.asked) == 3
    kept.json("connection", "edit", "box", "--requests-per-minute", "4")
    assert sorted(asyncio.run(ask_at_once())) == ["Answer", "Answer", "RateLimited", "RateLimited"]


def test_an_answer_that_broke_is_not_begun_again_by_another(kept: Cli, server: LlmServer) -> None:
    with llm_server() as other:
        other.stream("/v1/chat/completions", openai_piece("half"), is_cut=True)
        add(kept, "broken", other.url)
        found: list[str] = []

        async def ask() -> None:
            async with ConnectionManager() as manager:
                async for piece in (await manager.get_fallback("broken", "box")).stream("Hello?"):
                    found.append(piece)  # noqa: PERF401 - what came before it broke stays

        async def generate() -> None:
            async with ConnectionManager() as manager:
                await (await manager.get_fallback("broken", "box")).generate("Hello?")

        for each in (ask, generate):
            with pytest.raises(Exception, match="cut off"):
                asyncio.run(each())
        assert (found, server.asked) == (["half"], [])


def test_the_example_of_the_readme_runs(cli: Cli, server: LlmServer, tmp_path: Path) -> None:
    with llm_server() as other:
        anthropic_answer(other)
        words = ("--type", "anthropic", "--model", "claude-x", "--api-key-stdin")
        cli.json("connection", "add", "Claude Sonnet", "--base-url", other.url, *words, stdin=KEY)
        add(cli, "local", server.url, "--livekit", "--tag", "lab")
        program = tmp_path / "example.py"
        program.write_text(the_block("python"))
        environment = {"AIC_TUI_HOME": str(cli.home), "HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
        run = (sys.executable, "-P", str(program))
        done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.replace("\u2028", "").splitlines() == ["Hello 8 None", "Grüße, you", "Claude Sonnet: Hello"]
    assert [row["caller"] for row in cli.json("connection", "calls")] == ["client"] * 3


def test_words_that_nobody_can_send_are_refused_as_such(kept: Cli) -> None:
    async def ask() -> None:
        await (await get_connection("box")).generate("half of a pair: \ud83d")

    with pytest.raises(InvalidInput, match="cannot be sent"):
        asyncio.run(ask())
