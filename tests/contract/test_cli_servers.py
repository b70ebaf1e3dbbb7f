"""Model servers from the command line: found out, kept, looked at, and asked to do what they can."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.domain.server_kind import ServerKind
from tests.contract.cli_world import Cli, until
from tests.contract.llm_servers import KEY, Reply
from tests.contract.server_standins import KINDS, StandIn, stand_in


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


def add(cli: Cli, server: StandIn, kind: ServerKind, *words: str) -> Any:
    KINDS[kind](server)
    return cli.json("server", "add", "box", server.url, *words)


def refused(cli: Cli, *words: str, kind: str, code: int) -> str:
    """The message and the next step."""
    answer = cli("server", *words, "-o", "json")
    assert (answer.code, answer.error["error"]) == (code, kind), answer.err
    assert KEY not in answer.err + answer.out
    return f"{answer.error['message']} {answer.error['next_step']}"


def lines(*objects: dict[str, Any]) -> tuple[bytes, ...]:
    return tuple(json.dumps(each).encode() + b"\n" for each in objects)


def test_an_expected_status_is_for_plain_checks_and_can_be_taken_back(cli: Cli, server: StandIn) -> None:
    KINDS[ServerKind.VLLM](server)
    found = refused(cli, "add", "box", server.url, "--expected-status", "404", kind="InvalidInput", code=2)
    assert "and this is vllm" in found
    assert cli.json("server", "list") == []
    server.text("/", "gone", 404)
    page = cli.json("server", "add", "page", server.url, "--kind", "http", "--expected-status", "404")
    assert (page["expected_status"], page["state"]) == (404, "online")
    assert cli.json("server", "edit", "page", "--timeout", "4")["expected_status"] == 404
    assert cli.json("server", "edit", "page", "--expected-status", "none")["expected_status"] is None
    cli.json("server", "edit", "page", "--expected-status", "404")
    assert cli.json("server", "edit", "page", "--kind", "vllm")["expected_status"] is None
    told = refused(cli, "edit", "page", "--expected-status", "404", kind="InvalidInput", code=2)
    assert told == ("An expected status is for plain http checks, and this is vllm. Leave it out, or give --kind http.")


def test_the_list_says_what_is_old_and_what_is_held_back(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.VLLM)
    (row,) = cli.json("server", "list")
    assert (row["is_held_back"], row["unchecked_seconds"]) == (False, None)
    store = next(cli.home.rglob("*.db"))
    with sqlite3.connect(store) as database:
        database.execute("update health_reports set checked_at = checked_at - 3 * 86400 * 1000000")
    (row,) = cli.json("server", "list")
    assert (row["state"], row["unchecked_seconds"] // 3_600) == ("online", 72)
    assert "online, not checked for 3d" in cli("server", "list").out
    with sqlite3.connect(store) as database:
        database.execute("update health_reports set is_held_back = 1")
    assert cli.json("server", "list")[0]["is_held_back"] is True
    assert "held back" in cli("server", "list").out


def test_a_server_is_found_out_listed_changed_and_removed(cli: Cli, server: StandIn) -> None:
    made = add(cli, server, ServerKind.VLLM, "--tag", "lab")
    assert (made["kind"], made["found"], made["state"], made["base_url"]) == ("vllm", "vllm", "online", server.url)
    assert "belong to vllm" in made["why"]
    (row,) = cli.json("server", "list", "--kind", "vllm", "--tag", "lab")
    assert (row["name"], row["server_version"], row["models"], row["tags"]) == (
        "box",
        "0.33.0",
        ["org/m", "sql"],
        ["lab"],
    )
    assert cli.json("server", "list", "--kind", "ollama") == []
    assert [each["name"] for each in cli.json("server", "list", "--state", "online")] == ["box"]
    assert cli.json("server", "list", "--state", "offline") == []
    shown = cli.json("server", "show", "box")
    assert (shown["requests_running"], shown["can"]) == (4, ["sleep", "lora", "embed", "rerank"])
    assert cli.json("server", "metrics", "box")[0]["requests_waiting"] == 5
    changed = cli.json("server", "edit", "box", "--rename", "big box", "--timeout", "3", "--tag=-lab")
    assert (changed["name"], changed["timeout"], changed["tags"], changed["id"]) == ("big box", 3, [], row["id"])
    assert cli.json("server", "deactivate", "big box")["state"] == "inactive"
    assert [each["name"] for each in cli.json("server", "list", "--state", "inactive")] == ["big box"]
    assert cli.json("server", "list", "--state", "unknown") == []
    assert cli.json("server", "check") == [], "nobody looks at what is not in use"
    assert cli.json("server", "activate", row["id"])["state"] == "unknown"
    assert cli.json("server", "remove", "big box", "--yes")["name"] == "big box"
    assert cli.json("server", "list") == []
    kinds = [each["kind"] for each in cli.json("event", "list")]
    assert kinds == [f"server.{verb}" for verb in ("removed", "activated", "deactivated", "changed", "added")]


def test_an_address_alone_is_a_name_too(cli: Cli, server: StandIn) -> None:
    KINDS[ServerKind.OLLAMA](server)
    answer = cli("server", "add", server.url)
    assert (answer.code, "Found ollama" in answer.err) == (0, True)
    (row,) = cli.json("server", "list")
    assert (row["name"], row["base_url"]) == (server.url.removeprefix("http://"), server.url)


def test_what_does_not_answer_is_kept_where_its_kind_is_told(cli: Cli, server: StandIn) -> None:
    server.close()
    assert "--kind" in refused(cli, "add", "box", server.url, kind="Unreachable", code=5)
    assert cli.json("server", "list") == []
    made = cli.json("server", "add", "box", server.url, "--kind", "vllm")
    assert (made["state"], made["problem_kind"], made["found"]) == ("offline", "Unreachable", None)
    (row,) = cli.json("server", "check", "box", code=1)
    assert (row["ok"], row["state"], row["latency_seconds"], row["requests_running"]) == (False, "offline", None, None)
    assert "already" in refused(cli, "add", "box", server.url, "--kind", "tgi", kind="Conflict", code=4)


def test_a_page_that_is_no_model_server_is_looked_at_where_it_was_named(cli: Cli, server: StandIn) -> None:
    server.text("/", "hello")
    server.text("/health", "fine")
    made = cli.json("server", "add", "shop", f"{server.url}/health")
    assert (made["found"], made["base_url"], made["state"]) == ("http", f"{server.url}/health", "online")
    server.text("/health", "ill", 500)
    (row,) = cli.json("server", "check", "shop", code=1)
    assert (row["state"], row["problem_kind"]) == ("offline", "BadAnswer")


@pytest.mark.parametrize(
    "words",
    [("box", "ftp://box"), ("box", "http://me:secret@box"), ("box", "http://box/?key=abc"), ("bo\nx", "http://box")],
)
def test_what_cannot_be_meant_is_refused(cli: Cli, words: tuple[str, str]) -> None:
    refused(cli, "add", *words, "--kind", "vllm", kind="InvalidInput", code=2)


def test_what_answers_at_an_address_is_told_and_nothing_is_kept(cli: Cli, server: StandIn) -> None:
    KINDS[ServerKind.VLLM](server)
    found = cli.json("server", "probe", server.url)
    told = (found["kind"], found["version"], found["models"], found["needs_key"], found["problem"])
    assert told == ("vllm", "0.33.0", 2, False, None)
    assert found["why"] == "its models belong to vllm"
    assert {each.headers.get("authorization") for each in server.asked} == {None}
    assert {each.method for each in server.asked} == {"GET"}
    assert (cli.json("server", "list"), cli.json("job", "list")) == ([], [])
    answer = cli("server", "probe", "http://127.0.0.1:9", "-o", "json")
    nobody = answer.data
    assert (answer.code, found["ok"], nobody["ok"]) == (1, True, False)
    assert (nobody["kind"], "Nothing answers" in nobody["problem"], bool(nobody["next_step"])) == (None, True, True)
    refused(cli, "probe", "ftp://box", kind="InvalidInput", code=2)


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:9", "http://me:planted@127.0.0.1:nine"])
def test_a_proxy_that_cannot_be_used_is_told(cli: Cli, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", proxy)
    cli.json("server", "add", "far", "http://llm.example.org", "--kind", "ollama")
    for words in (("load", "far", "m"), ("models", "far"), ("embed", "far", "hello", "--model", "m")):
        said = refused(cli, *words, kind="NotConfigured", code=1)
        assert ("proxy that the environment names" in said, "planted" in said) == (True, False)


def test_the_key_lies_sealed_and_goes_to_its_own_server_alone(cli: Cli, server: StandIn) -> None:
    KINDS[ServerKind.VLLM](server)
    made = cli.json("server", "add", "box", server.url, "--stdin", stdin=f"{KEY}\n")
    assert (made["has_key"], made["found"]) == (True, "vllm")
    assert {each.headers.get("authorization") for each in server.asked} == {f"Bearer {KEY}"}
    database = next(cli.home.rglob("*.db"))
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        names = [name for (name,) in connection.execute("SELECT name FROM secrets")]
    connection.close()
    assert names == [f"server/{made['id']}"]
    assert [path for path in cli.home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []
    with stand_in() as other:
        KINDS[ServerKind.VLLM](other)
        moved = cli.json("server", "edit", "box", "--url", other.url)
        assert (moved["has_key"], server.url in moved["note"]) == (False, True)
        cli.json("server", "check", "box")
        assert {each.headers.get("authorization") for each in other.asked} == {None}
    cli.environment["VLLM_API_KEY"] = KEY
    assert cli.json("server", "edit", "box", "--url", server.url, "--kind", "vllm", "--from-env")["has_key"] is True
    assert cli.json("server", "edit", "box", "--no-key")["has_key"] is False


def test_what_a_server_said_is_not_told_of_the_one_that_is_led_to_instead(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.OLLAMA)
    assert cli.json("server", "show", "box")["memory_used_bytes"] == 3_000
    cli.json("server", "edit", "box", "--timeout", "7")
    assert cli.json("server", "show", "box")["server_version"] == "0.33.0", "it is the same one"
    changed = cli.json("server", "edit", "box", "--url", "http://127.0.0.1:9", "--kind", "comfyui")
    assert (changed["server_version"], changed["models"]) == (None, [])
    assert cli.json("server", "show", "box")["memory_used_bytes"] is None


def test_figures_that_a_wrong_clock_left_in_the_future_are_not_told(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.VLLM)
    with sqlite3.connect(next(cli.home.rglob("*.db"))) as connection:
        connection.execute("UPDATE server_samples SET at = at + 86400000000")
    connection.close()
    assert cli.json("server", "metrics", "box", "--since", "1h") == []
    assert cli.json("server", "metrics", "box", "--since", "7d") == []


def test_all_are_checked_at_once_and_models_told(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.OLLAMA)
    cli.json("server", "add", "gone", "http://127.0.0.1:9", "--kind", "http")
    rows = {row["name"]: row for row in cli.json("server", "check", code=1)}
    assert (rows["box"]["state"], rows["box"]["memory_used_bytes"]) == ("online", 3_000)
    assert (rows["gone"]["state"], bool(rows["gone"]["next_step"])) == ("offline", True)
    cli.json("server", "check", "gone", code=1)
    assert [row["ok"] for row in cli.json("server", "check", "box")] == [True]
    listed = {row["name"]: row for row in cli.json("server", "list")}
    assert {name: row["state"] for name, row in listed.items()} == {"box": "online", "gone": "offline"}, "it is kept"
    assert bool(listed["box"]["checked_at"] and listed["gone"]["problem"])
    assert cli.json("server", "health", "box")[0]["uptime_24h_percent"] == 100
    model, _ = cli.json("server", "models", "box")
    assert (model["id"], model["memory_share"], model["quantisation"]) == ("qwen:4b", 0.75, "Q4_K_M")
    watched = cli("server", "watch", "box", "--count", "2", "--interval", "1", "-o", "json")
    assert [json.loads(line)["memory_used_bytes"] for line in watched.out.splitlines()] == [3_000, 3_000]


def test_a_model_is_pulled_deleted_loaded_and_unloaded(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.OLLAMA)
    layer = {"status": "pulling 1234", "digest": "sha256:1234", "total": 2_000}
    server.replies["/api/pull"] = Reply(
        200,
        lines({"status": "pulling manifest"}, layer, {**layer, "completed": 1_000}, {"status": "success"}),
    )
    pulled = cli.json("server", "pull", "box", "org/x")
    assert pulled["done"] == "org/x was pulled"
    assert [model["id"] for model in pulled["models"]] == ["qwen:4b", "org/x:latest"]
    server.text("/api/delete", "")
    cli.json("server", "delete-model", "box", "org/x", "--yes")
    assert [(each.method, each.body) for each in server.asked_for("/api/delete")] == [("DELETE", {"model": "org/x"})]
    server.json("/api/generate", {"done": True, "done_reason": "load"})
    cli.json("server", "load", "box", "qwen:4b")
    cli.json("server", "unload", "box", "qwen:4b", "--yes")
    bodies = [each.body for each in server.asked_for("/api/generate")]
    assert bodies == [
        {"model": "qwen:4b", "stream": False},
        {"model": "qwen:4b", "stream": False, "keep_alive": 0},
    ]
    kinds = [each["kind"] for each in cli.json("event", "list")]
    assert kinds[:4] == [f"server.{verb}" for verb in ("unloaded", "loaded", "deleted", "pulled")]


@pytest.mark.parametrize(
    ("stream", "kind", "code"),
    [
        (({"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}), "NotFound", 3),
        (({"status": "pulling manifest"}, {"error": "no space left on device"}), "BadAnswer", 1),
        (
            ({"error": 'pull model manifest: Get "https://registry.ollama.ai/v2/": dial tcp: no such host'},),
            "BadAnswer",
            1,
        ),
        (({"status": "pulling manifest"},), "BadAnswer", 1),
    ],
)
def test_a_pull_that_breaks_within_its_stream_fails(
    cli: Cli, server: StandIn, stream: tuple[dict[str, Any], ...], kind: str, code: int
) -> None:
    add(cli, server, ServerKind.OLLAMA)
    server.replies["/api/pull"] = Reply(200, lines(*stream))
    refused(cli, "pull", "box", "org/x", kind=kind, code=code)
    (job, *_) = cli.json("job", "list")
    assert (job["state"], job["progress"]) == ("failed", "pulling org/x")


def test_a_pull_is_cancelled_while_the_server_says_nothing(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.OLLAMA)
    layer = {"status": "pulling 1234", "digest": "sha256:1234", "total": 4 << 20, "completed": 1 << 20}
    server.replies["/api/pull"] = Reply(200, lines(layer), stalls=True)
    process = cli.spawn("server", "pull", "box", "org/x")
    until(lambda: cli.json("job", "list")[0]["progress"].endswith("25 %, 1.0 MiB of 4.0 MiB"))
    cli.json("job", "cancel", cli.json("job", "list")[0]["id"], "--yes")
    _, said = process.communicate(timeout=30)
    assert (process.returncode, "cancelled" in said) == (4, True)
    assert server.client_left.wait(10), "the server may stop"
    jobs = {job["action_id"]: job["state"] for job in cli.json("job", "list")}
    assert jobs["server.pull"] == "cancelled"


def test_a_model_is_made_from_a_modelfile(cli: Cli, server: StandIn, tmp_path: Path) -> None:
    """How the fields are called stands in the server's own source; that it takes them is UNVERIFIED."""
    add(cli, server, ServerKind.OLLAMA)
    server.replies["/api/create"] = Reply(200, lines({"status": "success"}))
    path = tmp_path / "Modelfile"
    path.write_text("FROM qwen:4b\nSYSTEM You are brief.\n")
    cli.json("server", "create", "box", "brief", "--modelfile", str(path))
    (asked,) = server.asked_for("/api/create")
    assert asked.body == {"model": "brief", "from": "qwen:4b", "system": "You are brief."}
    refused(cli, "create", "box", "brief", "--modelfile", str(tmp_path / "none"), kind="NotFound", code=3)


