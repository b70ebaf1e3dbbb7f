"""What is found before anything was added: servers on the usual ports and keys in the environment; doctor as well."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from aicompute_tui.domain.errors import AuthFailed, InvalidInput
from aicompute_tui.domain.json import Json
from aicompute_tui.llms.presets import PRESETS
from aicompute_tui.runtime import build
from aicompute_tui.services import connection_finding
from aicompute_tui.services.connection_offers import offers
from tests.contract.cli_world import Cli
from tests.contract.llm_servers import KEY, LlmServer


@pytest.fixture(autouse=True)
def usual(server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one usual port of this machine is the server's: others may be somebody's."""
    known = {name: each for name, each in PRESETS.items() if each.needs_key}
    known["vllm"] = replace_url(PRESETS["vllm"], f"{server.url}/v1")
    others = {name: replace_url(each, None) for name, each in PRESETS.items() if name not in known}
    monkeypatch.setattr(connection_finding, "PRESETS", {**others, **known})


def replace_url(preset: Any, url: str | None) -> Any:
    return preset._replace(base_url=url)


def found(cli: Cli) -> Any:
    return cli.json("connection", "find")


def test_a_server_on_its_usual_port_is_found_until_it_is_added(cli: Cli, server: LlmServer) -> None:
    server.json("/v1/models", {"data": [{"id": "tiny", "owned_by": "vllm"}, {"id": "lora", "owned_by": "vllm"}]})
    (row,) = found(cli)
    assert (row["state"], row["kind"], row["models"]) == ("found", "vllm", 2)
    assert (row["where"], row["base_url"]) == (f"port {urlsplit(server.url).port}", f"{server.url}/v1")
    words = shlex.split(row["next_step"])
    assert cli.json(*words[1:])["name"] == row["name"]
    assert found(cli) == []


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({"/api/version": {"version": "0.9"}, "/api/tags": {"models": [{"name": "qwen"}]}}, "ollama"),
        ({"/props": {"default_generation_settings": {}}, "/v1/models": {"data": []}}, "llama-cpp"),
        ({"/info": {"model_id": "m", "max_total_tokens": 9}, "/v1/models": {"data": [{"id": "m"}]}}, "tgi"),
        ({"/v1/models": {"data": [{"id": "m", "owned_by": "somebody"}]}}, "openai-compatible"),
        ({"/system_stats": {"system": {"comfyui_version": "0.3"}}}, None),
        ({"/": {"some": "page"}}, None),
    ],
)
def test_a_server_is_known_by_what_it_says(
    cli: Cli, server: LlmServer, answers: dict[str, Any], kind: str | None
) -> None:
    for path, body in answers.items():
        server.json(path, body)
    assert [row["kind"] for row in found(cli)] == ([] if kind is None else [kind])


def test_keys_are_named_and_never_shown(cli: Cli, server: LlmServer) -> None:
    cli.environment |= {"OPENAI_API_KEY": KEY, "GEMINI_API_KEY": KEY, "AZURE_OPENAI_API_KEY": KEY, "GROQ_API_KEY": ""}
    answer = cli("connection", "find", "-o", "json")
    rows = {row["kind"]: row for row in answer.data}
    assert {kind: row["key_variable"] for kind, row in rows.items()} == {
        "openai": "OPENAI_API_KEY",
        "gemini": "GEMINI_API_KEY",
        "azure": "AZURE_OPENAI_API_KEY",
    }
    assert rows["azure"]["base_url"] is None
    assert KEY not in answer.out + answer.err + cli("connection", "find").out
    made = cli.json(*shlex.split(rows["openai"]["next_step"])[1:])
    assert (made["name"], made["has_key"]) == ("OpenAI", True)
    assert "openai" not in {row["kind"] for row in found(cli)}


def test_a_name_that_is_taken_gets_a_number(cli: Cli) -> None:
    cli.json("connection", "add", "OpenAI", "--base-url", "gpu1:8000")
    cli.environment["OPENAI_API_KEY"] = KEY
    (row,) = found(cli)
    assert row["name"] == "OpenAI 2"


def test_doctor_tells_whether_each_key_opens(cli: Cli) -> None:
    def told(check: str) -> list[tuple[str, str]]:
        rows = cli("doctor", "-o", "json").data
        return [(row["verdict"], row["reason"]) for row in rows if row["check"] == check]

    cli.json("connection", "add", "good", "--type", "openai", "--api-key-stdin", stdin=KEY)
    cli.json("connection", "add", "plain", "--type", "vllm", "--base-url", "gpu1:8000")
    assert ("ok", "2 kept, 1 with a key that opens") in told("connections")
    with closing(sqlite3.connect(next(cli.home.rglob("*.db")))) as database, database:
        database.execute("UPDATE secrets SET token = 'broken'")
    ((verdict, _),) = told("connection good")
    assert verdict == "failed"
    cli.json("connection", "edit", "good", "--no-key")
    assert told("connection good") == [("warning", "OpenAI wants a key, and none is kept.")]


def test_what_a_provider_offers_is_listed_by_a_key_that_is_kept_nowhere(
    cli: Cli, server: LlmServer, tmp_path: Path
) -> None:
    server.json("/v1/models", {"data": [{"id": "large"}]})
    runtime = build(environment=cli.child_environment())

    async def listed(key: str) -> Json:
        arguments = {"preset": "openai-compatible", "url": f"{server.url}/v1", "typed_key": key}
        return await offers(await runtime.context(), arguments)

    async def ask() -> None:
        assert isinstance(rows := await listed(KEY), list)
        assert [row["id"] for row in rows if isinstance(row, dict)] == ["large"]
        server.json("/v1/models", {"error": {"message": f"Incorrect API key provided: {KEY}"}}, 401)
        with pytest.raises(AuthFailed) as refused:
            await listed(KEY)
        assert KEY not in f"{refused.value.message}{refused.value.details}{refused.value.next_step}"
        with pytest.raises(InvalidInput):
            await listed("two keys")
        await runtime.aclose()

    asyncio.run(ask())
    assert [asked.headers["authorization"] for asked in server.asked] == [f"Bearer {KEY}"] * 2
    held = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert held
    assert not any(KEY.encode() in each for each in held)
