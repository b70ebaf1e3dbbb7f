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

from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.escape_keys import EscapeKeys
from aicompute_tui.cli.interrupts import InFlight, run_interruptible
from aicompute_tui.cli.shell_watch import ShellWatch
from aicompute_tui.domain.errors import AicError
from aicompute_tui.services.container_use import execute
from aicompute_tui.services.containers import Place, find_container

if TYPE_CHECKING:
    from aicompute_tui.cli.session import Session
    from aicompute_tui.hosts.base import Engine, Shell
    from aicompute_tui.services.context import Context

_ANY_SHELL = ("sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh")
_LOST = 255
_INPUT_BYTES = 64 << 10
_LAST_WORDS_SECONDS = 1.0
"""For what an engine still passes on of a process that it says has ended."""


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
    try:
        return await _carried(place, engine, command)
    except AicError as error:
        raise place.named(error) from error


async def _carried(place: Place, engine: Engine, command: list[str]) -> int:
    columns, rows = shutil.get_terminal_size()
    async with engine.shell(place.container.id, command, columns=columns, rows=rows) as shell:
        say(f"In {place.title}; exit ends it. If it hangs: enter, then ~. (over ssh: ~~.)")
        with _raw(sys.stdin.fileno()):
            has_left = await _Terminal(shell, place.host.name).carry()
        if has_left:
            say(f"You left {place.title}; what ran there was asked to end.")
        code = None if has_left else await shell.exit_code()
    return _LOST if code is None else code


class _Terminal:
    """Keys in, letters out; the window's size follows."""

    def __init__(self, shell: Shell, host: str) -> None:
        self._shell = shell
        self._host = host
        self._escape = EscapeKeys()
        self._keys: asyncio.Queue[bytes] = asyncio.Queue()
        self._leaves = asyncio.Event()
        self._resized: set[asyncio.Task[None]] = set()
        self._watch = ShellWatch(shell, self._tell_silence)
        self._source, self._target = sys.stdin.fileno(), sys.stdout.fileno()

    async def carry(self) -> bool:
        """Until the process ends; true where the person left it before that."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._source, self._take_keys)
        loop.add_signal_handler(signal.SIGWINCH, self._resize)
        typing = asyncio.create_task(self._type_in())
        reading = asyncio.create_task(self._print_out())
        leaving = asyncio.create_task(self._leaves.wait())
        gone = asyncio.create_task(self._watch.until_gone())
        try:
            await asyncio.wait({reading, leaving, gone, typing}, return_when=asyncio.FIRST_COMPLETED)
            if not self._leaves.is_set():
                await asyncio.wait({reading}, timeout=_LAST_WORDS_SECONDS)
        finally:
            loop.remove_reader(self._source)
            loop.remove_signal_handler(signal.SIGWINCH)
            tasks = {typing, reading, leaving, gone, *self._resized}
            ended = [task for task in (reading, typing) if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not self._leaves.is_set():
            for task in ended:
                task.result()
        return self._leaves.is_set()

    def _take_keys(self) -> None:
        try:
            data = os.read(self._source, _INPUT_BYTES)
        except OSError:
            data = b""  # the terminal is gone
        on, leaves = self._escape.take(data)
        if on:
            self._keys.put_nowait(on)
            self._watch.typed()
        if leaves or not data:
            self._leaves.set()

    async def _type_in(self) -> None:
        while True:
            await self._shell.write(await self._keys.get())

    async def _print_out(self) -> None:
        async for chunk in self._shell.chunks():
            self._watch.heard()
            self._print(chunk)

    def _print(self, chunk: bytes) -> None:
        while chunk:
            chunk = chunk[os.write(self._target, chunk) :]

    def _tell_silence(self, seconds: float) -> None:
        told = f"\r\n-- {self._host} has said nothing for {seconds:.0f} s. Wait, or leave: enter, then ~. --\r\n"
        self._print(told.encode())

    def _resize(self) -> None:
        columns, rows = shutil.get_terminal_size()
        task = asyncio.ensure_future(self._shell.resize(columns, rows))
        self._resized.add(task)
        task.add_done_callback(self._resized.discard)


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Every key goes to the container, also those that would end this program."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