def test_what_a_server_cannot_do_is_said_with_what_it_can(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.TGI)
    said = refused(cli, "pull", "box", "org/m", kind="Refused", code=4)
    assert "tgi" in said
    assert "only answer" in said
    refused(cli, "embed", "box", "hello", kind="Refused", code=4)
    assert "--yes" in refused(cli, "sleep", "box", kind="Refused", code=4)


def test_a_vllm_sleeps_wakes_and_takes_adapters_where_it_was_allowed(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.VLLM)
    assert "--enable-sleep-mode" in refused(cli, "sleep", "box", "--yes", kind="Refused", code=4)
    assert "--enable-lora" in refused(cli, "lora-load", "box", "sql2", "/adapters/sql", kind="Refused", code=4)
    server.json("/sleep", {"status": "sleeping", "level": 1})
    server.json("/is_sleeping", {"is_sleeping": True})
    slept = cli.json("server", "sleep", "box", "--yes")
    assert {model["state"] for model in slept["models"]} == {"sleeping"}
    server.json("/wake_up", {"status": "awake"})
    cli.json("server", "wake", "box")
    server.text("/v1/load_lora_adapter", "Success")
    server.text("/v1/unload_lora_adapter", "Success")
    cli.json("server", "lora-load", "box", "sql2", "/adapters/sql")
    cli.json("server", "lora-unload", "box", "sql2", "--yes")
    bodies = [each.body for each in server.asked if "lora_adapter" in each.path]
    assert bodies == [{"lora_name": "sql2", "lora_path": "/adapters/sql"}] * 2 + [{"lora_name": "sql2"}]


