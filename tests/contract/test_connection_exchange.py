"""Connections to a file and back: whole, readable by its owner alone, their keys sealed and for their server alone."""

from __future__ import annotations

import json
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.store import vault
from tests.contract.cli_world import Cli, cli_for
from tests.contract.llm_servers import KEY

PASSPHRASE = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase is slow to try on purpose."""
    monkeypatch.setitem(vault.SCRYPT_COST, "n", 1 << 4)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Without any cloud."""
    with cli_for(tmp_path / "one", {"WORDS": PASSPHRASE}, monkeypatch, capsys) as made:
        yield made


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Another installation, whose vault has another key."""
    with cli_for(tmp_path / "two", {"WORDS": PASSPHRASE}, monkeypatch, capsys) as made:
        yield made


@pytest.fixture
def file(cli: Cli, tmp_path: Path) -> Path:
    """Where two connections were exported to, one of them with all it can have and a key."""
    cli.json(
        "connection", "add", "full", "--type", "openai", "--base-url", "https://llm.example/v1", "--model", "m",
        "--description", "of the “lab”", "--tag", "a", "--tag", "b", "--livekit", "--mcp", "--timeout", "9",
        "--retries", "0", "--priority", "3", "--requests-per-minute", "30", "--temperature", "0.5", "--max-tokens", "7",
        "--organization", "org", "--header", "X-Title=a=b", "--price-in", "2.5", "--price-out", "0.075",
        "--price-cached", "0.25",
        "--api-key-stdin", stdin=KEY,
    )  # fmt: skip
    cli.json("connection", "add", "plain", "--base-url", "gpu1:8000")
    cli.json("connection", "disable", "plain")
    return tmp_path / "connections.toml"


def export(cli: Cli, file: Path, *words: str) -> Any:
    return cli.json("connection", "export", "--file", str(file), *words)


def sealed(cli: Cli, file: Path) -> None:
    export(cli, file, "--with-secrets", "--passphrase-env", "WORDS")


def plain_rows(cli: Cli) -> list[dict[str, Any]]:
    """All that is kept, but for what belongs to one installation."""
    rows = cli.json("connection", "list")
    own = {"id", "created_at", "version", "has_key"}
    return [{name: value for name, value in row.items() if name not in own} for row in rows]


@pytest.mark.parametrize("ending", ["toml", "json"])
def test_what_is_exported_is_imported_whole(cli: Cli, other: Cli, file: Path, ending: str) -> None:
    file = file.with_suffix(f".{ending}")
    assert export(cli, file) == {"path": str(file), "connections": 2, "keys": 0}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert (json.loads(text) if ending == "json" else tomllib.loads(text))["format"] == "aic-tui connections 1"
    assert KEY not in text
    assert "sealed_key" not in text
    rows = other.json("connection", "import", str(file))
    assert [(row["name"], row["action"], row["has_key"]) for row in rows] == [
        ("full", "add", False),
        ("plain", "add", False),
    ]
    assert plain_rows(other) == plain_rows(cli)


def test_keys_go_along_on_request_and_lie_nowhere_in_the_clear(cli: Cli, other: Cli, file: Path) -> None:
    sealed(cli, file)
    assert KEY not in file.read_text()
    rows = other.json("connection", "import", str(file), "--passphrase-stdin", stdin=f"{PASSPHRASE}\n")
    assert [row["has_key"] for row in rows] == [True, False]
    assert other.json("connection", "show", "full")["key"] == "sk-…6789"
    for home in (cli.home, other.home):
        held = [path for path in home.rglob("*") if path.is_file()]
        assert not [
            path for path in held if any(each in path.read_bytes() for each in (KEY.encode(), b"correct horse"))
        ]


def test_a_key_is_not_led_elsewhere_by_a_changed_file(cli: Cli, other: Cli, file: Path) -> None:
    sealed(cli, file)
    file.write_text(file.read_text().replace("https://llm.example/v1", "https://evil.example/v1"))
    row, _ = other.json("connection", "import", str(file), "--passphrase-env", "WORDS")
    assert (row["has_key"], row["note"]) == (False, "its key is left out: it was sealed for another address")
    assert other.json("connection", "show", "full")["key"] is None


def test_without_the_passphrase_no_key_comes_in(cli: Cli, other: Cli, file: Path) -> None:
    sealed(cli, file)
    other.environment["WRONG"] = "something else"
    wrong = other("connection", "import", str(file), "--passphrase-env", "WRONG", "-o", "json")
    assert (wrong.code, wrong.error["error"]) == (1, "AuthFailed")
    assert other.json("connection", "list") == []
    row, _ = other.json("connection", "import", str(file))
    assert (row["has_key"], row["note"]) == (False, "its key is left out: no passphrase was given")


def test_keys_do_not_leave_without_a_good_passphrase(cli: Cli, file: Path) -> None:
    for words, stdin in ((("--passphrase-stdin",), "short\n"), ((), ""), (("--passphrase-env", "NONE"), "")):
        answer = cli("connection", "export", "--file", str(file), "--with-secrets", *words, "-o", "json", stdin=stdin)
        assert (answer.code, answer.error["error"]) == (2, "InvalidInput")
        assert "8 characters" in answer.error["next_step"]
    assert not file.exists()


def test_those_that_are_there_stay_unless_they_are_replaced(cli: Cli, file: Path) -> None:
    export(cli, file)
    cli.json("connection", "edit", "full", "--model", "newer")
    before = cli.json("connection", "show", "full")
    row, _ = cli.json("connection", "import", str(file))
    assert (row["action"], row["note"]) == ("leave", "there is one of that name; --replace changes it")
    assert cli.json("connection", "show", "full")["model"] == "newer"
    planned = cli.json("connection", "import", str(file), "--replace", "--dry-run")
    assert [row["action"] for row in planned] == ["replace", "replace"]
    assert cli.json("connection", "show", "full")["model"] == "newer"
    cli.json("connection", "import", str(file), "--replace")
    after = cli.json("connection", "show", "full")
    assert (after["id"], after["model"], after["key"]) == (before["id"], "m", "sk-…6789")
    file.write_text(file.read_text().replace("https://llm.example/v1", "https://evil.example/v1"))
    cli.json("connection", "import", str(file), "--replace")
    assert cli.json("connection", "show", "full")["key"] is None, "it was for the former address"


def test_only_those_named_go(cli: Cli, file: Path) -> None:
    assert cli.json("connection", "export", "plain", "--file", str(file))["connections"] == 1
    again = cli("connection", "export", "--file", str(file), "-o", "json")
    assert (again.code, again.error["message"]) == (4, f"There is a file {file} already.")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('format = "aic-tui connections 1"', 'format = "other"', "format"),
        ("timeout = 9", 'timeout = "9"', "connections.0.timeout"),
        ("timeout = 9", "timeout = 0", "“full”: timeout must lie between"),
        ('type = "openai"', 'type = "nobody"', "is not a kind of connection"),
        ('name = "plain"', 'name = "full"', "names “full” twice"),
        ('name = "plain"', 'name = "plain"\nkey = "sk-inTheClear0123456789"', "connections.1.key"),
        ('X-Title = "a=b"', f'Authorization = "Bearer {KEY}"', "would hold a key"),
        ("timeout = 9", "timeout = ", "is not TOML"),
        ('base_url = "http://gpu1:8000/v1"', 'base_url = "http://a:b@gpu1/v1"', "no user or password"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_changes_nothing(
    cli: Cli, other: Cli, file: Path, before: str, after: str, said: str
) -> None:
    export(cli, file)
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))
    answer = other("connection", "import", str(file), "-o", "json")
    assert (answer.code, said in answer.error["message"]) == (2, True), answer.err
    assert KEY not in answer.err
    assert "inTheClear" not in answer.err
    assert other.json("connection", "list") == []
