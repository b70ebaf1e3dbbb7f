"""Sessions over ssh at a machine of the demo: the product's commands, and a toy shell. Nothing here runs a program."""

from __future__ import annotations

import asyncio
import shlex
import time

import asyncssh

from aicompute_tui.demo.nodes import commands
from aicompute_tui.demo.nodes.box import Box

Process = asyncssh.SSHServerProcess[str]
_LOST = (BrokenPipeError, ConnectionError, asyncssh.Error)
_NEWS = (asyncssh.TerminalSizeChanged, asyncssh.SignalReceived)


async def serve(box: Box, process: Process) -> None:
    """One session, to its end."""
    code = 0
    try:
        command = process.command
        code = await _shell(box, process) if command is None else await _command(box, process, command)
    except asyncssh.BreakReceived:
        code = 130
    except (*_LOST, *_NEWS):
        code = 255
    process.exit(code)


async def _command(box: Box, process: Process, command: str) -> int:
    now = time.time()
    if commands.is_watch(command):
        return await _watch(box, process, commands.watch_interval(command))
    if commands.is_secrets(command):
        commands.take_secrets(box, await process.stdin.read(), now)
        return 0
    request = commands.log_request(command, now)
    if request is not None:
        return await _log(box, process, request)
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    return _plain(box, process, words)


async def _watch(box: Box, process: Process, interval: float | None) -> int:
    while True:
        process.stdout.write(commands.watch_round(box, time.time()))
        await process.stdout.drain()
        if interval is None:
            return 0
        await asyncio.sleep(interval)


async def _log(box: Box, process: Process, request: commands.LogRequest) -> int:
    journal = box.journals[request.source]
    if request.source == "framework" and not journal.last(1):
        process.stderr.write("Error response from daemon: No such container: aic-tui-framework\n")
        return 1
    async for lines in request.lines(journal):
        for start in range(0, len(lines), 500):
            process.stdout.write("".join(f"{line}\n" for line in lines[start : start + 500]))
            await process.stdout.drain()
    return 0


def _plain(box: Box, process: Process, words: list[str]) -> int:
    if not words:
        return 0
    found = commands.answer(box, words, time.time())
    if found is None:
        process.stderr.write(f"{words[0]}: command not found (the demo's shell knows: {commands.HELP})\n")
        return 127
    text, code = found
    (process.stdout if code == 0 else process.stderr).write(text)
    return code


async def _shell(box: Box, process: Process) -> int:
    """A prompt until `exit` or the end of the input."""
    is_terminal = process.term_type is not None
    prompt = f"ubuntu@{box.facts.name}:~$ " if is_terminal else ""
    if is_terminal:
        process.stdout.write(
            f"Welcome to {box.facts.name}, a machine of the demo. `help` says what its shell knows.\n\n"
        )
    code = 0
    while True:
        process.stdout.write(prompt)
        try:
            line = await process.stdin.readline()
        except asyncssh.BreakReceived:
            process.stdout.write("\n")
            continue
        except _NEWS:
            continue
        if not line:
            process.stdout.write("logout\n" if is_terminal else "")
            return code
        if is_terminal:
            box.typed(time.time())
        words = line.split()
        if words[:1] in (["exit"], ["logout"]):
            return int(words[1]) if len(words) > 1 and words[1].isdigit() else code
        code = await _typed_command(box, process, line.strip())


async def _typed_command(box: Box, process: Process, line: str) -> int:
    request = commands.log_request(line, time.time())
    if request is None:
        return _plain(box, process, line.split())
    following = asyncio.ensure_future(_log(box, process, request))
    stopping = asyncio.ensure_future(_stopped(process)) if request.follow else None
    try:
        await asyncio.wait({following, stopping} - {None}, return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
        return following.result() if following.done() else 130
    finally:
        for task in (following, stopping):
            if task is not None:
                task.cancel()


async def _stopped(process: Process) -> None:
    """Until ctrl-C or ctrl-D."""
    while True:
        try:
            if not await process.stdin.readline():
                return
        except asyncssh.BreakReceived:
            process.stdout.write("^C\n")
            return
        except _NEWS:
            continue