def test_an_sglang_gives_its_memory_back_and_takes_adapters(cli: Cli, server: StandIn) -> None:
    """The bodies of all four calls, and how one that was started without them refuses, are UNVERIFIED."""
    add(cli, server, ServerKind.SGLANG)
    assert "--enable-memory-saver" in refused(cli, "sleep", "box", "--yes", kind="Refused", code=4)
    for path in ("/release_memory_occupation", "/resume_memory_occupation", "/load_lora_adapter"):
        server.text(path, "")
    cli.json("server", "sleep", "box", "--yes")
    cli.json("server", "wake", "box")
    cli.json("server", "lora-load", "box", "sql", "/adapters/sql")
    asked = [(each.path, each.body) for each in server.asked if each.method == "POST"]
    assert asked[1:] == [
        ("/release_memory_occupation", {}),
        ("/resume_memory_occupation", {}),
        ("/load_lora_adapter", {"lora_name": "sql", "lora_path": "/adapters/sql"}),
    ]
    server.json("/unload_lora_adapter", {"success": False, "error_message": "LoRA adapter sql is in use"}, 400)
    assert "is in use" in refused(cli, "lora-unload", "box", "sql", "--yes", kind="InvalidInput", code=2)


def test_a_router_fetches_and_deletes(cli: Cli, server: StandIn) -> None:
    """How far a fetch is, and what a deletion answers, is told in no source: UNVERIFIED."""
    add(cli, server, ServerKind.LLAMACPP_ROUTER)
    fetching = {"id": "org/new", "status": {"value": "downloading", "progress": {"done": 1 << 20, "total": 4 << 20}}}
    server.json("POST /models", {"success": True})
    server.json("GET /models", {"object": "list", "data": [fetching]})
    process = cli.spawn("server", "pull", "box", "org/new", "-o", "json")
    until(lambda: cli.json("job", "list")[0]["progress"].endswith("25 %, 1.0 MiB of 4.0 MiB"))
    server.json("GET /models", {"object": "list", "data": [{"id": "org/new", "status": {"value": "unloaded"}}]})
    said, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(said)["done"]) == (0, "org/new was pulled")
    server.json("DELETE /models", {"success": True})
    server.json("GET /models", {"object": "list", "data": []})
    assert cli.json("server", "delete-model", "box", "org/new", "--yes")["models"] == []
    assert [each.path for each in server.asked if each.method == "DELETE"] == ["/models?model=org%2Fnew"]
    server.json("DELETE /models", {"error": {"code": 400, "message": "model 'org/new' not found"}}, 400)
    refused(cli, "delete-model", "box", "org/new", "--yes", kind="NotFound", code=3)


