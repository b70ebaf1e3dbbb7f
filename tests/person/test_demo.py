"""The demo as a person meets it: machines within seconds, one launched and ended by keys, and nothing left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import need
from tests.person.terminal import Terminal, need_terminal_tools, product

ROOT = Path(__file__).resolve().parents[2]
MOST_KEYSTROKES = 25
"""From the first frame until a machine has been launched and ended."""


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    need_terminal_tools()
    width, height = request.param
    opened = Terminal(tmp_path, width, height)
    yield opened
    opened.close()


def launch_and_end_by_keys(terminal: Terminal) -> None:
    """From the first frame to a machine launched and ended, with nothing but keys."""
    terminal.shows("DEMO")
    terminal.until(lambda screen: "llama8-ca" in screen and "/h" in screen)
    terminal.shows("agent ●")
    terminal.keys("n")
    terminal.shows("1 of 5")
    terminal.keys("C-l")
    terminal.shows("WHAT ENDS IT")
    review = terminal.shows("Launch 1 machine for $")
    assert "powers itself off" in re.sub(r"\s+", " ", review)
    terminal.keys("C-l")
    terminal.until(lambda screen: re.search(r"g5-[0-9a-f]{4} +(booting|requested|launching|ready)", screen) is not None)
    name = re.search(r"g5-[0-9a-f]{4}", terminal.screen())
    assert name is not None
    terminal.keys("Escape")
    terminal.until(lambda screen: name[0] in screen and "Progress" not in screen)
    go_to(terminal, name[0])
    terminal.keys("t")
    asked = terminal.shows(f"Terminate {name[0]}?")
    assert "so far" in asked
    assert "esc keep it" in asked
    terminal.keys("Tab")
    terminal.keys("Enter")
    terminal.until(lambda screen: re.search(rf"{name[0]} .*termina", screen) is not None)
    terminal.until(lambda screen: re.search(rf"· {name[0]} .*terminated", screen) is not None)


def go_to(terminal: Terminal, name: str) -> None:
    """Moves the cursor row by row until it stands at the machine; never before the last key has shown."""
    left = ""

    def is_there(screen: str) -> bool:
        nonlocal left
        rows = re.findall(r"^ *(▸?) *\S (\S+) .*\$\d", screen, re.MULTILINE)
        here = next((place for place, (cursor, _) in enumerate(rows) if cursor), None)
        there = next((place for place, (_, each) in enumerate(rows) if each == name), None)
        if here is None or there is None or here == there:
            return here is not None and here == there
        if rows[here][1] != left:
            left = rows[here][1]
            terminal.keys("Down" if here < there else "Up")
        return False

    terminal.until(is_there)


def leave(terminal: Terminal) -> None:
    terminal.keys("q")
    terminal.shows("Leave the console?")
    terminal.keys("Tab")
    terminal.keys("Enter")
    terminal.shows("EXIT 0")


def test_a_machine_is_launched_and_ended_by_keys_and_nothing_stays(terminal: Terminal) -> None:
    terminal.start(product("demo"))
    launch_and_end_by_keys(terminal)
    assert terminal.pressed <= MOST_KEYSTROKES
    leave(terminal)
    assert list(terminal.home.glob("aic-tui-demo-*")) == []
    assert "Traceback" not in terminal.screen()
    assert not processes_of(terminal.home)


def test_a_kill_ends_everything_the_demo_started(tmp_path: Path) -> None:
    need_terminal_tools()
    terminal = Terminal(tmp_path, 80, 24)
    try:
        terminal.start(product("demo"))
        terminal.shows("agent ●")
        [console] = [pid for pid, words in processes_of(terminal.home).items() if words[-1:] == ["demo"]]
        os.kill(console, signal.SIGKILL)
        terminal.shows("EXIT 137")
        deadline = time.monotonic() + 30
        while processes_of(terminal.home):
            assert time.monotonic() < deadline, processes_of(terminal.home)
            time.sleep(0.05)
    finally:
        terminal.close()


def processes_of(home: Path) -> dict[int, list[str]]:
    """Running programs of ours whose environment names this home: process id → words."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
            words = (folder / "cmdline").read_bytes().decode().rstrip("\0").split("\0")
        except OSError:
            continue
        if "aicompute_tui" in " ".join(words) and any(os.fsencode(home) in each for each in environment):
            found[int(folder.name)] = words
    return {pid: words for pid, words in found.items() if words[0] == sys.executable}


def test_the_readmes_demo_command_runs_in_an_empty_home_and_then_without_a_network(tmp_path: Path) -> None:
    need_terminal_tools()
    home = tmp_path / "newcomer"
    home.mkdir()
    index = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(home), "click"],
        capture_output=True,
        check=False,
    )
    need("index", index.returncode == 0, "a package index that pip reaches")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^```sh demo\n(.*)\n```$", readme, re.MULTILINE)
    install, _, opening = line.rpartition(" && ")
    copy = tmp_path / "aic-tui"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, tracked.decode().split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_")) or name == "PATH"}
    subprocess.run(["bash", "-c", install], cwd=copy, env={**kept, "HOME": str(home)}, check=True, timeout=600)
    terminal = Terminal(tmp_path, 80, 24)
    try:
        terminal.start(["sh", "-c", f"cd {copy} && {opening}"])
        launch_and_end_by_keys(terminal)
        leave(terminal)
    finally:
        terminal.close()


PLANTED = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7REALONE",
    "AWS_SECRET_ACCESS_KEY": "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",
    "AWS_PROFILE": "production",
    "AWS_REGION": "us-east-1",
    "HF_TOKEN": "hf_PLANTEDtoken0123456789abcdefghijk",
    "HTTPS_PROXY": "http://203.0.113.9:3128",
}


def test_planted_credentials_are_not_used_and_nothing_but_loopback_is_connected_or_listened_to(tmp_path: Path) -> None:
    need_terminal_tools()
    need("strace", shutil.which("strace") is not None, "apt-get install strace")
    calls = tmp_path / "calls"
    terminal = Terminal(tmp_path, 80, 24)
    (terminal.home / ".aws").mkdir()
    (terminal.home / ".aws" / "credentials").write_text(
        "[production]\naws_access_key_id = AKIAIOSFODNN7REALTWO\naws_secret_access_key = planted\n"
    )
    try:
        terminal.start(
            ["strace", "-f", "-qq", "-e", "trace=bind,connect,sendto", "-o", str(calls), *product("demo")], PLANTED
        )
        terminal.shows("agent ●")
        terminal.keys("n")
        terminal.shows("1 of 5")
        terminal.keys("C-l")
        terminal.shows("Launch 1 machine for $")
        assert "production" not in terminal.screen()
        terminal.keys("C-l")
        terminal.until(lambda screen: re.search(r"g5-[0-9a-f]{4} +(booting|ready)", screen) is not None)
        leave(terminal)
    finally:
        terminal.close()
    addresses = set(re.findall(r"inet_addr\(\"([^\"]+)\"\)|inet_pton\(AF_INET6, \"([^\"]+)\"", calls.read_text()))
    reached = {first or second for first, second in addresses}
    assert reached
    assert {address for address in reached if not address.startswith("127.") and address != "::1"} == set()
