"""The Hugging Face token from the command line: stored, found, tested against a hub on loopback, and told nowhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.contract.cli_world import Cli, as_words, cli_for

TOKEN = "hf_PLANTEDplantedPLANTEDplanted0123"
OTHER = "hf_OTHERplantedPLANTEDplanted012345"


class Hub:
    """Knows one token; `status` replaces its answer."""

    def __init__(self) -> None:
        hub = self
        self.status = 200
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append(self.path)
                known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
                self.send_response(hub.status if known else 401)
                self.end_headers()
                self.wfile.write(json.dumps({"name": "ada", "type": "user"}).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def cli(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Without any cloud; the machine's own HF_TOKEN is not seen."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with cli_for(tmp_path, {"AIC_TUI_HUB_URL": hub.url}, monkeypatch, capsys) as made:
        yield made


def stored(cli: Cli, text: str = TOKEN) -> None:
    row = cli.json("credential", "set", "huggingface", "--cloud", "huggingface", "--stdin", stdin=f"{text}\n")
    assert (row["id"], row["cloud"], row["method"]) == ("huggingface:vault:huggingface", "huggingface", "vault")


def test_a_stored_token_is_tested_listed_and_removed(cli: Cli, hub: Hub) -> None:
    stored(cli)
    assert hub.asked == []
    tested = cli.json("credential", "test", "huggingface")
    assert (tested["ok"], tested["account_id"]) == (True, "ada")
    assert hub.asked == ["/api/whoami-v2"]
    [row] = cli.json("credential", "list")
    assert (row["name"], row["account_id"], row["error_kind"]) == ("huggingface", "ada", None)
    cli.json("credential", "remove", "huggingface", "--yes")
    assert cli.json("credential", "list") == []


def test_a_token_the_hub_does_not_know_fails_with_its_data(cli: Cli) -> None:
    stored(cli, OTHER)
    tested = cli.json("credential", "test", "huggingface", code=1)
    assert (tested["ok"], tested["error_kind"]) == (False, "AuthFailed")


@pytest.mark.parametrize(("status", "kind"), [(403, "NotAllowed"), (429, "RateLimited"), (503, "BadAnswer")])
def test_what_the_hub_refuses_is_told_apart(cli: Cli, hub: Hub, status: int, kind: str) -> None:
    stored(cli)
    hub.status = status
    assert cli.json("credential", "test", "huggingface", code=1)["error_kind"] == kind


def test_without_a_way_to_the_hub_it_is_said_that_nothing_was_checked(cli: Cli) -> None:
    stored(cli)
    cli.environment["AIC_TUI_HUB_URL"] = "http://127.0.0.1:9"
    tested = cli.json("credential", "test", "huggingface", code=1)
    assert tested["error_kind"] == "Unreachable"
    assert "not checked" in tested["error_message"]


def test_the_demo_asks_nobody_outside(cli: Cli) -> None:
    stored(cli)
    cli.environment |= {"AIC_TUI_DEMO": "1", "AIC_TUI_HUB_URL": "https://huggingface.co"}
    tested = cli.json("credential", "test", "huggingface", code=1)
    assert "demo" in tested["error_message"]


def test_the_sessions_token_is_named_and_never_shown(cli: Cli) -> None:
    cli.environment["HF_TOKEN"] = TOKEN
    answer = cli("credential", "list", "-o", "json")
    assert as_words(answer.data, "id") == ["huggingface:env"]
    assert TOKEN not in answer.out + answer.err
    assert cli.json("credential", "test", "HF_TOKEN")["account_id"] == "ada"
    refused = cli("credential", "remove", "HF_TOKEN", "--yes", "-o", "json")
    assert refused.code == 4
    cli.json("credential", "set", "mine", "--cloud", "huggingface", "--from-env")
    assert set(as_words(cli.json("credential", "list"), "name")) == {"mine", "HF_TOKEN"}


@pytest.mark.parametrize("text", ["", "hf_", "sk-" + "x" * 40, f"{TOKEN} {TOKEN}", f"{TOKEN}\n{OTHER}"])
def test_what_is_no_token_is_refused_and_not_quoted(cli: Cli, text: str) -> None:
    answer = cli("credential", "set", "hub", "--cloud", "huggingface", "--stdin", "-o", "json", stdin=text)
    assert answer.code == 2
    assert "PLANTED" not in answer.err
    assert cli.json("credential", "list") == []


def test_a_name_means_one_credential(cli: Cli) -> None:
    stored(cli)
    keys = f"AKIAIOSFODNN7EXAMPLE\n{'x' * 40}\n"
    answer = cli("credential", "set", "huggingface", "--stdin", "-o", "json", stdin=keys)
    assert answer.code == 4
    assert "another name" in answer.error["next_step"]


def test_the_token_lies_nowhere_in_the_open(cli: Cli) -> None:
    said = [
        cli(
            "--debug", "credential", "set", "hub", "--cloud", "huggingface", "--stdin", "-o", "json",
            stdin=f"export HF_TOKEN='{TOKEN}'",
        )
    ]  # fmt: skip
    assert said[0].code == 0, said[0].err
    said += [cli("--debug", *words, "-o", "json") for words in (["credential", "test", "hub"], ["job", "list"])]
    assert all("PLANTED" not in answer.out + answer.err for answer in said)
    files = [path for path in cli.home.rglob("*") if path.is_file()]
    assert [path for path in files if b"PLANTED" in path.read_bytes()] == []
