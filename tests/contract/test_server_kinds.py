"""Each kind of model server against its documented shapes: found out, read in one go, and with its bad manners."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.domain.errors import (
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotTrusted,
    RateLimited,
    TimedOut,
    Unreachable,
)
from aicompute_tui.domain.server import (
    ModelServer,
    ModelState,
    ServerFigures,
    ServerOptions,
    ServerReport,
    abilities_of,
)
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.servers.probing import PROBED, find_kind
from aicompute_tui.servers.reading import facts_now, read
from aicompute_tui.servers.registry import ADAPTERS
from aicompute_tui.servers.wire import Wire
from aicompute_tui.services.server_readings import report_after
from tests.contract.certificates import make_certificates
from tests.contract.llm_servers import KEY, Reply
from tests.contract.server_standins import KINDS, PAGE, StandIn, openwebui, stand_in, vllm, vllm_page

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIGURES: dict[ServerKind, ServerFigures] = {
    ServerKind.OLLAMA: ServerFigures(memory_used_bytes=3_000),
    ServerKind.VLLM: ServerFigures(requests_running=4, requests_waiting=5, cache_share=0.375),
    ServerKind.SGLANG: ServerFigures(requests_running=2, requests_waiting=1, cache_share=0.4, tokens_per_second=77.5),
    ServerKind.LLAMACPP: ServerFigures(requests_running=1, requests_waiting=2),
    ServerKind.TGI: ServerFigures(requests_running=2, requests_waiting=3),
    ServerKind.TEI: ServerFigures(requests_waiting=4),
    ServerKind.TEI_RERANKER: ServerFigures(requests_waiting=4),
    ServerKind.INFINITY: ServerFigures(requests_waiting=6),
    ServerKind.COMFYUI: ServerFigures(
        requests_running=1, requests_waiting=3, memory_used_bytes=15_000, memory_total_bytes=24_000
    ),
}
VERSIONS = {
    ServerKind.INFINITY: "",
    ServerKind.HTTP: "",
    ServerKind.VLLM: "0.33.0",
    ServerKind.OLLAMA: "0.33.0",
    ServerKind.SGLANG: "0.5.23",
    ServerKind.LLAMACPP: "b6123-abc",
    ServerKind.LLAMACPP_ROUTER: "b6123-abc",
    ServerKind.TGI: "3.3.7",
    ServerKind.TEI: "1.9.3",
    ServerKind.TEI_RERANKER: "1.9.3",
    ServerKind.LITELLM: "1.106.2",
    ServerKind.COMFYUI: "0.5.1",
    ServerKind.OPENWEBUI: "0.12.4",
    ServerKind.MLFLOW: "3.17.2",
}
EVERY = [*KINDS]


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


def of(server: StandIn, kind: ServerKind, **options: Any) -> ModelServer:
    return ModelServer(
        id="0199",
        owner="me",
        created_by="me",
        name="box",
        kind=kind,
        base_url=server.url,
        options=ServerOptions(**{"timeout_seconds": 5, **options}),
        created_at=NOW,
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", EVERY)
async def test_what_stands_at_an_address_is_found_out(server: StandIn, kind: ServerKind) -> None:
    KINDS[kind](server)
    found = await find_kind(of(server, ServerKind.HTTP), KEY)
    assert (found.kind, bool(found.why), found.needs_key) == (kind, True, False)
    asked = [each.headers.get("authorization") for each in server.asked_for("/health")]
    assert asked == ([] if kind is ServerKind.LITELLM else asked[:1])
    assert set(asked) <= {None}, "with the key a LiteLLM proxy would ask every model, which costs money"
    assert {each.method for each in server.asked} == {"GET"}, "nothing is changed to find out"


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", EVERY)
async def test_one_reading_tells_health_version_models_and_figures(server: StandIn, kind: ServerKind) -> None:
    KINDS[kind](server)
    reading = await read(of(server, kind), None, None, NOW)
    assert (reading.problem, reading.degraded) == (None, "")
    assert reading.latency_microseconds
    assert reading.figures == FIGURES.get(kind, ServerFigures())
    assert reading.facts is not None
    assert reading.facts.version == VERSIONS[kind]
    if kind is ServerKind.LITELLM:
        assert server.asked_for("/health") == [], "that one costs money"
    again = len(server.asked)
    seldom = await read(of(server, kind), None, report_after(reading, None), NOW + timedelta(seconds=30))
    assert seldom.facts is None, "models are not read at each look"
    assert len(server.asked) - again <= again


@pytest.mark.asyncio
async def test_models_are_told_with_what_the_server_knows(server: StandIn) -> None:
    KINDS[ServerKind.OLLAMA](server)
    first, second = (await facts_now(of(server, ServerKind.OLLAMA), None)).models
    assert (first.id, first.state, first.size_bytes, first.memory_share) == ("qwen:4b", ModelState.LOADED, 4_000, 0.75)
    assert (first.quantisation, first.parameters, first.context_tokens) == ("Q4_K_M", "4.0B", 4_096)
    assert (second.id, second.state, second.memory_share) == ("org/x:latest", ModelState.AVAILABLE, None)
    KINDS[ServerKind.VLLM](server)
    models = (await facts_now(of(server, ServerKind.VLLM), None)).models
    assert [(each.id, each.context_tokens, each.parent) for each in models] == [
        ("org/m", 32_768, None),
        ("sql", None, "org/m"),
    ]
    KINDS[ServerKind.LLAMACPP_ROUTER](server)
    facts = await facts_now(of(server, ServerKind.LLAMACPP_ROUTER), None)
    states = {each.id: each.state for each in facts.models}
    assert states == {"tiny": ModelState.LOADED, "big": ModelState.AVAILABLE, "bad": ModelState.FAILED}
    assert "planted" not in repr(facts), "a command line holds keys"


@pytest.mark.asyncio
async def test_a_sleeping_vllm_says_so(server: StandIn) -> None:
    vllm(server)
    server.json("/is_sleeping", {"is_sleeping": True})
    models = (await facts_now(of(server, ServerKind.VLLM), None)).models
    assert {each.state for each in models} == {ModelState.SLEEPING}


async def _second(server: StandIn, page: str, seconds: float = 30) -> ServerFigures:
    """The figures of a reading that follows one of 1,000 tokens and 10 first tokens in 5 s."""
    vllm(server)
    box = of(server, ServerKind.VLLM)
    report = report_after(await read(box, None, None, NOW), None)
    server.text("/metrics", page)
    return (await read(box, None, report, NOW + timedelta(seconds=seconds))).figures


@pytest.mark.asyncio
async def test_two_readings_make_rates(server: StandIn) -> None:
    figures = await _second(server, vllm_page(4_000, 14, 7.0))
    assert (figures.tokens_per_second, figures.first_token_seconds) == (100, 0.5)


@pytest.mark.asyncio
async def test_counters_that_began_anew_make_no_rate(server: StandIn) -> None:
    figures = await _second(server, vllm_page(10, 1, 0.5))
    assert (figures.tokens_per_second, figures.first_token_seconds, figures.requests_running) == (None, None, 4)


@pytest.mark.asyncio
async def test_counters_far_apart_make_no_rate_of_now(server: StandIn) -> None:
    assert (await _second(server, vllm_page(4_000, 14, 7.0), 3_600)).tokens_per_second is None


@pytest.mark.asyncio
async def test_the_old_name_of_a_figure_is_read_too(server: StandIn) -> None:
    figures = await _second(server, "vllm:gpu_cache_usage_perc 0.125\n")
    assert (figures.cache_share, figures.requests_running) == (0.125, None)


BAD: dict[str, Reply] = {
    "a web page": PAGE,
    "no JSON": Reply(200, (b'{"half":',)),
    "a list": Reply(200, (b"[1, null]",)),
    "another server": Reply(404, (b'{"detail":"Not Found"}',)),
    "an error": Reply(500, (b"boom",)),
    "elsewhere": Reply(302, (b"",), (("Location", "http://127.0.0.1:9/"),)),
}
NOT_EMPTY = frozenset({ServerKind.TGI, ServerKind.TEI, ServerKind.TEI_RERANKER, ServerKind.VLLM, ServerKind.SGLANG})
"""Their health is a status alone: what else answers there with 200 is taken for them until its models are read."""


@pytest.mark.asyncio
@pytest.mark.parametrize("manner", BAD)
@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind is not ServerKind.HTTP])
async def test_whoever_answers_otherwise_is_not_online(server: StandIn, kind: ServerKind, manner: str) -> None:
    KINDS[kind](server)
    for path in server.replies:
        server.replies[path] = BAD[manner]
    reading = await read(of(server, kind), KEY, None, NOW)
    assert reading.problem is not None or reading.degraded
    assert KEY not in repr(reading) + str(reading.problem)
    if kind not in NOT_EMPTY:
        assert reading.problem is not None


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [kind for kind in EVERY if abilities_of(kind).has_figures])
async def test_absent_figures_are_unknown_and_no_trouble(server: StandIn, kind: ServerKind) -> None:
    KINDS[kind](server)
    server.replies.pop("/metrics", None)
    reading = await read(of(server, kind), None, None, NOW)
    assert (reading.problem, reading.degraded) == (None, "")
    if kind in {ServerKind.VLLM, ServerKind.LLAMACPP, ServerKind.TGI}:
        assert reading.figures == ServerFigures()


@pytest.mark.asyncio
async def test_figures_that_are_switched_off_are_no_trouble(server: StandIn) -> None:
    KINDS[ServerKind.LLAMACPP](server)
    server.json("/metrics", {"error": {"code": 501, "type": "not_supported_error", "message": "off"}}, 501)
    reading = await read(of(server, ServerKind.LLAMACPP), None, None, NOW)
    assert (reading.problem, reading.degraded, reading.figures) == (None, "", ServerFigures())


@pytest.mark.asyncio
@pytest.mark.parametrize("page", ["<html>", "\x00\xff", "vllm:num_requests_running{ 1", "vllm:num_requests_running x"])
async def test_garbled_figures_are_unknown(server: StandIn, page: str) -> None:
    figures = await _second(server, page)
    assert figures == ServerFigures()


@pytest.mark.asyncio
async def test_a_key_that_is_refused_degrades_a_server_that_is_well(server: StandIn) -> None:
    vllm(server)
    server.json("/v1/models", {"error": "Unauthorized"}, 401)
    reading = await read(of(server, ServerKind.VLLM), KEY, None, NOW)
    assert (reading.problem, "key" in reading.degraded) == (None, True)
    assert reading.figures.requests_running == 4, "its figures need none"
    assert server.asked_for("/v1/models")[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.asyncio
async def test_a_refused_door_is_told(server: StandIn) -> None:
    body = {"error": {"code": 401, "message": f"Invalid API Key {KEY}", "type": "authentication_error"}}
    server.json("/health", {"status": "ok"})
    for path in ("/props", "/v1/models", "/metrics", "/models"):
        server.json(path, body, 401)
    found = await find_kind(of(server, ServerKind.HTTP), None)
    assert (found.kind, found.needs_key) == (ServerKind.LLAMACPP, True)
    with pytest.raises(AuthFailed) as caught:
        await facts_now(of(server, ServerKind.LLAMACPP), KEY)
    assert KEY not in caught.value.details + caught.value.message
    assert "server edit box --stdin" in caught.value.next_step
    assert caught.value.message == "“box” does not accept the key."
    with pytest.raises(AuthFailed) as caught:
        await facts_now(of(server, ServerKind.LLAMACPP), None)
    assert caught.value.message == "“box” wants a key, and none is kept."


def locked(server: StandIn, kind: ServerKind) -> None:
    """With a key: what stands before its door stays open."""
    KINDS[kind](server)
    doors: dict[ServerKind, Callable[[str], bool]] = {
        ServerKind.VLLM: lambda path: not path.startswith("/v1"),
        ServerKind.TEI: lambda path: path in ("/health", "/", "/metrics"),
        ServerKind.SGLANG: lambda path: path.startswith(("/health", "/metrics")),
    }
    for path in (*PROBED, "/health", "/metrics"):
        if not doors[kind](path):
            server.json(path, {"error": "Unauthorized"}, 401)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (ServerKind.VLLM, "/version and an empty /health, as vLLM gives"),
        (ServerKind.TEI, "/metrics tells te_ figures"),
        (ServerKind.SGLANG, "/metrics tells sglang: figures"),
    ],
)
async def test_a_locked_server_is_told_by_what_stands_before_its_door(
    server: StandIn, kind: ServerKind, why: str
) -> None:
    locked(server, kind)
    found = await find_kind(of(server, ServerKind.HTTP), None)
    assert (found.kind, found.why, found.needs_key) == (kind, why, True)
    assert all("authorization" not in each.headers for each in server.asked_for("/metrics"))


@pytest.mark.asyncio
async def test_infinity_behind_its_prefix_is_asked_there(server: StandIn) -> None:
    KINDS[ServerKind.INFINITY](server)
    for path in ("/models", "/embeddings", "/rerank"):
        server.replies[f"/v1{path}"] = server.replies.pop(path)
    assert (await find_kind(of(server, ServerKind.HTTP), None)).kind is ServerKind.INFINITY
    box = of(server, ServerKind.INFINITY)
    reading = await read(box, None, None, NOW)
    assert (reading.problem, reading.degraded, reading.figures.requests_waiting) == (None, "", 6)
    assert [each.id for each in (await facts_now(box, None)).models] == ["debug"]
    wire = Wire(box, None)
    assert (await ADAPTERS[box.kind].embed(wire, "text", None)).vector == [3.0, 4.0]
    with pytest.raises(InvalidInput, match="refused"):
        await ADAPTERS[box.kind].rerank(wire, "text", ["a"], "debug")


@pytest.mark.asyncio
async def test_a_server_that_wants_to_be_left_alone_says_for_how_long(server: StandIn) -> None:
    server.json("/health", {}, 429, Retry_After="7")
    problem = (await read(of(server, ServerKind.VLLM), None, None, NOW)).problem
    assert isinstance(problem, RateLimited)
    assert (problem.retry_after, problem.next_step) == (7, "Try again in 7 s.")


@pytest.mark.asyncio
async def test_another_that_refuses_a_key_is_not_taken_for_llamacpp(server: StandIn) -> None:
    """As Anthropic's interface does."""
    error = {"type": "authentication_error", "message": "x-api-key header is required"}
    for path in (*PROBED, "/health"):
        server.json(path, {"type": "error", "error": error}, 401)
    found = await find_kind(of(server, ServerKind.HTTP), None)
    assert (found.kind, found.needs_key) == (ServerKind.HTTP, True)


