"""Addresses as people paste them: each provider's own path, versions, and what can be meant in two ways is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.cli_world import Cli
from tests.contract.llm_servers import KEY, LlmServer, openai_answer

BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com"
GEMINI = "https://generativelanguage.googleapis.com"
AZURE = "https://r.openai.azure.com/openai"


def add(cli: Cli, preset: str, url: str, *words: str) -> None:
    cli.json("connection", "add", "box", "--preset", preset, "--url", url, "--api-key-stdin", *words, stdin=KEY)


def refused(cli: Cli, *words: str) -> str:
    answer = cli("connection", *words, "-o", "json")
    assert (answer.code, answer.error["error"]) == (2, "InvalidInput"), answer.err
    return f"{answer.error['message']} {answer.error['next_step']}"


@pytest.mark.parametrize(
    ("preset", "given", "kept"),
    [
        ("bedrock", BEDROCK, f"{BEDROCK}/openai/v1"),
        ("bedrock", f"{BEDROCK}/v1", f"{BEDROCK}/openai/v1"),
        ("openai-compatible", f"{BEDROCK}/openai/v1/chat/completions", f"{BEDROCK}/openai/v1"),
        ("bedrock", "https://bedrock-mantle.us-east-1.api.aws", "https://bedrock-mantle.us-east-1.api.aws/v1"),
        ("groq", "api.groq.com", "https://api.groq.com/openai/v1"),
        ("groq", "https://api.groq.com/v1", "https://api.groq.com/openai/v1"),
        ("openai-compatible", "https://api.groq.com", "https://api.groq.com/openai/v1"),
        ("openrouter", "https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("openrouter", "https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("openai-compatible", "https://openrouter.ai/api/v1/chat/completions", "https://openrouter.ai/api/v1"),
        ("openai-compatible", "https://openrouter.ai/other", "https://openrouter.ai/other"),
        ("groq", "https://proxy.example.org", "https://proxy.example.org/v1"),
        ("gemini", f"{GEMINI}/v1beta/openai/", f"{GEMINI}/v1beta"),
        ("gemini", f"{GEMINI}/v1beta/models/gemini-x:generateContent", f"{GEMINI}/v1beta"),
        ("gemini", "https://proxy.example.org/g/v1beta/models/gemini-x:countTokens", "https://proxy.example.org/g/v1beta"),
        ("openai-compatible", GEMINI, f"{GEMINI}/v1beta/openai"),
        ("openai-compatible", f"{GEMINI}/v1beta/openai/chat/completions", f"{GEMINI}/v1beta/openai"),
    ],
)  # fmt: skip
def test_an_address_gets_the_path_of_its_own_provider(cli: Cli, preset: str, given: str, kept: str) -> None:
    add(cli, preset, given)
    assert cli.json("connection", "show", "box")["base_url"] == kept


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("::1", "[::1]"),
        ("::1:8000", "["),
        ("fd00::5", "["),
        ("http://fd00::5:8000/v1", "["),
        ("http:/h", "http://"),
        ("https:h", "http://"),
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_refused_with_how_to_write_it(
    cli: Cli, given: str, told: str
) -> None:
    assert told in refused(cli, "add", "box", "--url", given)
    assert cli.json("connection", "list") == []


def test_the_version_in_a_pasted_address_of_azure_is_asked_for(cli: Cli, server: LlmServer, tmp_path: Path) -> None:
    path = "/openai/deployments/gpt-x/chat/completions"
    add(cli, "azure-deployments", f"{server.url}{path}?api-version=2025-01-01-preview", "--model", "gpt-x")
    shown = cli.json("connection", "show", "box")
    assert (shown["base_url"], shown["api_version"]) == (f"{server.url}/openai", "2025-01-01-preview")
    openai_answer(server, path)
    assert cli("connection", "ask", "box", "hi").code == 0
    assert server.asked[-1].path == f"{path}?api-version=2025-01-01-preview"

    cli.json("connection", "edit", "box", "--url", server.url)
    assert cli.json("connection", "show", "box")["api_version"] == "2025-01-01-preview", "no other was named"
    file = str(tmp_path / "kept.toml")
    cli.json("connection", "export", "--file", file)
    cli.json("connection", "remove", "box", "--yes")
    cli.json("connection", "import", file)
    assert cli.json("connection", "show", "box")["api_version"] == "2025-01-01-preview"


def test_a_version_is_left_out_where_none_is_sent_and_refused_where_it_is_more_than_one(cli: Cli) -> None:
    add(cli, "azure", f"{AZURE}/deployments/x/chat/completions?api-version=2024-10-21")
    assert cli.json("connection", "show", "box")["base_url"] == f"{AZURE}/v1"
    for query in ("api-version=2024-10-21&api-key=PLANTEDword", "api-version=%00", "api-version="):
        said = refused(cli, "edit", "box", "--url", f"{AZURE}?{query}")
        assert "PLANTEDword" not in said
    assert "?" in refused(cli, "add", "other", "--url", "http://box/v1?api-version=2024-10-21")


@pytest.mark.parametrize("sign", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_a_name_reads_as_it_is_written(cli: Cli, sign: str) -> None:
    refused(cli, "add", f"bo{sign}x", "--url", "http://box")
    assert cli.json("connection", "list") == []


def test_a_header_is_the_same_however_it_is_capitalised(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/models", {"data": [{"id": "tiny"}]})
    add(cli, "openai-compatible", server.url, "--header", "X-Title=one")
    cli.json("connection", "edit", "box", "--header", "x-title=two")
    assert cli("connection", "models", "box").code == 0
    assert server.asked[-1].headers["x-title"] == "two"
    assert cli.json("connection", "show", "box")["headers"] == "x-title"
    cli.json("connection", "edit", "box", "--header", "X-TITLE=")
    assert cli.json("connection", "show", "box")["headers"] is None
