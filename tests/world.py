"""The embedded cloud for tests: one server a session, emptied before each test that asks for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FIRST_ACCOUNT = "123456789012"
SECOND_ACCOUNT = "222222222222"
FIRST_KEY = "AKIADEMO1AAAAAAAAAAA"
SECOND_KEY = "AKIADEMO2AAAAAAAAAAA"
SECRET = "demo-secret-of-the-embedded-cloud"
OPERATOR_ADDRESS = "203.0.113.7"
_START_SECONDS = 60.0


@dataclass(frozen=True)
class World:
    """A running world. `folder` holds the empty AWS files that keep a person's own out of the tests."""

    url: str
    folder: Path

    def environment(self, access_key: str = FIRST_KEY, region: str = "ca-central-1") -> dict[str, str]:
        """What a process needs to find this cloud and no other; nothing of the caller's environment is in it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
            "AIC_TUI_CHECKIP_URL": f"{self.url}/checkip",
            "AIC_TUI_PRICE_FEEDS_URL": f"{self.url}/feeds",
        }

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Replaces the rules; see `aicompute_tui.demo.world.faults.Faults` for what a rule may say."""
        self._post("faults", list(rules))

    def release(self) -> None:
        """Lets held calls go on."""
        self._post("release", None)

    def log(self, action: str | None = None) -> list[dict[str, Any]]:
        """Calls in order of arrival, of one action where it is named."""
        entries: list[dict[str, Any]] = self._get("log")
        return [entry for entry in entries if action in {None, entry["action"]}]

    def machines(self, *, everything: bool = False) -> list[dict[str, Any]]:
        """Machines with our tags in all regions and accounts, gone ones included; `everything` also the untagged."""
        found: list[dict[str, Any]] = self._get("all-machines" if everything else "machines")
        return found

    def reset(self) -> None:
        self._post("reset", None)

    def interrupt(self, instance_id: str) -> None:
        """A spot interruption."""
        self._post("interrupt", {"instance_id": instance_id})

    def announce_interruption(self, instance_id: str, seconds: float) -> None:
        """A spot interruption after a notice."""
        self._post("interruption-notice", {"instance_id": instance_id, "seconds": seconds})

    def vanish(self, instance_id: str) -> None:
        """The cloud forgets the machine."""
        self._post("vanish", {"instance_id": instance_id})

    def age(self, instance_id: str, seconds: float) -> None:
        """Makes a machine look as if it had been launched `seconds` ago."""
        self._post("age", {"instance_id": instance_id, "seconds": seconds})

    def quota(self, code: str, value: float, region: str | None = None, account: str = FIRST_ACCOUNT) -> None:
        """Sets a limit in vCPUs, in every region unless one is named."""
        self._post("quota", {"code": code, "value": value, "region": region, "account": account})

    def answer_quota(self, region: str, code: str, status: str) -> None:
        """What AWS says to the open request for more."""
        self._post("quota-answer", {"region": region, "code": code, "status": status})

    def boot_seconds(self, seconds: float) -> None:
        """The time machines launched from now on take to run; 0 after a reset."""
        self._post("boot-seconds", seconds)

    def _get(self, name: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/__world/{name}", timeout=60) as answer:
            return json.load(answer)

    def _post(self, name: str, body: Any) -> Any:
        request = urllib.request.Request(f"{self.url}/__world/{name}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def start_world(folder: Path, arguments: Sequence[str] = ()) -> tuple[subprocess.Popen[bytes], World]:
    """A world of its own, for tests that need one; the caller ends the process."""
    for name in ("config", "credentials"):
        (folder / name).write_text("")
    port_file = folder / "port"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "aicompute_tui.demo.world",
            "--port-file",
            str(port_file),
            "--until-stdin-closes",
            *arguments,
        ],
        stdin=subprocess.PIPE,
    )
    deadline = time.monotonic() + _START_SECONDS
    while not port_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError("the embedded world did not start: run `python -m aicompute_tui.demo.world` to see why")
        time.sleep(0.02)
    return process, World(f"http://127.0.0.1:{port_file.read_text().strip()}", folder)


@pytest.fixture(scope="session")
def world_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    process, world = start_world(tmp_path_factory.mktemp("world"))
    yield world
    process.kill()
    process.communicate()


@pytest.fixture
def world(world_server: World) -> Iterator[World]:
    """The session's world, as new."""
    world_server.reset()
    yield world_server
    world_server.release()
