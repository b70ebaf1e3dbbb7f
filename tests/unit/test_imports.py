"""What a start may import: help is light, and nothing heavy stands before the console's first paint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY_FOR_HELP = {"textual", "pydantic", "boto3", "botocore", "sqlalchemy", "huggingface_hub", "alembic", "rich"}
HEAVY_BEFORE_PAINT = {"boto3", "botocore", "sqlalchemy", "alembic", "pydantic", "aiosqlite", "cryptography", "httpx"}


def imported(code: str, home: Path) -> set[str]:
    """Top-level packages in `sys.modules` of a fresh process after `code`."""
    tell = "import sys; print('\\n' + ' '.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        check=False,
        capture_output=True,
        text=True,
        env={"AIC_TUI_HOME": str(home), "HOME": str(home)},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words", ["--help", "--version", "instance --help", "instance launch --help", "job show --help", "agent --help"]
)
def test_help_imports_nothing_heavy(words: str, tmp_path: Path) -> None:
    found = imported(f"from aicompute_tui.__main__ import main; assert main({words.split()!r}) == 0", tmp_path)
    assert "click" in found
    assert not found & HEAVY_FOR_HELP


_FIRST_PAINT = """
import os, sys
from aicompute_tui import ui
from aicompute_tui.ui.app import ConsoleApp
seen = []
def begin(self):
    seen.append(sorted({name.partition(".")[0] for name in sys.modules}))
    self.exit(0)
ConsoleApp._begin = begin
"""


def test_console_imports_nothing_heavy_before_its_first_paint(tmp_path: Path) -> None:
    found = imported("import aicompute_tui.ui.app", tmp_path)
    assert "textual" in found
    assert not found & HEAVY_BEFORE_PAINT
