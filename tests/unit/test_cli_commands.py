"""The command line as it is derived from the actions, and how it answers what it cannot understand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli.commands import NOUNS, Noun
from aicompute_tui.cli.door_commands import DOOR_COMMANDS
from aicompute_tui.cli.failure import exit_code
from aicompute_tui.cli.main import root, run
from aicompute_tui.domain import errors


class Unbuilt:
    """A build that must not be reached."""

    def __call__(self, **_options: Any) -> Any:
        raise AssertionError("nothing is to be built for this")


def call(*words: str, doors: dict[str, Callable[[Any], int]] | None = None) -> int:
    return run(words, Unbuilt(), doors or {})


def leaves() -> dict[tuple[str, ...], click.Command]:
    context = click.Context(root)
    found: dict[tuple[str, ...], click.Command] = {}
    for name, command in root.commands.items():
        if isinstance(command, Noun):
            for verb in command.list_commands(context):
                made = command.get_command(context, verb)
                assert made is not None
                found[name, verb] = made
        else:
            found[name,] = command
    return found


def test_every_action_is_a_command_with_all_its_parameters() -> None:
    found = leaves()
    for action in ACTIONS.values():
        command = found[action.command]
        names = {parameter.name for parameter in command.params}
        assert {parameter.name for parameter in action.parameters} <= names
        assert "output" in names
        assert command.get_short_help_str(200) == action.help
    assert len(found) == len(ACTIONS) + len(DOOR_COMMANDS)


def test_flags_are_the_names_with_dashes() -> None:
    flags = {flag for parameter in leaves()["instance", "launch"].params for flag in parameter.opts}
    spelled = (
        "--cloud --region --type --market --framework --model --ttl --idle --max-price --zone --ssh-cidr --max-ttl "
        "--no-agent --name --profile --volume-gib --subnet --ssh-key --tag --count --protect --dry-run --yes -o "
        "--output --wait --detach"
    )
    assert set(spelled.split()) <= flags


def test_no_secret_can_be_given_as_an_argument() -> None:
    names = [parameter.name or "" for parameter in leaves()["credential", "set"].params]
    assert not [name for name in names if "secret" in name or "token" in name or "key" in name]


def test_every_noun_has_a_help_line_and_only_nouns_have_one() -> None:
    assert {action.command[0] for action in ACTIONS.values() if len(action.command) == 2} == set(NOUNS)


@pytest.mark.parametrize("words", list(leaves()))
def test_every_help_opens(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words, "--help") == 0
    assert "Usage: aic-tui " + " ".join(words) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["instnace", "list"], "instance"),
        (["instance", "lanch"], "launch"),
        (["instance", "launch", "--regoin", "x"], "--region"),
    ],
)
def test_a_slip_is_told_the_nearest_word(words: list[str], hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Did you mean" in said.err
    assert hint in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["instance", "launch", "--market", "cheap"],
        ["instance", "launch", "--count", "0"],
        ["instance", "launch", "--max-price", "free"],
        ["instance", "launch", "--max-ttl", "soon"],
        ["instance", "launch", "--tag", "x"],
        ["instance", "show"],
        ["instance", "extend", "x", "--by", "0h"],
        ["nothing"],
    ],
)
@pytest.mark.parametrize("spelling", [["-o", "json"], ["-ojson"], ["--output=json"]])
def test_bad_input_ends_with_one_json_line(
    words: list[str], spelling: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*words, *spelling) == 2
    said = capsys.readouterr()
    answer = json.loads(said.err.splitlines()[-1])
    assert set(answer) == {"error", "message", "next_step"}
    assert answer["error"] == "InvalidInput"
    assert answer["next_step"]
    assert said.out == ""


@pytest.mark.parametrize(
    "words", [["instance", "launch"], ["instance", "terminate", "x"], ["instance", "reap"], ["job", "cancel", "x"]]
)
def test_without_a_terminal_and_without_yes_it_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words, "-o", "json") == 4
    answer = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert answer["error"] == "Refused"
    assert "--yes" in answer["next_step"]


def test_alone_it_opens_the_console_with_the_global_options() -> None:
    seen = []

    def console(session: Any) -> int:
        seen.append((session.read_only, session.debug))
        return 7

    assert call("--read-only", doors={"console": console}) == 7
    assert seen == [(True, False)]


def test_a_defect_leaves_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_session: Any) -> int:
        raise ZeroDivisionError("a secret detail")

    assert call("demo", doors={"demo": broken}) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    assert "a secret detail" not in said.err
    assert "ZeroDivisionError" in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput, 2),
        (errors.NotFound, 3),
        (errors.BudgetExceeded, 4),
        (errors.PriceTooHigh, 4),
        (errors.Refused, 4),
        (errors.Conflict, 4),
        (errors.Unreachable, 5),
        (errors.RateLimited, 5),
        (errors.AuthFailed, 1),
        (errors.OutOfCapacity, 1),
        (errors.NotConfigured, 1),
    ],
)
def test_exit_codes(error: type[errors.AicError], code: int) -> None:
    assert exit_code(error("x")) == code


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_line_to_source(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("completion", shell) == 0
    assert f"{shell}_source" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("aic-tui ins", "instance"),
        ("aic-tui instance la", "launch"),
        ("aic-tui instance launch --mar", "--market"),
        ("aic-tui instance launch --market on", "on-demand"),
        ("aic-tui setting get monthly", "monthly_cap_usd"),
    ],
)
def test_tab_completes_nouns_verbs_flags_and_choices(typed: str, expected: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "_AIC_TUI_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    command = [sys.executable, "-P", "-m", "aicompute_tui"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert expected in done.stdout
