"""Which door opens, and that none of them leaves a traceback on the terminal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui import __main__ as program
from aicompute_tui.domain.errors import OutOfQuota, RateLimited

HEAVY = ("textual", "pydantic", "boto3", "botocore", "sqlalchemy", "cryptography", "httpx", "asyncio", "logging")


def run(*words: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "AIC_TUI_HOME": str(home / "aic"),
        "TERM": "xterm",
        **more,
    }
    return subprocess.run(
        [sys.executable, "-P", "-m", "aicompute_tui", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_terminal_the_console_says_so_in_one_sentence(tmp_path: Path) -> None:
    done = run(home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("aic-tui: The console cannot open: standard input is not a terminal.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal_is_refused(tmp_path: Path, term: str) -> None:
    done = run(home=tmp_path, TERM=term)
    assert done.returncode == 2
    assert "TERM is empty or “dumb”" in done.stderr


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from aicompute_tui.__main__ import main\n"
        "try: main(['--help'])\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: aic-tui" in done.stdout
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (OutOfQuota("The limit is used up.", "Ask for more."), 1, "aic-tui: The limit is used up. Ask for more.\n"),
        (RateLimited("Too many calls."), 5, "aic-tui: Too many calls.\n"),
    ],
)
def test_an_error_is_one_line_and_its_exit_code(
    error: Exception, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(**_: Any) -> Any:
        raise error

    assert program.main([], build=build) == code
    assert capsys.readouterr().err == line


def test_a_defect_is_one_line_and_its_details_are_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(**_: Any) -> Any:
        raise KeyError("inner", "AKIAIOSFODNN7EXAMPLE")

    monkeypatch.setenv("AIC_TUI_HOME", str(tmp_path))
    assert program.main([], build=build) == 1
    line = capsys.readouterr().err
    assert line.startswith("aic-tui: Something went wrong inside aic-tui (KeyError).")
    assert line.count("\n") == 1
    log = (tmp_path / "data" / "log" / "aic-tui.log").read_text()
    assert "KeyError: ('inner'" in log
    assert "AKIA" not in log


def test_an_interruption_exits_130() -> None:
    def build(**_: Any) -> Any:
        raise KeyboardInterrupt

    assert program.main([], build=build) == 130
