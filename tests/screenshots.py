"""Makes screenshots/: every view of the demo at both sizes as SVG and PNG, the clock starting at a fixed moment.

python -m tests.screenshots [VIEW …]
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from textual.pilot import Pilot

from aicompute_tui.demo import door, surroundings
from aicompute_tui.runtime import Runtime, build, children
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.glyphs import UNICODE
from aicompute_tui.ui.session import LiveSession
from tests.contract.node_world import faketime_library
from tests.waiting import until

FOLDER = Path(__file__).resolve().parents[1] / "screenshots"
SIZES = ((120, 40), (80, 24))
_MOMENT = datetime(2026, 11, 20, 14, 5, 30, tzinfo=UTC)
_TIME_VARIABLES = ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC", "PYTHONPATH")
_QUIET_SECONDS = 1.5
_MOST_ROWS = 20
_DOTS = re.compile(
    r'<text (?P<before>[^>]*?)x="(?P<x>[\d.]+)"(?P<after>[^>]*?) textLength="(?P<length>[\d.]+)"[^>]*>'
    "(?P<text>[^<]*[\u2801-\u28ff][^<]*)</text>"
)
_SPACING = 0.16
"""What a letter of the usual monospaced font lacks of the width of a cell."""


class View(NamedTuple):
    name: str
    keys: tuple[str, ...]
    shows: str
    """Text that must stand on the screen before the picture is taken."""
    moves: bool = False
    """It never rests, so the picture is taken as soon as it is complete."""
    before: tuple[tuple[str, ...], str] = ((), "")
    """Keys to press first, and the text that must stand before the others are pressed."""
    down: bool = False
    """From row to row until one shows it: which rows come first is the agent's doing."""


AFRESH = ("n", "ctrl+n")
SERVER = ("3", "down", "down", "enter", *"meta-llama/Llama-3.1-8B-Instruct")
DEPLOY = ("colon", *"deploy", "enter", "ctrl+n")
DEPLOYED = ("enter", "down", "enter", *"Qwen/Qwen2.5-7B-Instruct")