@pytest.mark.asyncio
async def test_a_server_that_loads_its_model_is_degraded(server: StandIn) -> None:
    loading = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
    server.json("/health", loading, 503)
    reading = await read(of(server, ServerKind.LLAMACPP), None, None, NOW)
    assert (reading.problem, reading.degraded) == (None, "Loading model")
    assert (await find_kind(of(server, ServerKind.HTTP), None)).kind is ServerKind.LLAMACPP
    for proxied in (b"<html>no backend</html>", b'{"error": {"code": 503, "message": "no backend"}}', b"[" * 100_000):
        server.replies["/health"] = Reply(503, (proxied,))
        problem = (await read(of(server, ServerKind.LLAMACPP), None, None, NOW)).problem
        assert type(problem) is Unreachable, "it is not the server that says so"
    openwebui(server)
    server.json("/ready", {"status": False}, 503)
    assert "not ready" in (await read(of(server, ServerKind.OPENWEBUI), None, None, NOW)).degraded


@pytest.mark.asyncio
async def test_a_web_interface_tells_its_models_for_a_key(server: StandIn) -> None:
    openwebui(server)
    server.json("/api/models", {"data": [{"id": "llama"}]})
    assert (await facts_now(of(server, ServerKind.OPENWEBUI), None)).models == ()
    assert [each.id for each in (await facts_now(of(server, ServerKind.OPENWEBUI), KEY)).models] == ["llama"]