def test_a_router_loads_and_says_what_failed(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.LLAMACPP_ROUTER)
    server.json("/models/load", {"success": True})
    server.json("/models/unload", {"success": True})
    cli.json("server", "load", "box", "tiny")
    cli.json("server", "unload", "box", "big", "--yes")
    assert "exit code 1" in refused(cli, "load", "box", "bad", kind="BadAnswer", code=1)
    refused(cli, "load", "box", "none", kind="NotFound", code=3)
    assert "Which model" in refused(cli, "unload", "box", "--yes", kind="InvalidInput", code=2)


def test_comfyui_gives_all_memory_back(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.COMFYUI)
    server.text("/free", "")
    assert "one model alone" in refused(cli, "unload", "box", "flux", "--yes", kind="Refused", code=4)
    assert not server.asked_for("/free"), "all would go"
    cli.json("server", "unload", "box", "--yes")
    assert server.asked_for("/free")[0].body == {"unload_models": True, "free_memory": True}


OPENAI_VECTOR = {"data": [{"embedding": [0.6, 0.8]}], "usage": {"prompt_tokens": 3}}
JINA_RANKS = {"results": [{"index": 0, "relevance_score": 0.2}, {"index": 1, "relevance_score": 0.7}]}


@pytest.mark.parametrize(
    ("kind", "path", "answer", "words"),
    [
        (ServerKind.TEI, "/embed", [[0.6, 0.8]], ()),
        (ServerKind.OLLAMA, "/api/embed", {"embeddings": [[0.6, 0.8]], "prompt_eval_count": 3}, ("--model", "m")),
        (ServerKind.LLAMACPP, "/v1/embeddings", OPENAI_VECTOR, ()),
        (ServerKind.INFINITY, "/embeddings", OPENAI_VECTOR, ()),
        (ServerKind.SGLANG, "/v1/embeddings", OPENAI_VECTOR, ()),
    ],
)
def test_an_embedding_is_tried(
    cli: Cli, server: StandIn, kind: ServerKind, path: str, answer: Any, words: tuple[str, ...]
) -> None:
    add(cli, server, kind)
    server.json(path, answer)
    tried = cli.json("server", "embed", "box", "hello", *words)
    assert (tried["dimensions"], tried["first_numbers"], tried["length"]) == (2, [0.6, 0.8], 1)
    assert tried["tokens"] == (None if kind is ServerKind.TEI else 3)
    assert tried["cosine"] is None
    assert cli.json("server", "embed", "box", "hello", "--other", "hello too", *words)["cosine"] == 1
    server.json(path, {"data": "?"})
    refused(cli, "embed", "box", "hello", *words, kind="BadAnswer", code=1)


