"""The program's command line: global options, nouns, doors, and one place where every failure becomes an exit code."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from aicompute_tui import __version__
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli import failure
from aicompute_tui.cli.commands import NOUNS, Noun, PlainContext, command_for
from aicompute_tui.cli.session import Session, home_folder
from aicompute_tui.domain.errors import AicError, InvalidInput

_SIGINT = 2
_HELP = """An operations console for language models on machines you rent and own.

Alone it opens the console; with a noun and a verb it does one thing and answers on standard output."""


class Root(click.Group):
    context_class = PlainContext


@click.command(
    cls=Root,
    name="aic-tui",
    help=_HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--debug", is_flag=True, help="Write more into the log.")
@click.option("--env-file", type=click.Path(), help="Read variables from this .env file.")
@click.option("--read-only", is_flag=True, help="Refuse everything that changes something.")
@click.option("--home", help="Keep configuration, data, cache and sockets under this folder.")
@click.version_option(__version__, prog_name="aic-tui")
@click.pass_context
def root(context: click.Context, debug: bool, env_file: str | None, read_only: bool, home: str | None) -> int:
    session: Session = context.obj
    session.debug = debug
    if env_file:
        from pathlib import Path

        session.env_file = Path(env_file)
    session.read_only = read_only
    if home:
        session.environment["AIC_TUI_HOME"] = home_folder(home)
    if context.invoked_subcommand is None:
        return session.enter("console")
    return 0


def _fill(group: click.Group) -> None:
    from aicompute_tui.cli.door_commands import DOOR_COMMANDS

    for noun, text in NOUNS.items():
        group.add_command(Noun(noun, help=text))
    for action in ACTIONS.values():
        if len(action.command) == 1:
            group.add_command(command_for(action))
    for command in DOOR_COMMANDS:
        group.add_command(command)


_fill(root)


def run(argv: Sequence[str], build: Callable[..., Any], doors: Mapping[str, Callable[[Session], int]]) -> int:
    """One call of the program; answers its exit code. `build` makes the runtime, `doors` lead to the other programs."""
    session = Session(argv, build, doors)
    as_json = session.wants_json
    try:
        _refuse_broken(session.argv)
        answer = root.main(list(session.argv), prog_name="aic-tui", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except (failure.NobodyReads, BrokenPipeError):
        _drop_stdout()
        return 0
    except (click.Abort, KeyboardInterrupt):
        return _leave(failure.report_interruption(failure.Interrupted(_SIGINT), as_json=as_json))
    except failure.Interrupted as error:
        return _leave(failure.report_interruption(error, as_json=as_json))
    except Exception as error:  # noqa: BLE001 - the last place before the terminal: a traceback belongs into the log
        return _failed(error, as_json)
    return answer if isinstance(answer, int) else 0


def _refuse_broken(words: Sequence[str]) -> None:
    """Raises InvalidInput for bytes that no store, no server and no terminal takes as text."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = word.encode("utf-8", "replace").decode()[:60]
            raise InvalidInput(f"“{shown}” holds what is no UTF-8.", "Write it anew.") from None


def _failed(error: Exception, as_json: bool) -> int:
    if isinstance(error, click.ClickException):
        return failure.report_usage(error, as_json=as_json)
    if isinstance(error, AicError):
        return failure.report(error, as_json=as_json)
    return failure.report_defect(error, as_json=as_json)


def _leave(code: int) -> int:
    """Ends the process at once where a thread still waits for a cloud: what it waits for stands in the ledger."""
    waiting = [
        thread for thread in threading.enumerate() if not thread.daemon and thread is not threading.main_thread()
    ]
    if waiting and threading.current_thread() is threading.main_thread():
        os._exit(code)
    return code


def _drop_stdout() -> None:
    """The reader is gone: what is still buffered must not complain at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        return