@pytest.mark.asyncio
async def test_a_plain_check_wants_its_status(server: StandIn) -> None:
    server.text("/", "gone", 404)
    assert (await read(of(server, ServerKind.HTTP), None, None, NOW)).problem is not None
    assert (await read(of(server, ServerKind.HTTP, expected_status=404), None, None, NOW)).problem is None
    server.text("/", "here")
    wrong = await read(of(server, ServerKind.HTTP, expected_status=404), None, None, NOW)
    assert isinstance(wrong.problem, BadAnswer)
    assert "200, not 404" in wrong.problem.message


@pytest.mark.asyncio
async def test_silence_ends_in_time(server: StandIn) -> None:
    server.replies["/health"] = Reply(200, (b" ",), stalls=True)
    reading = await read(of(server, ServerKind.VLLM, timeout_seconds=1), None, None, NOW)
    assert isinstance(reading.problem, TimedOut)
    assert await asyncio.to_thread(server.client_left.wait, 10)
    vllm(server)
    server.replies["/metrics"] = Reply(200, (b"#",), stalls=True)
    slow = await read(of(server, ServerKind.VLLM, timeout_seconds=5), None, None, NOW)
    assert (slow.problem, bool(slow.degraded)) == (None, True), "it answers, its figures do not"


@pytest.mark.asyncio
async def test_far_too_much_is_left(server: StandIn) -> None:
    vllm(server)
    much = Reply(200, (b"x" * 1_000_000,) * 100)
    server.replies["/metrics"] = server.replies["/v1/models"] = much
    reading = await read(of(server, ServerKind.VLLM), None, None, NOW)
    assert (reading.problem, reading.figures) == (None, ServerFigures())
    assert "far too much" in reading.degraded


