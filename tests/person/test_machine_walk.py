"""A machine as a person lives with it, by keys only: set-up, log, shell, endpoint, a port, more time, its idle end."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.person.terminal import Terminal, need_terminal_tools, product
from tests.person.test_demo import go_to, leave, processes_of

NAME = "walk-1"
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
IDLE_LIMIT = "35s"
ASK = """
import contextlib, json, sys, urllib.error, urllib.request
url, model, key = sys.argv[1:]
opened = urllib.request.build_opener(urllib.request.ProxyHandler({}))
said = json.dumps({"model": model, "messages": [{"role": "user", "content": "Say something about memory."}]}).encode()
opened.addheaders = [("Authorization", f"Bearer {key}")]
asked = urllib.request.Request(url + "/chat/completions", said, {"Content-Type": "application/json"})
with contextlib.suppress(urllib.error.HTTPError):
    opened.open(url + "/walk", timeout=20)
models = [each["id"] for each in json.load(opened.open(url + "/models", timeout=20))["data"]]
words = json.load(opened.open(asked, timeout=60))["choices"][0]["message"]["content"]
print(json.dumps({"models": models, "words": words}))
"""
"""A program that asks the model server at an address with the standard library alone, one path of it its own."""


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    need_terminal_tools()
    width, height = request.param
    opened = Terminal(tmp_path, width, height)
    yield opened
    opened.close()


def test_a_machine_is_launched_used_and_left_to_end_by_itself(terminal: Terminal) -> None:
    terminal.start(product("demo"))
    terminal.shows("agent ●")
    give_more_time(terminal, "llama8-ca")
    launch(terminal)
    watch_its_set_up(terminal)
    read_its_log(terminal)
    look_around_in_a_shell(terminal)
    go_home(terminal, "done")
    terminal.shows(f"● {NAME} ")
    use_its_endpoint(terminal)
    forward_a_port(terminal, 9000)
    find_the_request_in_its_log(terminal)
    go_home(terminal, '"GET /v1/walk')
    terminal.until(lambda screen: re.search(rf"{NAME} .* (\d+s|<1m) idle", screen) is not None, 150)
    terminal.until(lambda screen: re.search(rf"· {NAME} .*terminated", screen) is not None, 150)
    see_that_nobody_ended_it(terminal)
    leave(terminal)
    assert "Traceback" not in terminal.screen()
    assert list(terminal.home.glob("aic-tui-demo-*")) == []
    assert not processes_of(terminal.home)
    assert not others_in_its_network(terminal)


def give_more_time(terminal: Terminal, name: str) -> None:
    """`+` where little time is left: what stands under `ends` changes, and the alert is gone."""
    terminal.until(lambda screen: re.search(rf"● {name} .* \d+m idle", screen) is not None)
    assert re.search(rf"⚠ {name} .*ends in \d+m .*\+ extend", terminal.screen())
    go_to(terminal, name)
    terminal.keys("+")
    extended = rf"● {name} .* (1h|59m)( idle|$)"
    terminal.until(lambda screen: re.search(extended, screen, re.MULTILINE) is not None)
    terminal.until(lambda screen: f"⚠ {name}" not in screen)


def launch(terminal: Terminal) -> None:
    """The wizard, from its model server on."""
    terminal.keys("n")
    terminal.shows("1 of 5")
    terminal.keys("3")
    terminal.shows("3 of 5")
    terminal.until(lambda screen: re.search(r"▸.*none", screen) is not None)
    terminal.keys("/", "v", "l", "l", "m", "Enter")
    terminal.until(lambda screen: re.search(r"▸ +vllm", screen) is not None)
    terminal.keys("Enter")
    terminal.shows("installs vllm")
    terminal.keys("-l", MODEL)
    terminal.shows(MODEL[-20:])
    terminal.keys("Enter")
    terminal.shows("4 of 5")
    # All in one go, faster than the screen follows: each key goes to the field the ones before it led to.
    terminal.keys("Down", "Down", *NAME, "Down", "Down", "Down", "C-u", *IDLE_LIMIT)
    for label, text in (("name", NAME), ("count", "1"), ("ends after", "8h"), ("idle limit", IDLE_LIMIT)):
        terminal.until(lambda screen, line=rf"^ +{label} +{text}\b": re.search(line, screen, re.MULTILINE) is not None)  # type: ignore[misc]
    terminal.keys("Enter")
    terminal.shows("5 of 5")
    terminal.shows("Launch 1 machine for $")
    told = re.sub(r"\s+", " ", terminal.screen())
    assert f"Sooner after {IDLE_LIMIT}" in told
    terminal.keys("C-l")
    terminal.until(lambda screen: re.search(rf"{NAME} +(requested|launching|booting)", screen) is not None)
    terminal.keys("Escape")
    terminal.until(lambda screen: re.search(rf"{NAME} .*\$", screen) is not None and "Progress" not in screen)


def watch_its_set_up(terminal: Terminal) -> None:
    """Its stages come one after another, and the percent of the image moves."""
    terminal.until(lambda screen: re.search(rf"{NAME} .* (driver|docker|image)", screen) is not None)
    first = percent(terminal, "image", above=-1)
    percent(terminal, "image", above=first)


def percent(terminal: Terminal, stage: str, *, above: int) -> int:
    """How far the stage is, once it is further than that."""
    found = -1

    def is_further(screen: str) -> bool:
        nonlocal found
        told = re.search(rf"{NAME} .* {stage} (\d+)%", screen)
        found = -1 if told is None else int(told[1])
        return found > above

    terminal.until(is_further)
    return found


def read_its_log(terminal: Terminal) -> None:
    """The set-up's log while it is written: searched, paused and followed again."""
    go_to(terminal, NAME)
    terminal.keys("l")
    terminal.shows(f"{NAME} › log")
    terminal.until(lambda screen: re.search(r"LOG +setup .*follow", screen) is not None)
    terminal.shows("driver")
    terminal.keys("/")
    terminal.until(lambda screen: re.search(r"^ +/ *$", screen, re.MULTILINE) is not None)
    terminal.keys("-l", "done")
    terminal.keys("Enter")
    place = match_place(terminal, "")
    terminal.keys("n")
    match_place(terminal, place)
    terminal.keys("End")
    terminal.until(lambda screen: re.search(r"LOG .* follow", screen) is not None)
    terminal.keys("f")
    terminal.until(lambda screen: re.search(r"LOG .* paused", screen) is not None)
    terminal.keys("f")
    terminal.until(lambda screen: re.search(r"LOG .* follow", screen) is not None)
    terminal.shows(" GiB of ")


