"""Failures: one sentence and a way on on stderr, and the exit code that says which kind it was."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from aicompute_tui.cli.ascii_twins import say, speaks_utf8
from aicompute_tui.domain.errors import (
    AicError,
    BudgetExceeded,
    InvalidInput,
    NotFound,
    PriceTooHigh,
    RateLimited,
    Refused,
    Unreachable,
)

if TYPE_CHECKING:
    import logging

_CODES: tuple[tuple[type[AicError], int], ...] = (
    (InvalidInput, 2),
    (NotFound, 3),
    (BudgetExceeded, 4),
    (PriceTooHigh, 4),
    (Refused, 4),
    (Unreachable, 5),
    (RateLimited, 5),
)


class Interrupted(Exception):
    """A signal or ctrl+c ended the command; `lines` name what is in flight."""

    def __init__(self, signal_number: int, lines: Sequence[str] = ()) -> None:
        super().__init__("interrupted")
        self.signal_number = signal_number
        self.lines = list(lines)


class NobodyReads(Exception):
    """The reader of our output went away, which is no failure."""


def exit_code(error: AicError) -> int:
    """1 for every kind without a code of its own."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), 1)


def report(error: AicError, *, as_json: bool) -> int:
    """Says the failure and gives its exit code."""
    _log().warning("%s: %s %s", error.kind, error.message, error.details)
    _say(error.kind, error.message, error.next_step, as_json)
    return exit_code(error)


def report_usage(error: click.ClickException, *, as_json: bool) -> int:
    """What click could not understand, in our words' shape."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return 2
    sentence, _, hint = error.format_message().partition("Did you mean")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "aic-tui"
    next_step = f"Did you mean{hint}" if hint else f"`{path} --help` shows what can be given."
    _say("InvalidInput", " ".join(sentence.split()), " ".join(next_step.split()), as_json)
    return 2


def report_interruption(interruption: Interrupted, *, as_json: bool) -> int:
    """130, 143 or 129, after naming what goes on without us."""
    for line in interruption.lines:
        say(line)
        _log().warning(line)
    next_step = "`aic-tui instance list` shows where things stand."
    _say("Interrupted", "Interrupted.", next_step, as_json)
    return 128 + interruption.signal_number


def report_defect(error: BaseException, *, as_json: bool) -> int:
    """What no rule foresaw: the traceback goes to the log alone."""
    _log().error("unexpected failure", exc_info=error)
    sentence = f"Something unexpected happened ({type(error).__name__})."
    _say("AicError", sentence, "The log under the data folder has the details; `aic-tui doctor` says where.", as_json)
    return 1


def _log() -> logging.Logger:
    """Never falls back to the terminal, also where no log was begun."""
    import logging

    logger = logging.getLogger(__name__)
    logger.addHandler(logging.NullHandler())
    return logger


def _say(kind: str, message: str, next_step: str, as_json: bool) -> None:
    if as_json:
        import json

        answer = {"error": kind, "message": message, "next_step": next_step}
        say(json.dumps(answer, ensure_ascii=not speaks_utf8(sys.stderr)))
        return
    say(f"aic-tui: {message}")
    if next_step:
        say(f"  {next_step}")
