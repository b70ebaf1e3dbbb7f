"""The console. Nothing heavy is imported until it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime


def run(runtime: Runtime, *, read_only: bool = False) -> int:
    """Opens the console and answers the exit code. The stored rows are read while Textual is imported."""
    from aicompute_tui.ui.start import run_console

    return run_console(runtime, read_only=read_only)
