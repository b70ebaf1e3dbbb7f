"""Every fenced block of the README is true: commands parse, examples load, the policy allows what the program calls."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from aicompute_tui.actions.keyed import keyed_commands
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli.commands import NOUNS
from aicompute_tui.cli.main import root
from aicompute_tui.settings.config import read_config, read_what_can_be
from aicompute_tui.settings.keymap import keymap
from aicompute_tui.settings.keys import SETTINGS
from aicompute_tui.settings.preferences import settings_in
from aicompute_tui.settings.themes import read_theme

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
KNOWN_VARIABLES = {"AIC_TUI_HOME", "AIC_TUI_DATABASE_URL", "AIC_TUI_VAULT_KEY", "AIC_TUI_VAULT_PASSPHRASE", "NO_COLOR"}
SERVICE_NAMES = {"ec2": "ec2", "ssm": "ssm", "pricing": "pricing", "sts": "sts", "service-quotas": "servicequotas"}


@dataclass(frozen=True)
class Block:
    kind: str
    text: str


BLOCKS = [Block(kind, text) for kind, text in re.findall(r"^```([^\n]*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)]
COMMANDS = [line for block in BLOCKS if block.kind == "sh" for line in block.text.splitlines() if line.strip()]


def the_block(kind: str) -> str:
    (block,) = (block for block in BLOCKS if block.kind == kind)
    return block.text.strip()


def parsed(words: list[str]) -> click.Context:
    """What the program itself makes of the words, down to the last command, without carrying it out."""
    context = root.make_context("aic-tui", list(words))
    command: click.Command = root
    while isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, name
        context = found.make_context(name, rest, parent=context)
        command = found
    return context


def test_every_block_is_of_a_kind_that_is_tested_here() -> None:
    assert {block.kind for block in BLOCKS} == {"sh", "sh demo", "sh tests", "toml", "toml theme", "json", "python"}
    assert TEXT.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("line", COMMANDS)
def test_command_is_understood(line: str) -> None:
    words = shlex.split(line)
    variables = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    assert set(variables) <= KNOWN_VARIABLES | {setting.variable for setting in SETTINGS.values()}
    settings_in(variables)
    program, *arguments = words[len(variables) :]
    assert program == "aic-tui"
    with contextlib.suppress(click.exceptions.Exit):  # how --help ends; a usage error is another exception
        parsed(arguments)


def test_table_of_commands_names_every_verb_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \| (`.*`) \|$", TEXT, re.MULTILINE)
    listed = {(noun, verb) for noun, verbs in rows for verb in re.findall(r"`([a-z-]+)`", verbs)}
    assert listed == {action.command for action in ACTIONS.values() if len(action.command) == 2}
    (alone,) = re.findall(r"^\| alone \| (.*) \|$", TEXT, re.MULTILINE)
    assert set(re.findall(r"`([a-z]+)`", alone)) == set(root.commands) - set(NOUNS)


def test_configuration_example_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(the_block("toml"))
    written = tomllib.loads(the_block("toml"))
    assert {*read_config(path), "keys"} == set(written)
    found = keymap(read_what_can_be(path).keys, keyed_commands(), lambda command_id: command_id)
    assert (set(found.changed), found.problems) == (set(written["keys"]), ())


def test_theme_example_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "pond.toml"
    path.write_text(the_block("toml theme"))
    assert set(read_theme(path).tokens) == set(tomllib.loads(the_block("toml theme"))["tokens"])


def test_policy_allows_what_the_aws_adapter_calls_and_ends_only_ours() -> None:
    policy = json.loads(the_block("json"))
    allowed: dict[str, list[dict[str, object]]] = {}
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            allowed.setdefault(action, []).append(statement)
    called = called_operations()
    assert {"ec2:RunInstances", "ec2:TerminateInstances"} <= called
    assert called <= set(allowed)
    for action in ("ec2:TerminateInstances", "ec2:StopInstances"):
        assert all("aws:ResourceTag/aic-tui:store" in json.dumps(statement) for statement in allowed[action])


def called_operations() -> set[str]:
    """Every operation whose method name stands in the adapter as a string or a call."""
    import botocore.session
    from botocore import xform_name

    source = "\n".join(path.read_text() for path in (ROOT / "aicompute_tui/clouds/aws").glob("*.py"))
    words = set(re.findall(r'"([a-z_]+)"|\.([a-z_]+)\(', source))
    names = {name for pair in words for name in pair if name}
    session = botocore.session.get_session()
    found = set()
    for service, prefix in SERVICE_NAMES.items():
        operations = session.get_service_model(service).operation_names
        found |= {f"{prefix}:{operation}" for operation in operations if xform_name(operation) in names}
    return found


def test_test_command_is_what_the_check_run_takes_and_its_pins_hold() -> None:
    command = the_block("sh tests")
    script = (ROOT / ".ci/run").read_text()
    (extraction,) = re.findall(r"command=\$\((sed .*)\)", script)
    taken = subprocess.run(["bash", "-c", extraction], cwd=ROOT, check=True, capture_output=True, text=True)
    assert taken.stdout.strip() == command
    assert command.endswith(".venv/bin/pytest -n 4 tests/person")
    for extra in re.findall(r"\[(\w+)\]", command + the_block("sh demo")):
        assert extra in project()["optional-dependencies"]
    pins = {canonicalize_name(pin.name): pin for pin in constraints()}
    for wanted in [
        Requirement(text) for text in project()["dependencies"] + project()["optional-dependencies"]["test"]
    ]:
        name = canonicalize_name(wanted.name)
        if name != "aic-tui":
            assert wanted.specifier.contains(Version(next(iter(pins[name].specifier)).version)), name


def test_check_run_requires_every_service_a_test_asks_for() -> None:
    (required,) = re.findall(r"^required=(.*)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    asked = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"\bneed\(\s*\"([a-z0-9-]+)\"", path.read_text(encoding="utf-8"))
    }
    assert {"namespaces", "shellcheck"} <= asked
    assert asked <= set(required.split(","))


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def constraints() -> list[Requirement]:
    """One exact version each; no registry, address or option is named."""
    lines = (ROOT / "tests/constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    for pin in pins:
        assert pin.url is None
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin.name
    return pins


def test_pictures_shown_are_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)
