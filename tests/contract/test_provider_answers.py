"""What providers do in ways of their own: say what they billed, list no models, end a stream or refuse differently."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aicompute_tui.llms import calls
from aicompute_tui.llms.presets import PRESETS, Place
from tests.contract.cli_world import Cli
from tests.contract.llm_servers import (
    DONE,
    KEY,
    OPENAI_USAGE,
    LlmServer,
    event,
    openai_answer,
    openai_piece,
)

CHAT = "/v1/chat/completions"


def add(cli: Cli, server: LlmServer, preset: str = "openai-compatible", *words: str) -> None:
    words = ("--preset", preset, "--url", server.url, "--model", "tiny", "--api-key-stdin", *words)
    cli.json("connection", "add", "box", *words, stdin=KEY)


def ending(cli: Cli) -> dict[str, Any]:
    *_, last = cli("connection", "ask", "box", "hi", "-o", "json").out.splitlines()
    return dict(json.loads(last))


def billed(server: LlmServer, **more: Any) -> None:
    server.stream(CHAT, openai_piece("Hi", "stop"), openai_piece(usage={**OPENAI_USAGE, **more}), DONE)


# -- an address that lists no models


@pytest.fixture
def bedrock(cli: Cli, server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Ours stands where Bedrock's recommended address does."""
    place = Place("127.0.0.1", "/openai/v1", lists_models=False)
    monkeypatch.setitem(PRESETS, "bedrock", PRESETS["bedrock"]._replace(places=(place,)))
    add(cli, server, "bedrock")
    return cli


def test_where_no_models_are_listed_a_free_test_says_what_it_cannot_tell(bedrock: Cli, server: LlmServer) -> None:
    tested = bedrock.json("connection", "test", "box")
    assert (tested["ok"], tested["models"], tested["model_is_listed"]) == (True, None, None)
    assert "--prompt" in tested["note"]
    openai_answer(server, "/openai/v1/chat/completions")
    prompted = bedrock.json("connection", "test", "box", "--prompt")
    assert (prompted["ok"], prompted["note"]) == (True, None)

    said = bedrock("connection", "models", "box", "-o", "json").error
    assert "lists no models" in said["message"]
    assert "--model" in said["next_step"]


def test_where_no_models_are_listed_it_is_not_down_for_that_but_for_all_else(bedrock: Cli, server: LlmServer) -> None:
    assert bedrock.json("connection", "check", "box")[0]["ok"] is True
    for status in (401, 403, 500):
        server.json("/openai/v1/models", {"message": "no"}, status)
        (checked,) = bedrock("connection", "check", "box", "-o", "json").data
        assert checked["ok"] is False, status
        assert bedrock("connection", "test", "box").code != 0


def test_elsewhere_a_missing_list_is_a_failure(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    assert cli("connection", "check", "box").code == 1


# -- what was billed


def test_what_openrouter_says_it_billed_is_the_cost(cli: Cli, server: LlmServer) -> None:
    add(cli, server, "openrouter")
    billed(server, cost=0.00125, is_byok=False, cost_details={"upstream_inference_cost": None})
    told = ending(cli)
    assert (told["cost_usd"], told["cost_source"]) == (0.00125, "what 127.0.0.1 says it billed")
    assert cli.json("connection", "calls")[0]["cost_usd"] == 0.00125
    (used,) = cli.json("connection", "usage")
    assert (used["cost_usd"], used["unpriced"]) == (0.00125, 0)

    billed(server, cost=0)
    assert ending(cli)["cost_usd"] == 0, "a free model was billed nothing"
    cli.json("connection", "edit", "box", "--price-in", "2", "--price-out", "10")
    told = ending(cli)
    assert told["cost_usd"] == pytest.approx(0.000114)
    assert told["cost_source"] == "your own prices"


@pytest.mark.parametrize(
    "told",
    [
        {"cost": 0.0001, "is_byok": True},
        {"cost": 0.0001, "cost_details": {"upstream_inference_cost": 0.002}},
        {"cost": "much"},
        {"cost": -1},
        {"cost": 1e30},
        {"cost": True},
        {},
    ],
)
def test_own_keys_and_what_is_no_amount_leave_the_cost_unknown(
    cli: Cli, server: LlmServer, told: dict[str, Any]
) -> None:
    add(cli, server, "openrouter")
    billed(server, **told)
    seen = ending(cli)
    assert (seen["cost_usd"], seen["cost_source"]) == (None, None)


def test_what_another_server_calls_its_cost_is_none(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    billed(server, cost=0.00125)
    assert ending(cli)["cost_usd"] is None


# -- answers and refusals of another shape


def test_a_stream_that_says_it_is_done_was_not_cut_off(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    server.stream(CHAT, openai_piece("All of it"), DONE)
    assert "All of it" in cli("connection", "ask", "box", "hi").out
    assert ending(cli)["finish_reason"] is None
    assert {row["state"] for row in cli.json("connection", "calls")} == {"ok"}


def test_an_answer_in_parts_is_read(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    parts = [{"type": "text", "text": "Hal"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": "lo"}]
    whole = {"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}
    server.stream(CHAT, event(whole), DONE)
    assert "Hallo" in cli("connection", "ask", "box", "hi").out


def test_each_field_that_is_refused_is_named(cli: Cli, server: LlmServer) -> None:
    add(cli, server)
    detail = [
        {"type": "missing", "loc": ["body", "messages", 0, "role"], "msg": "Field required"},
        {"type": "int", "loc": ["body", "max_tokens"], "msg": "Input should be an integer"},
    ]
    server.json(CHAT, {"detail": detail}, 422)
    said = cli("connection", "ask", "box", "hi").err
    assert "Field required (body.messages.0.role)" in said
    assert "Input should be an integer (body.max_tokens)" in said


def test_a_list_that_does_not_come_names_no_way_that_would_not_help(
    cli: Cli, server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_LIST_SECONDS", 0.2)
    add(cli, server)
    server.stream("/v1/models", b"{", stalls=True)
    said = cli("connection", "models", "box", "-o", "json").error
    assert "0.2 seconds" in said["message"]
    assert "--timeout" not in said["next_step"]
