"""Credentials from the command line: stored, shown, tested and removed, and their secrets found nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.contract.cli_world import Cli, as_words, cli, launched
from tests.world import FIRST_ACCOUNT, FIRST_KEY, SECOND_ACCOUNT, SECOND_KEY, World

__all__ = ["cli"]

PLANTED_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYPLANTEDKEY"
PLANTED_TOKEN = "FwoGZXIvYXdzEPLANTEDTOKENplantedtoken0123456789=="


def _bytes_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _planted(text: str | bytes) -> bool:
    raw = text.encode() if isinstance(text, str) else text
    return any(secret.encode() in raw for secret in (PLANTED_SECRET, PLANTED_TOKEN, "PLANTED"))


def test_stored_keys_open_their_account(cli: Cli) -> None:
    stored = cli.json(
        "credential", "set", "second", "--stdin", "--region", "eu-west-1", stdin=f"{SECOND_KEY}\n{'x' * 40}\n"
    )
    assert stored["id"] == "aws:vault:second"
    assert stored["method"] == "vault"
    tested = cli.json("credential", "test", "second")
    assert (tested["ok"], tested["account_id"]) == (True, SECOND_ACCOUNT)
    rows = {row["name"]: row for row in cli.json("credential", "list")}
    assert rows["second"]["account_id"] == SECOND_ACCOUNT
    assert rows["second"]["region"] == "eu-west-1"
    assert rows["env"]["method"] == "env"
    assert isinstance(rows["env"]["aws_cli_installed"], bool)


def test_several_credentials_stand_in_one_table(cli: Cli) -> None:
    cli.json("credential", "set", "second", "--stdin", stdin=f"{SECOND_KEY}\n{'x' * 40}\n")
    launched(cli, "--name", "mine")
    launched(cli, "--name", "theirs", "--profile", "second")
    assert set(as_words(cli.json("instance", "list"), "account_id")) == {FIRST_ACCOUNT, SECOND_ACCOUNT}


def test_a_refused_credential_prints_its_data_and_exits_1(cli: Cli, world: World) -> None:
    world.faults({"action": "GetCallerIdentity", "code": "InvalidClientTokenId", "status": 403, "times": -1})
    tested = cli.json("credential", "test", "env", code=1)
    assert tested["ok"] is False
    assert tested["error_kind"] == "AuthFailed"
    assert tested["error_message"]
    world.faults()
    assert cli.json("credential", "list")[0]["error_kind"] == "AuthFailed"


def test_removed_keys_are_gone_and_found_ones_are_not_ours_to_remove(cli: Cli) -> None:
    cli.json("credential", "set", "second", "--stdin", stdin=f"{SECOND_KEY}\n{'x' * 40}\n")
    assert cli("credential", "remove", "second", "-o", "json").code == 4
    cli.json("credential", "remove", "second", "--yes")
    assert as_words(cli.json("credential", "list"), "name") == ["env"]
    answer = cli("credential", "remove", "env", "--yes", "-o", "json")
    assert answer.code == 4
    assert "environment" in answer.error["next_step"]
    assert cli("credential", "remove", "nope", "--yes").code == 3


def test_the_only_way_to_end_a_machine_is_kept(cli: Cli) -> None:
    cli.json("credential", "set", "second", "--stdin", stdin=f"{SECOND_KEY}\n{'x' * 40}\n")
    launched(cli, "--profile", "second", "--name", "gpu-1")
    answer = cli("credential", "remove", "second", "--yes", "-o", "json")
    assert answer.code == 4
    assert "gpu-1" in answer.error["next_step"]
    assert cli.json("credential", "test", "second")["ok"] is True


@pytest.mark.parametrize("name", ["env", "a b", "-x", "../etc", "x" * 80])
def test_a_name_that_would_mislead_is_refused_before_the_keys_are_asked(cli: Cli, name: str) -> None:
    answer = cli("credential", "set", "--stdin", "-o", "json", "--", name, stdin="")
    assert answer.code == 2
    assert "name" in answer.error["message"]


def test_nobody_to_ask_is_told_the_other_ways(cli: Cli) -> None:
    answer = cli("credential", "set", "work", "-o", "json")
    assert answer.code == 2
    assert "--stdin" in answer.error["next_step"]


@pytest.mark.parametrize("way", ["stdin", "env"])
def test_planted_secrets_are_found_nowhere(cli: Cli, way: str) -> None:
    cli.environment |= {"AIC_TUI_VAULT_PASSPHRASE": "PLANTED-passphrase-of-the-vault"}
    if way == "stdin":
        words = ["--stdin"]
        text = json.dumps({"AccessKeyId": FIRST_KEY, "SecretAccessKey": PLANTED_SECRET, "SessionToken": PLANTED_TOKEN})
    else:
        words, text = ["--from-env"], ""
        cli.environment |= {"AWS_SECRET_ACCESS_KEY": PLANTED_SECRET, "AWS_SESSION_TOKEN": PLANTED_TOKEN}
    said = [cli("--debug", "credential", "set", "work", *words, "-o", "json", stdin=text)]
    assert said[0].code == 0, said[0].err
    said.append(cli("--debug", "credential", "set", "work 2", *words, "-o", "json", stdin=text))
    said.append(cli("--debug", "credential", "test", "work", "-o", "json"))
    assert said[-1].data["ok"] is True
    said += [cli("--debug", *noun, "-o", "json") for noun in (["job", "list"], ["event", "list"], ["doctor"])]
    said += [cli("--debug", "instance", "launch", "--dry-run", "--profile", "work", "-o", "json")]
    for answer in said:
        assert not _planted(answer.out + answer.err)
    files = _bytes_below(cli.home)
    assert {path.name for path in files} >= {"aic-tui.db", "cli.log"}
    assert [str(path) for path, content in files.items() if _planted(content)] == []


def test_files_are_for_their_owner_alone(cli: Cli) -> None:
    cli.json("credential", "set", "second", "--stdin", stdin=f"{SECOND_KEY}\n{'x' * 40}\n")
    for path in [cli.home / "data", *cli.home.rglob("*.db*"), *cli.home.rglob("*.log"), *cli.home.rglob("*.key")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_keys_that_were_replaced_are_used_from_then_on(cli: Cli) -> None:
    for key, account in ((FIRST_KEY, FIRST_ACCOUNT), (SECOND_KEY, SECOND_ACCOUNT)):
        cli.json("credential", "set", "work", "--stdin", stdin=f"{key}\n{'x' * 40}\n")
        assert cli.json("credential", "test", "work")["account_id"] == account
    kinds = as_words(cli.json("event", "list"), "kind")
    assert "credential.set" in kinds
    assert "credential.replaced" in kinds