VIEWS = (
    View("dashboard", (), "llama8-ca"),
    View("instances", ("2",), "llama8-ca"),
    View("setup", ("slash", *"coder-us", "enter", "enter"), "pulls qwen", moves=True),
    View("filter", ("slash", *"g5", "enter"), "g5"),
    View("detail", ("slash", *"llama8", "enter", "enter"), "tunnel to"),
    View("setup-failed", ("slash", *"gemma-try", "enter", "enter"), "l shows its log"),
    View("logs", ("slash", *"llama8", "enter", "l", "slash", *"throughput", "enter"), " of "),
    View("forward", ("slash", *"llama8", "enter", "f"), "Forward which port"),
    View("wizard-region", (*AFRESH,), "1 of 5"),
    View("wizard-machine", ("2",), " more ", before=(AFRESH, "Canada (Central)")),
    View("wizard-framework", SERVER, "installs vllm", before=(AFRESH, "Canada (Central)")),
    View("wizard-options", ("4",), "4 of 5", before=(AFRESH, "Canada (Central)")),
    View("wizard-review", (*SERVER, "enter", "enter"), "WHAT ENDS IT", before=(AFRESH, "Canada (Central)")),
    View("terminate", ("t",), "Terminate"),
    View("command", ("colon", *"ins"), "ins"),
    View("palette", ("ctrl+p",), ""),
    View("help", ("question_mark",), ""),
    View("events", (), "before", down=True, before=(("9",), "gemma-try")),
    View("jobs", ("down", "down", "down"), "ARGUMENTS", before=(("0",), "failed")),
    View("json", ("y",), "remote_id"),
    View("describe", ("d",), "subject_kind", before=(("9",), "gemma-try")),
    View("compare", ("2", "space", "space", "v"), "compared"),
    View("export", ("2", "ctrl+e"), "Export"),
    View("jump", ("f2",), " s ", before=(("0",), "failed")),
    View("credentials", ("colon", *"credentials", "enter"), "default"),
    View("credential-shown", ("s",), "secret …", before=(("colon", *"credentials", "enter"), "arn:aws")),
    View("credential-form", ("a",), "Store it", before=(("colon", *"credentials", "enter"), "arn:aws")),
    View("types", ("colon", *"types", "enter"), "g5.xlarge"),
    View("containers", ("3",), "openwebui"),
    View("container", ("slash", *"ollama-main", "enter", "enter"), "sees 2", moves=True, before=(("3",), "openwebui")),
    View(
        "container-logs",
        ("slash", *"/ollama-main|openwebui/", "enter", "space", "space", "l"),
        "by time",
        moves=True,
        before=(("3",), "openwebui"),
    ),
    View("container-remove", ("t",), "keep them", before=(("3",), "openwebui")),
    View("hosts", ("colon", *"hosts", "enter"), "lab-2"),
    View(
        "host-form",
        ("a", *"gpu1", "down", "down", *"tcp://gpu1.example:2376"),
        "TLS folder",
        before=(("colon", *"hosts", "enter"), "lab-2"),
    ),
    View("connections", ("4",), "llama on lab-1"),
    View("connection", ("slash", *"hosted large", "enter", "enter"), "sk-…", before=(("4",), "llama on lab-1")),
    View("connection-form", ("n", "g", "g"), "api.groq.com", before=(("4",), "llama on lab-1")),
    View("connection-remove", ("t",), "Remove the connection", before=(("4",), "llama on lab-1")),
    View("container-recreate", ("r", *"memory=48g", "enter"), "put back", before=(("3",), "openwebui")),
    View(
        "connection-test",
        ("slash", *"hosted large", "enter", "r"),
        "at most $",
        moves=True,
        before=(("4",), "llama on lab-1"),
    ),
    View(
        "connection-chat",
        ("slash", *"llama", "enter", "a", *"Why is the sky blue?", "enter"),
        "tokens in",
        moves=True,
        before=(("4",), "llama on lab-1"),
    ),
    View(
        "connection-usage",
        ("slash", *"hosted large", "enter", "u"),
        "cost $",
        moves=True,
        before=(("4",), "llama on lab-1"),
    ),
    View("connection-health", ("colon", *"connection-health", "enter"), "hosted large"),
    View("servers", ("5",), "vllm-llama", moves=True),
    View("server", ("slash", *"vllm-llama", "enter", "enter"), "tokens/s", moves=True, before=(("5",), "ollama-lab")),
    View("server-models", ("slash", *"ollama-lab", "enter", "enter"), "in VRAM", before=(("5",), "ollama-lab")),
    View("server-form", ("n", *"gpu1:11434", "enter"), "what it is", before=(("5",), "ollama-lab")),
    View("images", ("colon", *"images", "enter"), "qdrant/qdrant"),
    View("volumes", ("colon", *"volumes", "enter"), "comfy-old"),
    View("settings", ("colon", *"settings", "enter"), "instance_type"),
    View("setting-edit", (*["down"] * 4, "e"), "turns it", before=(("colon", *"settings", "enter"), "instance_type")),
    View("prices", ("slash", *"gpu:a10g", "enter"), " of ", before=(("6",), " offers")),
    View("price-columns", ("f",), "where it stands", before=(("6",), " offers")),
    View("price-history", ("slash", *"g5.xlarge @ca-", "enter", "dollar_sign"), "zones", before=(("6",), " offers")),
    View(
        "price-score",
        ("colon", *"price-score", "space", *"g5.xlarge", "space", *"g6.xlarge", "enter"),
        "of 10",
    ),
    View("llm-prices", ("tab",), "Per million", before=(("6",), " offers")),
    View("price-feeds", ("colon", *"price-refresh", "enter"), "● new"),
    View("quotas", ("colon", *"quotas", "enter"), "pending"),
    View("quota-form", ("i",), "Go on", before=(("colon", *"quotas", "enter"), "pending")),
    View("quota-request", ("i", "enter", "enter"), "never", before=(("colon", *"quotas", "enter"), "pending")),
    View(
        "recommend",
        (*"llama", "space", *"70b", "down", "3", "enter"),
        "fits on",
        before=(("colon", *"recommend", "enter"), "Name a model"),
    ),
    View("cost-plan", ("colon", *"cost", "minus", *"plan", "enter"), "heavy"),
    View("models", ("7",), "Llama-3.1-8B"),
    View("models-search", ("s", *"coder", "enter"), "Search › coder", before=(("7",), "Llama-3.1-8B")),
    View("model-filters", ("f",), "7b-13b", before=(("7",), "Llama-3.1-8B")),
    View("model", ("slash", *"qwen2.5-7b", "enter", "enter"), "FITS", before=(("7",), "Llama-3.1-8B")),
    View("model-variants", ("slash", *"qwen2.5-7b", "enter", "enter", "tab"), "quant", before=(("7",), "Llama-3.1-8B")),
    View("regions", ("colon", *"regions", "enter"), "not enabled"),
    View("keys", ("colon", *"keys", "enter"), "everywhere"),
    View("theme", ("down", "down"), "Light, sixteen", before=(("colon", *"themes", "enter"), "ansi-dark")),
    View("deploy-host", DEPLOY, "1 of 4"),
    View("deploy-server", DEPLOYED, "wants one model", before=(DEPLOY, "1 of 4")),
    View("deploy-options", (*DEPLOYED, "enter"), "3 of 4", before=(DEPLOY, "1 of 4")),
    View(
        "deploy-review",
        (*DEPLOYED, "enter", *["down"] * 5, *"0.0.0.0", "enter"),
        "asks for all",
        before=(DEPLOY, "1 of 4"),
    ),
    View("wizard-progress", ("ctrl+l",), "Go to", moves=True, before=((*AFRESH, "ctrl+l"), "for $")),
    View(
        "deploy-progress",
        ("enter",),
        " of 9 layers",
        moves=True,
        before=((*DEPLOY, *DEPLOYED, "enter", "enter"), "asks for all"),
    ),
)


