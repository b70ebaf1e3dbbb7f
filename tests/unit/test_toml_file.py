"""Changing a person's file: comments stay, links stay, and a file that cannot be understood is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput, NotConfigured, Refused
from aicompute_tui.settings.config import read_what_can_be
from aicompute_tui.settings.toml_file import change

OWN = '# mine\ntheme = "dark"   # at night\n\n[keys]\n# one a day\n"go.help" = "f1"\n'


def test_a_value_is_set_and_every_comment_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(OWN, encoding="utf-8")
    change(path, {("theme",): "light", ("keys", "instance.stop"): ["f4", "f5"]})
    assert path.read_text(encoding="utf-8") == OWN.replace('"dark" ', '"light" ') + '"instance.stop" = ["f4", "f5"]\n'


def test_a_new_setting_stands_before_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"go.help" = "f1"\n', encoding="utf-8")
    change(path, {("theme",): "light"})
    config = read_what_can_be(path)
    assert (config.settings, config.keys) == ({"theme": "light"}, {"go.help": ("f1",)})


def test_taking_back_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(OWN, encoding="utf-8")
    change(path, {("keys", "go.help"): None, ("keys", "absent"): None, ("nothing", "here"): None, ("theme",): None})
    config = read_what_can_be(path)
    assert (config.settings, config.keys, config.problems) == ({}, {}, ())
    assert "# one a day" in path.read_text(encoding="utf-8")


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    change(path, {("theme",): "light"})
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_text(OWN, encoding="utf-8")
    target.chmod(0o644)
    (tmp_path / "config.toml").symlink_to(target)
    change(tmp_path / "config.toml", {("theme",): "light"})
    assert (tmp_path / "config.toml").is_symlink()
    assert 'theme = "light"' in target.read_text(encoding="utf-8")
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_file_with_an_error_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("theme = = 1\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="line 1"):
        change(path, {("theme",): "light"})
    assert path.read_text(encoding="utf-8") == "theme = = 1\n"


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "config").symlink_to(tmp_path / "config")
    with pytest.raises((Refused, NotConfigured), match="cannot be"):
        change(tmp_path / "config" / "config.toml", {("theme",): "light"})


def test_without_the_damaged_line_the_rest_still_counts(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('region = "eu-west-1"\nttl = = 3\nvolume_gib = 200\nmarket = "cheap"\n', encoding="utf-8")
    config = read_what_can_be(path)
    assert config.settings == {"region": "eu-west-1", "volume_gib": "200"}
    assert [problem.message.partition(":")[0].rpartition(" ")[2] for problem in config.problems] == ["2", "4"]


def test_a_file_that_hides_which_database_is_meant_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('database_url = "sqlite:///x\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match="line 1"):
        read_what_can_be(path)
    path.write_text('database_url = "sqlite+aiosqlite:////tmp/x"\nttl = = 3\n', encoding="utf-8")
    assert read_what_can_be(path).settings["database_url"].endswith("/tmp/x")
