"""Connections from the command line as scripts spell them: added, cloned, switched, and options taken back."""

from __future__ import annotations

import pytest

from tests.contract.cli_world import Cli
from tests.contract.llm_servers import KEY


def test_the_spellings_that_scripts_rely_on(cli: Cli) -> None:
    cli.environment["MY_KEY"] = KEY
    made = cli.json(
        "connection", "add", "box", "--type", "vllm", "--base-url", "gpu1:8000", "--model", "tiny",
        "--api-key-env", "MY_KEY", "--livekit", "--mcp", "--automation", "--tag", "lab", "--tag", "big",
    )  # fmt: skip
    assert (made["kind"], made["base_url"], made["model"]) == ("vllm", "http://gpu1:8000/v1", "tiny")
    assert (made["flags"], made["tags"]) == (["livekit", "mcp", "automation"], ["big", "lab"])
    assert cli.json("connection", "show", "box")["key"] == "sk-…6789"
    changed = cli.json("connection", "edit", "box", "--api-key-stdin", stdin="sk-anotherANOTHERanother99997777")
    assert changed["version"] == 2
    assert cli.json("connection", "show", "box")["key"] == "sk-…7777"
    assert cli.json("connection", "disable", "box")["state"] == "inactive"
    assert cli.json("connection", "enable", "box")["state"] == "active"


def test_a_key_has_one_source(cli: Cli) -> None:
    words = ("connection", "add", "box", "--type", "openai", "-o", "json")
    two = cli(*words, "--api-key-stdin", "--from-env", stdin=KEY)
    assert (two.code, two.error["message"]) == (2, "--api-key-stdin and --from-env name more than one source.")
    absent = cli(*words, "--api-key-env", "NO_SUCH")
    assert (absent.code, absent.error["message"]) == (2, "The environment holds no NO_SUCH.")
    assert cli.json("connection", "list") == []


def test_a_clone_has_a_key_of_its_own_and_lives_on_alone(cli: Cli) -> None:
    cli.json(
        "connection", "add", "box", "--type", "openai", "--model", "tiny", "--temperature", "0.2", "--tag", "lab",
        "--api-key-stdin", stdin=KEY,
    )  # fmt: skip
    made = cli.json("connection", "clone", "box", "hot box")
    assert (made["name"], made["temperature"], made["tags"], made["version"]) == ("hot box", "0.2", ["lab"], 1)
    cli.json("connection", "edit", "hot box", "--temperature", "1.5")
    cli.json("connection", "remove", "box", "--yes")
    (left,) = cli.json("connection", "list")
    assert (left["name"], left["id"]) == ("hot box", made["id"])
    assert cli.json("connection", "show", "hot box")["key"] == "sk-…6789"
    again = cli("connection", "clone", "hot box", "hot box", "-o", "json")
    assert (again.code, "already a connection named" in again.error["message"]) == (4, True)


def test_options_are_given_and_taken_back(cli: Cli) -> None:
    options = {
        "timeout": "9", "retries": "0", "priority": "7", "requests_per_minute": "30", "temperature": "0.5",
        "max_tokens": "99", "organization": "org-1", "price_in": "2.5", "price_out": "0", "price_cached": "0.3",
        "description": "of the lab", "model": "tiny",
    }  # fmt: skip
    given = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    cli.json("connection", "add", "box", "--base-url", "gpu1:8000", "--tag", "a", "--tag", "b", *given)
    shown = cli.json("connection", "show", "box")
    prices = {"price_in_usd": 2.5, "price_out_usd": 0.0, "price_cached_usd": 0.3}
    numbers = {"timeout": 9, "retries": 0, "priority": 7, "requests_per_minute": 30, "max_tokens": 99}
    words = {"temperature": "0.5", "organization": "org-1", "description": "of the lab", "model": "tiny"}
    expected = {**prices, **numbers, **words}
    assert {name: shown[name] for name in expected} == expected
    taken = [word for name in options for word in (f"--{name.replace('_', '-')}", "none")]
    cli.json("connection", "edit", "box", "--no-tag", "a", *taken)
    shown = cli.json("connection", "show", "box")
    usual = {**dict.fromkeys(expected), "timeout": 60, "retries": 2, "priority": 0}
    assert {name: shown[name] for name in expected} == usual
    assert shown["tags"] == ["b"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("timeout", "0"), ("retries", "-1"), ("retries", "many"), ("requests-per-minute", "0"),
        ("temperature", "3"), ("price-in", "-1"), ("max-tokens", "1.5"), ("description", "two\nlines"),
    ],
)  # fmt: skip
def test_what_is_no_option_is_refused(cli: Cli, option: str, value: str) -> None:
    answer = cli("connection", "add", "box", "--base-url", "gpu1:8000", f"--{option}", value, "-o", "json")
    assert (answer.code, answer.error["error"]) == (2, "InvalidInput")


def test_those_made_by_hand_are_told_from_those_that_follow(cli: Cli) -> None:
    cli.json("connection", "add", "box", "--base-url", "gpu1:8000")
    assert [row["name"] for row in cli.json("connection", "list", "--source", "none")] == ["box"]
    assert cli.json("connection", "list", "--source", "container") == []


def test_an_address_is_taken_back_to_the_presets_own_with_the_key_kept(cli: Cli) -> None:
    cli.json("connection", "add", "groq", "--type", "groq", "--api-key-stdin", stdin=KEY)
    before = cli.json("connection", "show", "groq")
    cli.json("connection", "edit", "groq", "--base-url", "none")
    assert cli.json("connection", "show", "groq") == {**before, "version": 2}
    cli.json("connection", "add", "box", "--base-url", "gpu1:8000")
    answer = cli("connection", "edit", "box", "--base-url", "none", "-o", "json")
    assert (answer.code, answer.error["error"]) == (2, "InvalidInput")
