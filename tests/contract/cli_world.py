"""What the command line's tests share: calls in this process and in one of their own, against the embedded cloud."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.agent.lock import holder_note, is_held
from aicompute_tui.cli.main import run
from aicompute_tui.runtime import build
from aicompute_tui.settings.places import places_from
from tests.world import World

DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The last stderr line of a failure with `-o json`."""
        found: dict[str, str] = json.loads(self.err.splitlines()[-1])
        return found


@dataclass
class Cli:
    """One state home. The agents it started are ended by `end_agent`."""

    home: Path
    environment: dict[str, str]
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    doors: dict[str, Callable[[Any], int]] = field(default_factory=dict)

    def __call__(self, *words: str, stdin: str = "") -> Answer:
        """In this process."""
        self.capsys.readouterr()
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(words, self._build, self.doors)
        said = self.capsys.readouterr()
        return Answer(code, said.out, said.err)

    def json(self, *words: str, code: int = 0, stdin: str = "") -> Any:
        answer = self(*words, "-o", "json", stdin=stdin)
        assert answer.code == code, answer.err
        return answer.data

    def spawn(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """In a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "aicompute_tui", *words],
            env=self.child_environment(),
            text=True,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def child_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, "HOME": str(self.home.parent), **self.environment}

    def _build(self, **options: Any) -> Any:
        inside = {name: value for name, value in options["environment"].items() if name.startswith("AIC_TUI_")}
        environment = {**self.child_environment(), **inside}
        return build(environment=environment, env_file=options.get("env_file"), flags=options.get("flags"))

    def end_agent(self) -> None:
        lock = places_from(self.child_environment()).agent_lock
        if is_held(lock):
            os.kill(int(str(holder_note(lock)["pid"])), signal.SIGTERM)
            until(lambda: not is_held(lock))


def until(is_so: Callable[[], bool], seconds: float = DEADLINE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


@contextmanager
def cli_for(
    folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    home = folder / "home"
    hub = {} if {"HF_ENDPOINT", "AIC_TUI_HUB_URL"} & set(environment) else {"HF_HUB_OFFLINE": "1"}
    made = Cli(home, {**hub, **environment, "AIC_TUI_HOME": str(home)}, monkeypatch, capsys)
    for name in [name for name in os.environ if name.startswith(("AIC_TUI_", "AWS_"))]:
        monkeypatch.delenv(name)
    try:
        yield made
    finally:
        made.end_agent()


@pytest.fixture
def cli(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Cli]:
    """With the world's own credentials in its environment."""
    with cli_for(tmp_path, world.environment(), monkeypatch, capsys) as made:
        yield made


def launched(cli: Cli, *words: str) -> Any:
    """A launch that starts no agent."""
    return cli.json("instance", "launch", "--yes", "--no-agent", *words)


def as_words(rows: Sequence[dict[str, Any]], key: str) -> list[Any]:
    return [row[key] for row in rows]
