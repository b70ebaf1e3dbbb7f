"""Programs for a terminal: a console over fixed rows, and one in an empty home, both without an agent that answers."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FIXED = """
import os, sys
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.glyphs import glyphs_for
from tests.ui.fleet import FullSession, fleet
session = FullSession(glyphs=glyphs_for(os.environ))
session.state.apply(fleet())
{before}
app = ConsoleApp(session, environment=os.environ)
sys.exit(app.run() or app.return_code or 0)
"""
_EMPTY = """
import sys
from aicompute_tui import ui
from aicompute_tui.runtime import build
{before}
sys.exit(ui.run(build(agent_command=["sleep", "20"])))
"""
BROKEN = """
from aicompute_tui.ui.screens.base import ConsoleScreen
async def fail(self): raise RuntimeError("secret inside")
ConsoleScreen.action_filter = fail
"""
"""Put before a console: its filter key breaks it."""


def fixed_console(before: str = "") -> list[str]:
    """A console that shows `tests.ui.fleet`; `before` runs when its session stands."""
    return _python(_FIXED.format(before=before))


def empty_console(before: str = "") -> list[str]:
    """The real door in a home where nothing is."""
    return _python(_EMPTY.format(before=before))


def _python(code: str) -> list[str]:
    return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-c", code]
