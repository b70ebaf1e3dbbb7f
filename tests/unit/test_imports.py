"""What a start may import: help is light, and nothing heavy stands before the console's first paint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY_FOR_HELP = {"textual", "pydantic", "boto3", "botocore", "sqlalchemy", "huggingface_hub", "alembic", "rich"}
HEAVY_FOR_HELP |= {"aiodocker", "aiohttp", "httpx2"}
HEAVY_BEFORE_PAINT = {"boto3", "botocore", "sqlalchemy", "alembic", "pydantic", "aiosqlite", "cryptography", "httpx"}
HEAVY_BEFORE_PAINT |= {"aiodocker", "aiohttp", "asyncssh", "huggingface_hub", "httpx2"}


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


_UNTIL_FIRST_PAINT = """
from functools import partialmethod
from textual.app import App
from aicompute_tui import ui
from aicompute_tui.runtime import build
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

def leave(app):  # what follows the first paint
    table = app.screen.query_one("#machines", VirtualTable)
    assert table.cursor_id is not None, "the first paint shows no row"
    app.exit(0)

ConsoleApp._begin = leave
ConsoleApp.run = partialmethod(App.run, headless=True, size=(120, 40))
assert ui.run(build()) == 0
"""


def test_console_imports_nothing_heavy_before_its_first_paint(tmp_path: Path) -> None:
    seed = [sys.executable, "-m", "tests.bench.seed", str(tmp_path), "3", "100"]
    subprocess.run(seed, check=True, cwd=ROOT, timeout=60)
    found = imported(_UNTIL_FIRST_PAINT, tmp_path)
    assert "textual" in found
    assert not found & HEAVY_BEFORE_PAINT