@dataclass
class Call:
    """What the demo's door asks of a command line."""

    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    build: Any = build
    read_only: bool = False
    debug: bool = False
    door_options: dict[str, Any] = field(default_factory=dict)


class Photographer:
    """Takes the place of the console the demo opens."""

    def __init__(self, size: tuple[int, int], views: Sequence[View]) -> None:
        self._size = size
        self._views = views

    def __call__(self, runtime: Runtime, *, read_only: bool, debug: bool) -> int:
        return asyncio.run(_take(runtime, self._size, self._views))


def main(names: Sequence[str]) -> int:
    if "FAKETIME" not in os.environ:
        _start_again_at_the_moment()
    # The demo gives its children named variables only; here these are among them, so that all share one clock.
    surroundings._KEPT |= {*_TIME_VARIABLES}
    children._NAMES |= {*_TIME_VARIABLES}
    views = [view for view in VIEWS if not names or view.name in names]
    FOLDER.mkdir(exist_ok=True)
    for size in SIZES:
        code = door.run(Call(), Photographer(size, views))
        if code != 0:
            return code
    return 0


def _start_again_at_the_moment() -> None:
    """With an offset, not a start time: every process then tells the same time."""
    library = faketime_library()
    if library is None:
        sys.exit("faketime is absent; get it by: apt-get install faketime")
    offset = int((_MOMENT - datetime.now(UTC)).total_seconds())
    values = (str(library), f"{offset:+d}s", "1", str(Path(__file__).with_name("posed")))
    environment = {**os.environ, **dict(zip(_TIME_VARIABLES, values, strict=True)), "TZ": "UTC"}
    os.execve(sys.executable, [sys.executable, "-m", "tests.screenshots", *sys.argv[1:]], environment)


async def _take(runtime: Runtime, size: tuple[int, int], views: Sequence[View]) -> int:
    session = LiveSession(runtime, demo=True, glyphs=UNICODE)
    session.utc = True
    app = ConsoleApp(session, environment={"COLORTERM": "truecolor"})
    async with app.run_test(size=size) as pilot:
        await until(lambda: session.agent_state == "on", "the agent answers", 240)
        await until(lambda: "llama8-ca" in _text(app), "the machines are shown", 240)
        for view in views:
            if view.before[0]:
                await pilot.press(*view.before[0])
                await _shown(app, view._replace(shows=view.before[1]))
            await pilot.press(*view.keys)
            for _ in range(_MOST_ROWS if view.down else 0):
                await pilot.pause()
                if view.shows in _text(app):
                    break
                await pilot.press("down")
            await _shown(app, view)
            if not view.moves:
                await _quiet(pilot)
            _save(app, f"{view.name}-{size[0]}x{size[1]}")
            await _go_home(app, pilot)
        app.exit(0)
    return 0


async def _shown(app: ConsoleApp, view: View) -> None:
    try:
        await until(lambda: _is_complete(_text(app), view), f"{view.name} shows {view.shows}", 240)
    except AssertionError:
        print(_text(app), file=sys.stderr)
        raise


def _is_complete(text: str, view: View) -> bool:
    return view.shows in text and not any(
        waiting in text for waiting in ("checking …", "asking …", "waits for the log")
    )


async def _go_home(app: ConsoleApp, pilot: Pilot[int]) -> None:
    for _ in range(6):
        await pilot.press("escape")
    await pilot.press("1")
    await until(lambda: len(app.screen_stack) == 1, "home is shown")


async def _quiet(pilot: Pilot[int]) -> None:
    """Until nothing has changed on the screen for a while."""
    seen, since = "", time.monotonic()
    while time.monotonic() - since < _QUIET_SECONDS:
        await pilot.pause(0.1)
        text = _text(pilot.app)
        if text != seen:
            seen, since = text, time.monotonic()


def _text(app: Any) -> str:
    """What stands on the screen, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


def _cell_by_cell(found: re.Match[str]) -> str:
    """Letters of dots come from another font, whose cells are of another width: each is put where it belongs."""
    letters = html.unescape(found["text"])
    start, step = float(found["x"]), float(found["length"]) / len(letters)
    return "".join(
        f'<text {found["before"]}x="{start + place * step:.1f}"{found["after"]}>{html.escape(letter)}</text>'
        for place, letter in enumerate(letters)
        if not letter.isspace()
    )


def _save(app: ConsoleApp, name: str) -> None:
    path = FOLDER / f"{name}.svg"
    picture = app.export_screenshot(title="aic-tui")
    path.write_text(picture, encoding="utf-8")
    rasterize = shutil.which("rsvg-convert")
    if rasterize is None:
        sys.exit("rsvg-convert is absent; get it by: apt-get install librsvg2-bin")
    # Without these the rasterizer drops a leading no-break space, and long runs end short of their column.
    kept = _DOTS.sub(_cell_by_cell, picture)
    kept = kept.replace("<text ", f'<text xml:space="preserve" letter-spacing="{_SPACING}" ')
    subprocess.run([rasterize, "--output", str(path.with_suffix(".png"))], input=kept.encode(), check=True)
    print(path.name, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
