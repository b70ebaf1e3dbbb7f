"""A new user's first hour with models: a server of their own, a provider, both tested and talked with, one broken."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.llm_servers import LlmServer, llm_server, openai_answer
from tests.contract.model_servers import KEY, RunningServer, llama_server
from tests.person.terminal import Terminal, need_terminal_tools, product
from tests.person.test_demo import leave

PROVIDER_KEY = "sk-typedTYPEDtyped0123456789abcdef"
_SOON = {"AIC_TUI_HEALTH_INTERVAL_SECONDS": "10", "NO_PROXY": "*"}


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    need_terminal_tools()
    width, height = request.param
    opened = Terminal(tmp_path, width, height)
    yield opened
    opened.close()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[RunningServer]:
    """A real llama-server with a tiny model, which wants a key."""
    folder = tmp_path / "server"
    folder.mkdir()
    with llama_server(folder) as made:
        yield made


@pytest.fixture
def provider() -> Iterator[LlmServer]:
    """Answers as a hosted provider does."""
    with llm_server() as made:
        made.json("/v1/models", {"object": "list", "data": [{"id": "large-1"}, {"id": "large-1-mini"}]})
        openai_answer(made)
        yield made


def test_a_server_and_a_provider_are_added_tested_and_talked_with_and_a_broken_one_says_why(
    terminal: Terminal, local: RunningServer, provider: LlmServer
) -> None:
    terminal.start(product(), _SOON, alone=False)
    terminal.shows("agent ●")
    add_the_server(terminal, local)
    add_the_provider(terminal, provider)
    try_it_free_and_with_a_prompt(terminal)
    talk_with_it(terminal)
    local.stop(signal.SIGKILL)
    see_why_it_broke(terminal, local)
    terminal.keys("1")
    terminal.shows("NEEDS")
    leave(terminal)
    assert "Traceback" not in terminal.screen()
    for planted in (KEY, PROVIDER_KEY):
        assert not [path for path in kept_files(terminal.home) if planted.encode() in path.read_bytes()]


def kept_files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]


def add_the_server(terminal: Terminal, local: RunningServer) -> None:
    """By its address, which tells what it is; its page then says how it fares."""
    terminal.keys("5")
    terminal.shows("No model server is known")
    terminal.keys("n")
    terminal.shows("Add a model server")
    terminal.keys("-l", local.url)
    terminal.keys("Enter")
    terminal.shows("found llama.cpp")
    terminal.shows("it wants one")
    terminal.keys("-l", KEY)
    terminal.keys("Enter", "Enter")
    terminal.keys("-l", "mine")
    terminal.keys("C-l")
    terminal.until(lambda screen: re.search(r"mine +llama.cpp +● online .*tiny", screen) is not None)
    terminal.keys("Enter")
    terminal.shows("answers in")
    terminal.until(lambda screen: "up since" in screen and "no check of" in screen)
    assert KEY not in terminal.screen()


def add_the_provider(terminal: Terminal, provider: LlmServer) -> None:
    """In a form that lists its models, with a key that nobody sees."""
    terminal.keys("4")
    terminal.shows("No connection")
    terminal.keys("n")
    terminal.shows("Add a connection")
    terminal.keys("Down", "C-u")
    terminal.keys("-l", f"{provider.url}/v1")
    terminal.keys("Down")
    terminal.keys("-l", PROVIDER_KEY)
    terminal.shows("•••")
    terminal.keys("Down")
    terminal.shows("2 offered: large-1")
    terminal.keys("-l", "large-1")
    terminal.keys("Enter")
    terminal.keys("-l", "hosted")
    terminal.keys("C-l")
    terminal.until(lambda screen: re.search(r"hosted +● active", screen) is not None)
    assert PROVIDER_KEY not in terminal.screen()
    assert {each.headers.get("authorization") for each in provider.asked} <= {None, f"Bearer {PROVIDER_KEY}"}


def try_it_free_and_with_a_prompt(terminal: Terminal) -> None:
    terminal.keys("r")
    terminal.shows("● answers in")
    terminal.shows("large-1 is among its models")
    terminal.keys("Enter")
    terminal.shows("12 tokens in, 9 out")
    terminal.escape()
    terminal.until(lambda screen: "Test" not in screen.splitlines()[0])


def talk_with_it(terminal: Terminal) -> None:
    terminal.keys("a")
    terminal.shows("› hosted › Chat")
    terminal.keys("-l", "hello")
    terminal.keys("Enter")
    terminal.shows("Grüße")
    terminal.shows("tokens in")
    terminal.escape()
    terminal.until(lambda screen: "Chat" not in screen.splitlines()[0])


def see_why_it_broke(terminal: Terminal, local: RunningServer) -> None:
    """Among what needs someone, and on its page with what to do."""
    terminal.keys("1")
    told = f"mine +Nothing answers at {re.escape(local.url)}"
    terminal.until(lambda screen: re.search(told, screen) is not None)
    terminal.keys("Up", "Enter")
    terminal.until(lambda screen: re.search(r"mine +llama.cpp +✕ offline", screen) is not None)
    terminal.keys("Enter")
    terminal.shows("Is it running, and is the address right?")
    terminal.until(lambda screen: re.search(r"[1-9]\d* of \d+ checks failed", screen) is not None)
    terminal.until(lambda screen: "down since" in screen)