@pytest.mark.parametrize(
    ("kind", "path", "answer", "named"),
    [
        (ServerKind.TEI_RERANKER, "/rerank", [{"index": 1, "score": 0.7}, {"index": 0, "score": 0.2}], "texts"),
        # That vLLM and Infinity call it `relevance_score` within `results` is UNVERIFIED.
        (ServerKind.LLAMACPP, "/v1/rerank", JINA_RANKS, "documents"),
        (ServerKind.INFINITY, "/rerank", JINA_RANKS, "documents"),
    ],
)
def test_a_ranking_is_tried(cli: Cli, server: StandIn, kind: ServerKind, path: str, answer: Any, named: str) -> None:
    add(cli, server, kind)
    server.json(path, answer)
    rows = cli.json("server", "rerank", "box", "who barks?", "a cat", "a dog")
    assert [(row["document"], row["score"]) for row in rows] == [("a dog", 0.7), ("a cat", 0.2)]
    assert server.asked[-1].body[named] == ["a cat", "a dog"]
    server.json(path, json.loads(json.dumps(answer).replace("0.2", "NaN").replace("0.7", "9" * 400)))
    refused(cli, "rerank", "box", "who?", "a", "b", kind="BadAnswer", code=1)
    server.json(path, {"error": {"message": "this model does not rank"}}, 400)
    assert "does not rank" in refused(cli, "rerank", "box", "who?", "a", kind="InvalidInput", code=2)


def test_a_question_before_damage_names_the_model_and_the_server(
    cli: Cli, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(cli, server, ServerKind.OLLAMA)
    monkeypatch.setattr("aicompute_tui.cli.session.Session.can_ask", property(lambda _: True))
    answer = cli("server", "delete-model", "box", "qwen:4b", stdin="n\n")
    assert (answer.code, server.asked_for("/api/delete")) == (4, [])
    assert "Delete qwen:4b of box? [y/N]" in answer.err
    assert "loses  its files" in answer.err


def test_a_stalling_server_delays_no_other(cli: Cli, server: StandIn) -> None:
    add(cli, server, ServerKind.OLLAMA)
    with stand_in() as slow:
        slow.replies["/health"] = Reply(200, (b" ",), stalls=True)
        cli.json("server", "add", "slow", slow.url, "--kind", "vllm", "--timeout", "1")
        rows = {row["name"]: row for row in cli.json("server", "check", code=1)}
    assert (rows["box"]["state"], rows["slow"]["problem_kind"]) == ("online", "TimedOut")
    assert rows["box"]["latency_seconds"] < 1
    assert threading.active_count() < 100
