"""`instance ssh`: this process becomes OpenSSH, so that its terminal, signals and exit code are the shell's own."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from aicompute_tui.cli.interrupts import InFlight, run_interruptible
from aicompute_tui.domain.errors import NotConfigured

if TYPE_CHECKING:
    from aicompute_tui.actions.model import Action
    from aicompute_tui.cli.commands import Options
    from aicompute_tui.cli.session import Session


def open_shell(session: Session, action: Action, arguments: dict[str, object], options: Options) -> int:
    """Does not come back where OpenSSH starts. With another output than a table the command is answered instead."""
    from aicompute_tui.cli.execute import Call, opened
    from aicompute_tui.services.shell import find_ssh, shell_environment, ssh_command

    words: list[str] = []

    async def ask(flight: InFlight) -> int:
        async with opened(session) as (_runtime, context):
            answer = await ssh_command(context, arguments)
        if options.output != "table":
            Call(session, action, arguments, options, flight).answer(answer)
        elif isinstance(answer, dict) and isinstance(answer["argv"], list):
            words.extend(str(word) for word in answer["argv"])
        return 0

    code = run_interruptible(ask)
    if not words:
        return code
    program = find_ssh(session.environment.get("PATH"))
    if arguments.get("command") and sys.stdin.isatty() and sys.stdout.isatty():
        words.insert(1, "-t")
    _become(program, words, shell_environment(session.environment))
    return code


def _become(program: str, words: list[str], environment: dict[str, str]) -> None:
    """Raises NotConfigured where the program cannot be started."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execve(program, words, environment)  # noqa: S606 - no shell is wanted between
    except OSError as error:
        raise NotConfigured(f"{program} cannot be started: {error.strerror}.", "Install OpenSSH's client.") from error