def match_place(terminal: Terminal, other_than: str) -> str:
    """Which match the log stands at, once it is another one."""
    found = ""

    def is_another(screen: str) -> bool:
        nonlocal found
        told = re.search(r"/done (\d+) of \d+", screen)
        found = "" if told is None else told[1]
        return found not in ("", other_than)

    terminal.until(is_another)
    return found


def look_around_in_a_shell(terminal: Terminal) -> None:
    """From the log into a shell and back to the log."""
    terminal.keys("s")
    terminal.shows(f"ubuntu@{NAME}:~$")
    terminal.keys("-l", "nvidia-smi")
    terminal.keys("Enter")
    terminal.until(lambda screen: "NVIDIA A10G" in screen and screen.count(f"ubuntu@{NAME}:~$") == 2)
    terminal.keys("-l", "exit")
    terminal.keys("Enter")
    terminal.shows(f"The shell on {NAME} has ended.")
    terminal.shows(f"{NAME} › log")


def use_its_endpoint(terminal: Terminal) -> None:
    """A program of this host asks the model server at the address shown, with the key that the console tells."""
    go_to(terminal, NAME)
    terminal.keys("Enter")
    screen = terminal.until(lambda screen: re.search(r"endpoint +http://127\.0\.0\.1:\d+", screen) is not None)
    [url] = re.findall(r"endpoint +(http://127\.0\.0\.1:\d+/v1) ", screen)
    terminal.keys(":")
    terminal.keys("-l", f"endpoint-key {NAME}")
    terminal.keys("Enter")
    screen = terminal.until(lambda screen: re.search(r"sk-[\w-]{43}", screen) is not None)
    [key] = re.findall(r"sk-[\w-]{43}", screen)
    terminal.keys("Escape")
    answer = json.loads(terminal.inside([sys.executable, "-P", "-c", ASK, url, MODEL, key]))
    assert answer["models"] == [MODEL]
    assert len(answer["words"].split()) > 5


def forward_a_port(terminal: Terminal, port: int) -> None:
    """Another port, asked for in a line and then listed as open."""
    terminal.keys("f")
    terminal.shows(f"Forward which port of {NAME}?")
    terminal.keys("-l", str(port))
    terminal.keys("Enter")
    terminal.until(lambda screen: re.search(rf"● 127\.0\.0\.1:\d+ to {port}", screen) is not None)


def find_the_request_in_its_log(terminal: Terminal) -> None:
    """Only the program asked for this path, and the model server's log tells of it."""
    terminal.keys("/")
    terminal.until(lambda screen: re.search(r"^.* / *$", screen, re.MULTILINE) is not None)
    terminal.keys("-l", '"GET /v1/walk')
    terminal.keys("Enter")
    terminal.until(lambda screen: re.search(r'LOG.*/"GET /v1/walk 1 of 1', screen) is not None)


def go_home(terminal: Terminal, *searched: str) -> None:
    """Back with esc to the machines, first out of the search where there is one."""
    for text in searched:
        terminal.keys("Escape")
        terminal.until(lambda screen, text=text: f"/{text} " not in screen)  # type: ignore[misc]
    terminal.keys("Escape")
    terminal.shows("MACHINES ")


def see_that_nobody_ended_it(terminal: Terminal) -> None:
    """An event tells that the machine powered itself off, which nobody asked of the cloud."""
    terminal.keys("9")
    terminal.until(lambda screen: re.search(rf"Events .*▸ [^\n]*{NAME}", screen, re.DOTALL) is not None)
    terminal.keys("/", *"powered", "Enter")
    terminal.until(lambda screen: "powered itself off after" in re.sub(r"\s+", " ", screen))
    go_home(terminal, "powered")


def others_in_its_network(terminal: Terminal) -> dict[int, str]:
    """Whatever still runs where the demo ran, the terminal's own program aside: process id → words."""
    own = terminal.process()
    network = Path(f"/proc/{own}/ns/net").readlink()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (folder / "ns" / "net").readlink() == network and int(folder.name) != own:
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
    return found
