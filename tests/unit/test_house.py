"""The house stays readable: sizes of rooms and functions, and a first line that says why each file is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "aicompute_tui"
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES, SCREEN_LINES, FUNCTION_LINES = 400, 300, 50
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}


def limit(path: Path) -> int:
    is_screen = path.parent.name == "screens" or path == PACKAGE / "ui" / "app.py"
    return SCREEN_LINES if is_screen else MODULE_LINES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_keeps_its_size_and_says_its_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= limit(path)
    assert path.stem not in FORBIDDEN_NAMES
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "the first line says the file's one reason"
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {
        each.name: size for each in functions if (size := (each.end_lineno or 0) - each.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}
