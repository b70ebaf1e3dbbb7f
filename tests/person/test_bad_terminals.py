"""Bad days of terminals: no place for text, few colours, no UTF-8, multiplexers, windows that shrink, huge pastes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.needs import need
from tests.person.consoles import empty_console, fixed_console
from tests.person.terminal import Terminal, need_terminal_tools, product
from tests.person.test_demo import leave

SIZE = (80, 24)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    need_terminal_tools()
    opened = Terminal(tmp_path, *SIZE)
    yield opened
    opened.close()


@pytest.mark.parametrize("door", [(), ("demo",)], ids=["console", "demo"])
@pytest.mark.parametrize("name", ["dumb", ""], ids=["dumb", "none"])
def test_a_terminal_without_places_gets_a_sentence_and_the_commands(
    terminal: Terminal, name: str, door: tuple[str, ...]
) -> None:
    terminal.start(product(*door), {"TERM": name})
    said = re.sub(r"\s+", " ", terminal.shows("EXIT 2"))
    assert "The console cannot open: this terminal cannot place text" in said
    assert "`aic-tui --help` shows the commands that work without." in said


def test_the_commands_work_without_places(terminal: Terminal) -> None:
    terminal.start(product("instance", "list"), {"TERM": "dumb"})
    assert "Traceback" not in terminal.shows("EXIT 0")


COLOURS = {
    "screen": {"TERM": "screen"},
    "screen-256color": {"TERM": "screen-256color"},
    "16 colours": {"TERM": "xterm", "COLORTERM": ""},
    "linux": {"TERM": "linux"},
    "unheard of": {"TERM": "teletype-9000"},
    "truecolor": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "NO_COLOR": {"TERM": "tmux-256color", "NO_COLOR": "1"},
    "LANG=C": {"LANG": "C"},
    "LC_ALL=POSIX": {"LC_ALL": "POSIX"},
    "light": {"COLORFGBG": "0;15"},
}


@pytest.mark.parametrize("environment", COLOURS.values(), ids=COLOURS)
def test_every_terminal_shows_the_console_takes_keys_and_is_left_as_it_was(
    terminal: Terminal, environment: dict[str, str]
) -> None:
    terminal.start(fixed_console(), environment)
    terminal.shows("llama8-ca")
    painted = terminal.painted()
    if environment.get("TERM") in {"xterm", "linux", "teletype-9000"} and not environment.get("COLORTERM"):
        assert not re.search(r"[34]8;[25];", painted), "more than 16 colours were sent"
    if "NO_COLOR" in environment:
        told = re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", painted)
        assert all(len(set(each)) == 1 for each in told), set(told)
    if "LANG" in environment or "LC_ALL" in environment:
        assert terminal.screen().isascii()
    terminal.keys("?")
    terminal.shows("esc close")
    terminal.escape()
    leave(terminal)
    assert terminal.is_restored()


def test_it_lives_in_gnu_screen(terminal: Terminal) -> None:
    need("screen", shutil.which("screen") is not None, "apt-get install screen")
    folder = terminal.home / "sockets"
    folder.mkdir(mode=0o700)
    program = ["screen", "-U", "-c", "/dev/null", "-S", "walk", *fixed_console()]
    terminal.start(program, {"SCREENDIR": str(folder)}, alone=False)
    terminal.until(lambda screen: "llama8-ca" in screen and "? help" in screen)
    terminal.keys("t")
    terminal.until(lambda screen: "esc" in screen and "Terminate" in screen)
    terminal.escape()
    terminal.until(lambda screen: "esc keep" not in screen)
    terminal.keys("q")
    terminal.shows("Leave the console?")
    terminal.keys("Tab", "Enter")
    terminal.shows("EXIT 0")
    assert terminal.modes()["cursor_flag"] == "1"


OPENED = {
    "confirm": (("2", "t"), "Terminate"),
    "prompt": (("2", "/", "-l llama8", "Enter", "f"), "Forward which port"),
    "filter": (("2", "/", "-l llama"), "/llama"),
    "command": ((":", "-l inst"), ":inst"),
    "palette": (("C-p", "-l term"), ":terminate"),
    "help": (("?",), "esc close"),
    "launch": (("n",), "Launch"),
    "leave": (("q",), "Leave the console?"),
    "detail": ((":", "-l describe llama8-ca", "Enter"), "endpoint"),
    "log": ((":", "-l logs llama8-ca", "Enter"), "throughput"),
}
"""What may be open while the window changes: the keys that open it, and what it then says."""


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """One console for all windows and pastes."""
    need_terminal_tools()
    terminal = Terminal(tmp_path_factory.mktemp("fixed"), *SIZE)
    try:
        terminal.start(fixed_console())
        terminal.shows("llama8-ca")
        yield terminal
    finally:
        terminal.close()


@pytest.mark.parametrize(("keys", "says"), OPENED.values(), ids=OPENED)
def test_a_window_that_shrinks_and_comes_back_shows_what_it_showed(
    fixed: Terminal, keys: tuple[str, ...], says: str
) -> None:
    come_home(fixed)
    for key in keys:
        fixed.keys(*key.split(" ", 1) if key.startswith("-l") else (key,))
    before = at_rest(fixed, says, equal_looks=20)
    for size in ((20, 5), (40, 10), (2, 2), (200, 60)):
        fixed.resize(*size)
        assert "Traceback" not in at_rest(fixed)
    fixed.resize(*SIZE)
    fixed.until(lambda screen: says in screen and headed(screen) == headed(before))
    come_home(fixed)


def headed(screen: str) -> str:
    """Its header and footer; what lies between them may be scrolled to the cursor."""
    lines = screen.rstrip().splitlines()
    return f"{lines[0]}\n{lines[-1]}"


def test_a_form_that_is_left_before_it_stands_leaves_the_console_standing(fixed: Terminal) -> None:
    come_home(fixed)
    for _ in range(20):
        fixed.keys("-l", ":credential-set")
        fixed.shows(":credential-set")
        fixed.keys("Enter")
        fixed.until(lambda screen: ":credential-set" not in screen)
        fixed.keys("Tab")
        come_home(fixed)


PASTED = {
    "one line": "x" * 1_000_000,
    "many lines": "price>1 and more\n" * 60_000,
    "controls": "a\x07\t\u202e\u200f\x00" * 200_000,
    "wide": "界" * 333_333,
}
INTO = {
    "filter": (("2", "/"), "/"),
    "command": ((":",), ":"),
    "launch": (("n",), "Launch"),
    "palette": (("C-p",), ":"),
}


@pytest.mark.parametrize(("keys", "says"), INTO.values(), ids=INTO)
@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED)
def test_a_paste_of_a_megabyte_holds_nothing_up(fixed: Terminal, keys: tuple[str, ...], says: str, text: str) -> None:
    come_home(fixed)
    fixed.keys(*keys)
    at_rest(fixed, says)
    fixed.paste(text)
    come_home(fixed)


def come_home(terminal: Terminal) -> None:
    """Out of everything that is open; then a word is taken, which only a console that answers shows."""
    terminal.escape(5)
    terminal.keys("-l", "1:alive")
    terminal.until(lambda screen: ":alive" in screen)
    terminal.escape()
    terminal.until(lambda screen: ":alive" not in screen and "llama8-ca" in screen)


def at_rest(terminal: Terminal, says: str = "", equal_looks: int = 4) -> str:
    """The screen once it says so and so many looks at it are the same."""
    looks: list[str] = []

    def rests(screen: str) -> bool:
        looks.append(screen)
        return says in screen and looks[-equal_looks:] == [screen] * equal_looks

    return terminal.until(rests)


BAD_THEMES = {
    "no toml": "accent = = 3",
    "no colour": '[tokens]\naccent = "cornflower-ish"',
    "no token": '[tokens]\naksent = "#123456"',
    "a name that is taken": 'name = "dark"',
    "no text": "\x00\x01\x02",
}


@pytest.mark.parametrize("theme", BAD_THEMES.values(), ids=BAD_THEMES)
def test_a_theme_file_with_errors_is_named_in_a_line_and_the_console_opens(tmp_path: Path, theme: str) -> None:
    need_terminal_tools()
    terminal = Terminal(tmp_path, 240, 24)
    themes = terminal.home / ".config" / "aic-tui" / "themes"
    themes.mkdir(parents=True)
    (themes / "mine.toml").write_text(theme)
    try:
        terminal.start(empty_console(), {"AIC_TUI_THEME": "mine"})
        screen = terminal.until(lambda screen: "mine" in screen or "EXIT" in screen)
        assert "Traceback" not in screen
        assert "/h" in screen.partition("\n")[0]
        leave(terminal)
        assert terminal.is_restored()
    finally:
        terminal.close()
