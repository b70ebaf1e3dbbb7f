"""A shell from the console in a real terminal: the terminal is ssh's, then the console's again, whatever ssh does."""

from __future__ import annotations

import os
import signal
import stat
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ui.console_world import HeldSession, console, machine, reading
from tests.ui.test_terminal import ENTER_SCREEN, LEAVE_SCREEN, Terminal, terminal

CODE = """
import asyncio, fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from aicompute_tui.ui.app import ConsoleApp
from tests.ui.console_world import HeldSession, machine, reading
session = HeldSession()
session.state.apply(reading([machine("lab")]))
session.answers["instance.ssh"] = {"argv": ["ssh", "--", "10.0.0.1"], "name": "lab"}
app = ConsoleApp(session)
async def beat():
    n = 0
    while True:
        n += 1
        open(BEATS, "w").write(str(n))
        await asyncio.sleep(0.05)
async def run():
    beating = asyncio.create_task(beat())
    code = await app.run_async()
    beating.cancel()
    return code
sys.exit(asyncio.run(run()) or 0)
"""


@contextmanager
def shell(folder: Path, script: str) -> Iterator[Terminal]:
    """A console whose `ssh` is this script."""
    ssh = folder / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(f"#!/bin/sh\n{script}\n")
    ssh.chmod(stat.S_IRWXU)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{ssh.parent}:{before}"
    try:
        with terminal(folder, columns=120, code=f"BEATS = {str(folder / 'beats')!r}\n{CODE}") as shown:
            shown.until(b"lab")
            shown.settle()
            yield shown
    finally:
        os.environ["PATH"] = before


def beats(folder: Path) -> int:
    return int((folder / "beats").read_text() or 0)


def until_painted(shown: Terminal, text: bytes) -> None:
    """`text` after the last time the console took the terminal."""
    end = time.monotonic() + 20
    while text not in shown.seen[shown.seen.rindex(ENTER_SCREEN) :] or shown.seen.count(ENTER_SCREEN) < 2:
        assert time.monotonic() < end, f"{text!r} never came"
        shown.read(0.1)


def leaves_well(shown: Terminal) -> None:
    """The console answers keys and ends with the terminal as a shell wants it."""
    shown.settle()
    shown.press(b"q")
    shown.until(b"Leave the console?")
    shown.settle()
    shown.press(b"\x1b[C")
    shown.settle()
    shown.press(b"\r")
    assert shown.end() == 0
    assert shown.seen.rindex(LEAVE_SCREEN) > shown.seen.rindex(ENTER_SCREEN)
    assert b"Traceback" not in shown.seen


@pytest.mark.parametrize("is_raw", [False, True])
def test_the_shell_has_the_terminal_and_the_loop_goes_on(tmp_path: Path, is_raw: bool) -> None:
    raw = "stty raw -echo; " if is_raw else ""
    with shell(tmp_path, f'{raw}printf "prompt$ "; read line; printf "got [%s]" "$line"; exit 3') as shown:
        shown.press(b"s")
        shown.until(b"prompt$ ")
        at = beats(tmp_path)
        told = len(shown.seen)
        shown.read(0.5)
        assert beats(tmp_path) > at, "the loop goes on"
        assert ENTER_SCREEN not in shown.seen[told:], "nothing is painted over the shell"
        shown.press(b"qhello\n")
        shown.until(b"got [qhello")
        until_painted(shown, b"ended with code 3")
        leaves_well(shown)


def test_an_ssh_that_fails_can_be_read_before_the_console_comes_back(tmp_path: Path) -> None:
    with shell(tmp_path, 'echo "Connection refused" >&2; exit 255') as shown:
        shown.press(b"s")
        shown.until(b"Connection refused")
        shown.until(b"Press enter")
        shown.press(b"\n")
        until_painted(shown, b"could not connect")
        leaves_well(shown)


