"""A shell on a machine or in a container in this terminal: the console steps aside and always comes back."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING
from weakref import WeakSet

from textual.app import SuspendNotSupported

from aicompute_tui.domain.errors import BadAnswer, Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Tone

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

Waits = Callable[[int, float], bool]
"""Whether what a program said last must be read before the console paints over it, by exit code and seconds."""
_LENT: WeakSet[ConsoleApp] = WeakSet()
"""Consoles whose terminal is with a shell now: a key pressed twice opens one."""
_LOST = 255
_AT_ONCE = 3.0
"""A shell that ends so soon and not well was none: its last words say why."""
_UNREACHABLE, _INTERRUPTED = 5, 130
"""Our own command line could not get there, or was told to stop trying."""
_END_SECONDS = 2.0
_WAKE_SECONDS = 0.5
_SOUND = "\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[0m\x1b[?25h\r\n"
"""Takes back the screen, mouse and paste modes that a program on the machine may have left behind."""


async def open_shell(app: ConsoleApp, session: Session, arguments: Mapping[str, Json]) -> None:
    """Raises Refused where this terminal cannot be handed over, and what `instance.ssh` raises."""
    from aicompute_tui.services.shell import find_ssh, shell_environment

    screen = app.screen
    answer = await session.query("instance.ssh", arguments)
    if app.screen is not screen:  # the terminal is not taken from somebody who went on to something else
        app.say("The shell could be opened now. Ask again for it.", "dim")
        return
    argv = answer.get("argv") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(argv, list) or not argv:
        raise BadAnswer("The agent named no command for a shell.", "Try again.")
    name = str(answer.get("name") or arguments.get("name"))
    environment = shell_environment(os.environ)
    program = find_ssh(environment.get("PATH"))
    words = [program, *map(str, argv[1:])]
    greeting = f"Shell on {name}; exit ends it. If it hangs: enter, then ~. (over ssh: ~~.)"
    hint = f"aic-tui instance ssh {name}"
    code = await _lend(app, words, environment, greeting, hint, lambda code, _: code == _LOST)
    app.say(*_told(name, code, "ssh could not connect, or lost the connection."))


async def open_container_shell(app: ConsoleApp, session: Session, arguments: Mapping[str, Json]) -> None:
    """Our own command line in a process of its own: it knows every way to an engine. Raises Refused like the other."""
    row_id = str(arguments["name"])
    row = session.state.containers.get(row_id)
    host = session.state.hosts.get(row.host_id) if row is not None else None
    name = row.name if row is not None else row_id
    title = f"{host.name}/{name}" if host is not None else name
    command = arguments.get("command")
    words = ["--", *map(str, command)] if isinstance(command, list) and command else []
    argv, environment = session.own_program(["container", "exec", row_id, *words])
    hint = shlex.join(["aic-tui", "container", "exec", title, *words])
    greeting = f"Opening a shell in {title}; ctrl+c gives up."
    code = await _lend(app, argv, environment, greeting, hint, _has_last_words)
    app.say(*_told(title, code, "it was left, or the connection to its engine was lost."))


def _has_last_words(code: int, seconds: float) -> bool:
    """Of our own command line that failed, or of a shell that was none; not where the person gave up."""
    return code == _UNREACHABLE or (code not in (0, _INTERRUPTED) and seconds < _AT_ONCE)


async def _lend(
    app: ConsoleApp, argv: Sequence[str], environment: Mapping[str, str], greeting: str, hint: str, waits: Waits
) -> int:
    """Its exit code. Raises Refused where this terminal cannot be handed over; `hint` does the same by hand."""
    if app in _LENT:
        raise Refused("The terminal is with another shell.", "Leave that one first.")
    _LENT.add(app)
    try:
        with _handed_over(app):
            return await _run(argv, environment, greeting, waits)
    except SuspendNotSupported:
        raise Refused("This terminal cannot be handed to a shell.", f"In a terminal of your own: {hint}") from None
    finally:
        _LENT.discard(app)


@contextmanager
def _handed_over(app: ConsoleApp) -> Iterator[None]:
    """The terminal as it was before the console; nothing is painted until it is the console's again."""
    with app.batch_update():
        suspended = app.suspend()
        suspended.__enter__()
        shell_mode = _terminal_mode()
        signals = {number: signal.signal(number, _let_be) for number in (signal.SIGINT, signal.SIGQUIT)}
        comes_back = True
        try:
            yield
        except asyncio.CancelledError:
            comes_back = False  # the console itself ends, and has left its screen already
            raise
        finally:
            for number, handler in signals.items():
                signal.signal(number, handler)
            _set_terminal_mode(shell_mode)
            _write(_SOUND)
            if comes_back:
                suspended.__exit__(None, None, None)


async def _run(argv: Sequence[str], environment: Mapping[str, str], greeting: str, waits: Waits) -> int:
    began = monotonic()
    _write(f"{greeting}\r\n")
    process = await asyncio.create_subprocess_exec(*argv, env=dict(environment))
    waking = asyncio.create_task(_wake(process.pid))
    try:
        code = await process.wait()
    finally:
        waking.cancel()
        await asyncio.gather(waking, return_exceptions=True)
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _END_SECONDS)
            except TimeoutError:
                process.kill()
    if waits(code, monotonic() - began):
        _write("\r\nPress enter to go back to the console.")
        await _enter()
    return code


async def _wake(pid: int) -> None:
    """Nobody else could: `~^Z` stops ssh alone, and no shell of jobs stands behind it here."""
    while True:
        await asyncio.sleep(_WAKE_SECONDS)
        if _has_stopped(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _has_stopped(pid: int) -> bool:
    """Does not wait, and leaves the news of an end to asyncio."""
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG) is not None
    except ChildProcessError:
        return False


async def _enter() -> None:
    """Until a line is typed, so that what was said last can be read."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    descriptor = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
    loop.add_reader(descriptor, typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(descriptor)
        with suppress(termios.error):
            termios.tcflush(descriptor, termios.TCIFLUSH)


def _told(name: str, code: int, lost: str) -> tuple[str, Tone]:
    if code == 0:
        return f"The shell on {name} has ended.", "dim"
    if code == _LOST:
        return f"The shell on {name} ended with code 255: {lost}", "warn"
    if code < 0:
        return f"The shell on {name} was ended by signal {-code}.", "warn"
    return f"The shell on {name} ended with code {code}.", "dim"


def _let_be(_number: int, _frame: object) -> None:
    """The key belongs to the shell, which hears it too."""


def _terminal_mode() -> list[int | list[bytes | int]] | None:
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None


def _set_terminal_mode(mode: list[int | list[bytes | int]] | None) -> None:
    if mode is not None:
        with suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, mode)


def _write(text: str) -> None:
    if sys.__stdout__ is not None:
        with suppress(OSError):
            sys.__stdout__.write(text)
            sys.__stdout__.flush()