@pytest.mark.asyncio
async def test_nobody_there_is_said(server: StandIn) -> None:
    server.close()
    box = of(server, ServerKind.VLLM)
    reading = await read(box, None, ServerReport(server_id=box.id, figures=ServerFigures(requests_running=1)), NOW)
    assert isinstance(reading.problem, Unreachable)
    with pytest.raises(Unreachable):
        await find_kind(box, None)
    kept = report_after(reading, ServerReport(server_id=box.id, figures=ServerFigures(requests_running=1)))
    assert kept.figures == ServerFigures(), "what it did before is not what it does now"


@pytest.mark.asyncio
async def test_a_certificate_of_ones_own_is_told_and_trusted_when_it_is_given(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path / "tls")
    with stand_in(certificates) as server:
        vllm(server)
        box = of(server, ServerKind.VLLM)
        assert isinstance((await read(box, None, None, NOW)).problem, NotTrusted)
        trusted = replace(box.options, tls_ca=str(certificates.authority))
        assert (await read(replace(box, options=trusted), None, None, NOW)).problem is None


@pytest.mark.asyncio
async def test_a_server_that_says_it_does_not_work_is_down_and_one_that_is_busy_is_not(server: StandIn) -> None:
    vllm(server)
    for status, problem in ((503, Unreachable), (429, RateLimited)):
        server.json("/health", {"error": "engine is dead"}, status)
        assert type((await read(of(server, ServerKind.VLLM), None, None, NOW)).problem) is problem


@pytest.mark.asyncio
async def test_models_are_read_anew_after_the_clock_was_put_back(server: StandIn) -> None:
    vllm(server)
    box = of(server, ServerKind.VLLM)
    report = report_after(await read(box, None, None, NOW + timedelta(days=1)), None)
    assert (await read(box, None, report, NOW)).facts is not None
    assert (await read(box, None, report, NOW + timedelta(days=1, seconds=30))).facts is None