def test_ctrl_c_reaches_the_shell_and_not_the_console(tmp_path: Path) -> None:
    with shell(
        tmp_path, 'trap "echo stopped-by-key; exit 130" INT; echo waiting; while :; do sleep 0.1; done'
    ) as shown:
        shown.press(b"s")
        shown.until(b"waiting")
        shown.press(b"\x03")
        shown.until(b"stopped-by-key")
        until_painted(shown, b"ended with code 130")
        leaves_well(shown)


def test_a_shell_that_is_killed_in_raw_mode_leaves_a_sound_terminal(tmp_path: Path) -> None:
    with shell(tmp_path, 'stty raw -echo; echo "pid $$ ok"; sleep 60 & wait') as shown:
        shown.press(b"s")
        shown.until(b" ok")
        pid = int(shown.seen.rpartition(b"pid ")[2].split()[0])
        os.kill(pid, signal.SIGKILL)
        until_painted(shown, b"ended by signal 9")
        leaves_well(shown)
        after = termios.tcgetattr(shown.descriptor)[3]
        assert after & termios.ECHO
        assert after & termios.ICANON


def test_a_shell_that_stops_itself_is_woken(tmp_path: Path) -> None:
    with shell(tmp_path, "echo waiting; kill -STOP $$; echo woken; read line; exit 3") as shown:
        shown.press(b"s")
        shown.until(b"woken")
        shown.press(b"\n")
        until_painted(shown, b"ended with code 3")
        leaves_well(shown)


def test_a_hang_up_during_the_shell_ends_both(tmp_path: Path) -> None:
    with shell(tmp_path, 'echo "pid $$ ok"; exec sleep 60') as shown:
        shown.press(b"s")
        shown.until(b" ok")
        pid = int(shown.seen.rpartition(b"pid ")[2].split()[0])
        shown.child.send_signal(signal.SIGTERM)
        assert shown.end() == 128 + signal.SIGTERM
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert shown.seen.rindex(LEAVE_SCREEN) > shown.seen.rindex(ENTER_SCREEN)


@pytest.mark.asyncio
async def test_a_terminal_that_cannot_be_handed_over_is_said() -> None:
    session = HeldSession()
    session.answers["instance.ssh"] = {"argv": ["true"], "name": "lab"}
    async with console(reading([machine("lab")]), session=session) as world:
        await world.press("s")
        await world.until(lambda: "cannot be handed" in world.jobs or "not installed" in world.jobs)
        world.session.hand_in(reading([machine("lab", state="stopped")]))
        await world.press("s")
        await world.until(lambda: "lab is stopped." in world.jobs)


OF_A_CONTAINER = """
from tests.ui.console_world import container_row, host_row
session.state.apply(reading(hosts=[host_row("lab-1")], containers=[container_row("ollama")]))
session.own_program = lambda words: (["sh", "-c", SCRIPT, "sh", *words], {})
"""


@contextmanager
def container_shell(folder: Path, script: str) -> Iterator[Terminal]:
    """A console over one container, whose own command line is this script."""
    before, after = CODE.split("app = ConsoleApp")
    settings = f"BEATS = {str(folder / 'beats')!r}\nSCRIPT = {script!r}\n"
    code = f"{settings}{before}{OF_A_CONTAINER}app = ConsoleApp{after}"
    with terminal(folder, columns=120, code=code) as shown:
        shown.until(b"agent")
        shown.settle()
        shown.press(b"3")
        shown.until(b"ollama")
        shown.settle()
        yield shown


def test_a_key_pressed_twice_opens_one_shell_in_a_container(tmp_path: Path) -> None:
    script = 'echo "prompt$ $1 $2"; read line; printf "got [%s]" "$line"; exit 3'
    with container_shell(tmp_path, script) as shown:
        shown.press(b"ss")
        shown.until(b"prompt$ container exec")
        shown.read(0.5)
        assert shown.seen.count(b"prompt$ container exec") == 1
        shown.press(b"hello\n")
        shown.until(b"got [hello")
        shown.until(b"Press enter")
        shown.press(b"\n")
        until_painted(shown, b"lab-1/ollama ended with code 3")
        leaves_well(shown)
