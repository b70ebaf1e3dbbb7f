"""One person's file while a program runs: read again where it changed, and damage that stops nothing but launches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.runtime import build
from aicompute_tui.runtime.configuration import Configuration
from aicompute_tui.ui.glyphs import UNICODE
from aicompute_tui.ui.own_console import OwnConsole
from aicompute_tui.ui.own_keys import own_keys, use_keymap
from aicompute_tui.ui.session import LiveSession
from aicompute_tui.ui.start import use_own


def written(folder: Path, text: str, moment: int = 0) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(moment, moment))
    return path


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, 'region = "eu-west-1"\n')
    configuration = Configuration(path, {}, {})
    assert configuration.preferences().text("region") == "eu-west-1"
    written(tmp_path, 'region = "us-east-1"\n', moment=1)
    assert configuration.preferences().text("region") == "us-east-1"
    path.unlink()
    assert configuration.preferences().source("region") == "built-in"


def test_a_damaged_file_is_refused_unless_one_must_go_on(tmp_path: Path) -> None:
    path = written(tmp_path, 'region = "eu-west-1"\nttl = "soon"\n')
    configuration = Configuration(path, {}, {})
    with pytest.raises(InvalidInput, match="line 2"):
        configuration.preferences()
    configuration.is_lenient = True
    assert configuration.preferences().text("region") == "eu-west-1"
    assert "line 2" in configuration.preferences().problem


def test_a_bad_key_is_no_reason_to_refuse_a_launch(tmp_path: Path) -> None:
    path = written(tmp_path, '[keys]\n"go.help" = 4\n')
    configuration = Configuration(path, {}, {})
    configuration.is_lenient = True
    assert configuration.preferences().problem == ""
    assert "line 2" in configuration.config.key_problems[0].message


@pytest.mark.asyncio
async def test_a_console_opens_with_a_persons_own_keys_and_says_which_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    written(tmp_path / "config", '[keys]\n"go.help" = "f1"\n"instance.stop" = "t"\n"instance.sotp" = "f4"\n')
    runtime = build(environment={"AIC_TUI_HOME": str(tmp_path)})
    runtime.configuration.is_lenient = True
    session = LiveSession(runtime, glyphs=UNICODE)
    try:
        notices = use_own(runtime, session)
        assert own_keys("go.help") == ("f1",)
        assert own_keys("instance.stop") is None
    finally:
        use_keymap({})
        await session.aclose()
    assert len(notices) == 2
    assert any(notice.startswith("config.toml, line 3:") and "instance.terminate" in notice for notice in notices)
    assert any(notice.startswith("config.toml, line 4:") and "instance.stop" in notice for notice in notices)


def test_what_is_a_persons_own_is_told_without_an_agent(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    written(tmp_path / "config", 'region = "eu-west-1"\n')
    own = OwnConsole(build(environment={"AIC_TUI_HOME": str(tmp_path), "AIC_TUI_TTL": "4h"}))
    settings = own.answer("setting.list", None)
    assert isinstance(settings, list)
    told = {row["key"]: (row["value"], row["source"]) for row in settings if isinstance(row, dict)}
    assert told["region"] == ("eu-west-1", "file")
    assert told["ttl"] == ("4h", "environment")
    regions = own.answer("region.list", None)
    assert isinstance(regions, list)
    assert [row["code"] for row in regions if isinstance(row, dict) and row["is_default"]] == ["eu-west-1"]
    about = own.answer("about.show", None)
    assert isinstance(about, dict)
    assert about["agent"] is None
    assert about["config"] == str(tmp_path / "config")
    assert own.answer("event.list", None) is None
