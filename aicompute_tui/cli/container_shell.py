"""`container exec`: a command's output and exit code, or a terminal inside the container."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aicompute_tui.cli.interrupts import InFlight, run_interruptible
from aicompute_tui.services.container_use import execute
from aicompute_tui.services.containers import find_container

if TYPE_CHECKING:
    from aicompute_tui.cli.session import Session
    from aicompute_tui.hosts.base import Shell
    from aicompute_tui.services.context import Context

_ANY_SHELL = ("sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh")
_LOST = 255
_INPUT_BYTES = 64 << 10


def run_in_container(session: Session, arguments: dict[str, object]) -> int:
    """In a terminal the command gets one of its own; else its output is written out when it has ended."""
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()

    async def work(flight: InFlight) -> int:  # noqa: ARG001 - nothing here outlives an interruption
        from aicompute_tui.cli.execute import opened

        async with opened(session) as (_runtime, context):
            if is_terminal:
                return await _terminal(context, arguments)
            if not arguments.get("command"):
                arguments["command"] = ["sh", "-c", "exec sh </dev/null"]
            return _written(await execute(context, arguments))

    return run_interruptible(work)


def _written(answer: object) -> int:
    assert isinstance(answer, dict)
    sys.stdout.write(str(answer["stdout"]))
    sys.stdout.flush()
    sys.stderr.write(str(answer["stderr"]))
    return int(str(answer["exit_code"]))


async def _terminal(context: Context, arguments: dict[str, object]) -> int:
    place = await find_container(context, str(arguments["name"]))
    engine = await context.hosts.engine(place.host)
    given = arguments.get("command")
    command = [str(word) for word in given] if isinstance(given, list) and given else list(_ANY_SHELL)
    columns, rows = shutil.get_terminal_size()
    async with engine.shell(place.container.id, command, columns=columns, rows=rows) as shell:
        with _raw(sys.stdin.fileno()):
            await _carry(shell)
        code = await shell.exit_code()
    return _LOST if code is None else code


async def _carry(shell: Shell) -> None:
    """Keys in, letters out, until the process ends; the window's size follows."""
    loop = asyncio.get_running_loop()
    keys: asyncio.Queue[bytes] = asyncio.Queue()
    source, target = sys.stdin.fileno(), sys.stdout.fileno()
    resized: set[asyncio.Task[None]] = set()

    def resize() -> None:
        columns, rows = shutil.get_terminal_size()
        task = asyncio.ensure_future(shell.resize(columns, rows))
        resized.add(task)
        task.add_done_callback(resized.discard)

    async def type_in() -> None:
        while data := await keys.get():
            await shell.write(data)

    loop.add_reader(source, lambda: keys.put_nowait(os.read(source, _INPUT_BYTES)))
    loop.add_signal_handler(signal.SIGWINCH, resize)
    typing = asyncio.create_task(type_in())
    try:
        async for chunk in shell.chunks():
            while chunk:
                chunk = chunk[os.write(target, chunk) :]  # noqa: PLW2901 - what is left of it
    finally:
        loop.remove_reader(source)
        loop.remove_signal_handler(signal.SIGWINCH)
        typing.cancel()
        await asyncio.gather(typing, *resized, return_exceptions=True)


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Every key goes to the container, also those that would end this program."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
