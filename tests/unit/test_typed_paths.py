"""A path that a person typed means the same file, whichever folder its reader stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli.parameters import click_parameter
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.commands import arguments_of


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    (here / "weights").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)


def in_the_console(action_id: str, name: str, typed: str) -> Json:
    return arguments_of(ACTIONS[action_id], [f"{name}={typed}"])[name]


def on_the_command_line(action_id: str, name: str, typed: str) -> Json:
    parameter = next(each for each in ACTIONS[action_id].parameters if each.name == name)
    found: Json = click_parameter(parameter).type.convert(typed, None, None)
    return found


@pytest.mark.parametrize("read", [in_the_console, on_the_command_line])
@pytest.mark.parametrize(
    ("action_id", "name", "typed", "meant"),
    [
        ("connection.export", "file", "x.toml", "{here}/x.toml"),
        ("connection.export", "file", "/srv/x.toml", "/srv/x.toml"),
        ("server.create", "modelfile", "~/Modelfile", "{home}/Modelfile"),
        ("server.create", "modelfile", "../Modelfile", "{root}/Modelfile"),
        ("connection.edit", "tls_ca", "none", "none"),
        ("connection.edit", "tls_ca", "", ""),
        ("model.fit", "model", "weights", "{here}/weights"),
        ("model.fit", "model", "./Qwen", "{here}/Qwen"),
        ("model.fit", "model", "Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("server.lora-load", "path", "sql-adapter", "sql-adapter"),
    ],
)
def test_a_path_is_whole_and_what_is_no_path_stays(
    read: object, action_id: str, name: str, typed: str, meant: str, tmp_path: Path
) -> None:
    assert callable(read)
    wanted = meant.format(root=tmp_path, here=tmp_path / "here", home=tmp_path / "home")
    assert read(action_id, name, typed) == wanted


def test_a_link_stays_the_link_that_was_named(tmp_path: Path) -> None:
    link = tmp_path / "here" / "link"
    link.symlink_to(tmp_path / "home")
    assert in_the_console("connection.export", "file", "link/x.toml") == str(link / "x.toml")


def test_a_folder_that_is_gone_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "here" / "weights").rmdir()
    (tmp_path / "here").rmdir()
    with pytest.raises(InvalidInput) as caught:
        in_the_console("connection.export", "file", "x.toml")
    assert "x.toml" in caught.value.message
    assert caught.value.next_step == "Give the whole path."
