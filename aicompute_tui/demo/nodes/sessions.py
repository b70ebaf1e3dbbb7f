"""Sessions over ssh at a machine of the demo: the product's commands, and a toy shell. Nothing here runs a program."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import time

import asyncssh

from aicompute_tui.demo.nodes import commands
from aicompute_tui.demo.nodes.box import Box
from aicompute_tui.demo.nodes.log_reader import LogScript
from aicompute_tui.domain.framework import CONTAINER_NAME

Process = asyncssh.SSHServerProcess[str]
_LOST = (BrokenPipeError, ConnectionError, asyncssh.Error)
_PART = 32_768
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
    box.catch_up(now)
    command = commands.unwrapped(command)
    script = LogScript.of(command)
    if script is not None:
        async for text in script.texts(box, now):
            await _put(process, text)
        return 0
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
        said = process.stderr if process.term_type is None else process.stdout
        said.write(f"Error response from daemon: No such container: {CONTAINER_NAME}\n")
        return 1
    async for lines in request.lines(journal):
        await _put(process, "".join(f"{line}\n" for line in lines))
    return 0


async def _put(process: Process, text: str) -> None:
    """Slowly enough for a slow reader."""
    for start in range(0, len(text), _PART):
        process.stdout.write(text[start : start + _PART])
        await process.stdout.drain()


def _plain(box: Box, process: Process, words: list[str]) -> int:
    if not words:
        return 0
    troubles = process.stderr if process.term_type is None else process.stdout
    found = commands.answer(box, words, time.time())
    if found is None:
        troubles.write(f"{words[0]}: command not found (the demo's shell knows: {commands.HELP})\n")
        return 127
    text, code = found
    (process.stdout if code == 0 else troubles).write(text)
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
            line = await _next_line(process)
        except asyncssh.BreakReceived:
            process.stdout.write("\n")
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
    now = time.time()
    box.catch_up(now)
    request = commands.log_request(line, now)
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
    try:
        while await _next_line(process):
            pass
    except asyncssh.BreakReceived:
        process.stdout.write("^C\n")


async def _next_line(process: Process) -> str:
    """Empty at the end of the input. A terminal that changes its size changes nothing else."""
    while True:
        with contextlib.suppress(*_NEWS):
            return await process.stdin.readline()
