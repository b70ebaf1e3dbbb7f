"""Picks a door and imports it when it is picked; the only one that knows them all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from aicompute_tui.cli.session import Session
    from aicompute_tui.domain.errors import AicError
    from aicompute_tui.runtime import Runtime


_COMPLETION = "_AIC_TUI_COMPLETE"
"""Set by a shell that asks what could come next; it gives no words."""

Build = Callable[..., "Runtime"]
"""`runtime.build`, or the same with some arguments given."""
Door = Callable[..., int]
"""`console(session)` and `demo(session)` as the command line calls them."""


def main(argv: Sequence[str] | None = None, *, build: Build | None = None) -> int:
    """`aic-tui`. Answers the exit code; a failure is one line on stderr, never a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _enter(words, build or _build)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - the last boundary: nothing may leave a traceback on the terminal
        return _report(error)


def _enter(words: list[str], build: Build) -> int:
    if not words and _COMPLETION not in os.environ:
        return _run_console(build(), read_only=False, debug=False)
    from aicompute_tui.cli.main import run

    return run(words, build, DOORS)


def _build(**options: Any) -> Runtime:
    from aicompute_tui.runtime import build

    return build(**options)


def _console(session: Session) -> int:
    runtime = session.build(environment=session.environment, env_file=session.env_file)
    return _run_console(runtime, read_only=session.read_only, debug=session.debug)


def _run_console(runtime: Runtime, *, read_only: bool, debug: bool) -> int:
    _need_terminal()
    from aicompute_tui import ui

    runtime.debug = debug
    return int(ui.run(runtime, read_only=read_only) or 0)


def _demo(session: Session) -> int:
    """The demo's world with the console in it."""
    _need_terminal()
    try:
        from aicompute_tui.demo import door
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("aicompute_tui"):
            raise
        from aicompute_tui.domain.errors import NotConfigured

        raise NotConfigured(
            f"The demo needs a package that is not installed: {error.name}.", "Install it: pip install 'aic-tui[demo]'."
        ) from error
    enter: Door = door.run
    return int(enter(session, _run_console) or 0)


DOORS: Mapping[str, Door] = {"console": _console, "demo": _demo}
"""What the command line opens by name."""


def _need_terminal() -> None:
    from aicompute_tui.domain.errors import InvalidInput

    if os.environ.get("TERM", "") in {"", "dumb"}:
        problem = "this terminal cannot place text (TERM is empty or “dumb”)"
    elif not (sys.stdin and sys.stdin.isatty()):
        problem = "standard input is not a terminal"
    elif not (sys.stdout and sys.stdout.isatty()):
        problem = "standard output is not a terminal"
    elif not (sys.stderr and sys.stderr.isatty()):
        problem = "standard error, which it draws on, is not a terminal"
    else:
        return
    raise InvalidInput(f"The console cannot open: {problem}.", "`aic-tui --help` shows the commands that work without.")


def _report(error: Exception) -> int:
    """One line on stderr and the exit code of the failure."""
    from aicompute_tui.domain.errors import AicError

    if not isinstance(error, AicError):
        error = _unexpected(error)
    _say(f"aic-tui: {error.message} {error.next_step}".rstrip())
    return _exit_code(error)


def _unexpected(error: Exception) -> AicError:
    """The details go to the log alone."""
    import logging

    from aicompute_tui.domain.errors import AicError
    from aicompute_tui.runtime.logs import start
    from aicompute_tui.runtime.secrets import secret_values
    from aicompute_tui.settings.places import places_from

    path = start(places_from(os.environ).logs, "aic-tui", debug=False, secrets=secret_values(os.environ))
    logging.getLogger("aicompute_tui").error("uncaught", exc_info=error)
    next_step = f"{path} has the details." if path else "No log could be written."
    return AicError(f"Something went wrong inside aic-tui ({type(error).__name__}).", next_step)


def _exit_code(error: AicError) -> int:
    from aicompute_tui.domain import errors

    by_class: tuple[tuple[type[AicError], int], ...] = (
        (errors.InvalidInput, 2),
        (errors.NotFound, 3),
        (errors.BudgetExceeded, 4),
        (errors.PriceTooHigh, 4),
        (errors.Refused, 4),
        (errors.Unreachable, 5),
        (errors.RateLimited, 5),
    )
    return next((code for kind, code in by_class if isinstance(error, kind)), 1)


def _say(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError, AttributeError):
        return


if __name__ == "__main__":
    sys.exit(main())
