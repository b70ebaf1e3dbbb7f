"""The demo as a process: its own home, its own cloud, a real agent, and nothing left of them afterwards."""

from __future__ import annotations

import importlib.util
import json
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from aicompute_tui.demo.door import run
from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.store.fast import read_snapshot
from tests import demo_without_screen
from tests.needs import need

SCRIPT = Path(demo_without_screen.__file__)
PLANTED = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00",
    "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
    "AWS_PROFILE": "planted-profile",
    "AWS_CONFIG_FILE": "/planted/config",
    "AWS_ENDPOINT_URL_EC2": "https://planted.example",
    "HF_TOKEN": "hf_planted",
    "AIC_TUI_REGION": "planted-1",
    "HTTPS_PROXY": "http://planted.example:3128",
}
NO_NETWORK = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def wait_for(happened: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


@dataclass
class Demo:
    process: subprocess.Popen[str]
    facts: dict[str, Any]

    @property
    def home(self) -> Path:
        return Path(self.facts["environment"]["AIC_TUI_HOME"])

    def children(self) -> list[psutil.Process]:
        """The world, the agent, and whatever they start."""
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def states(self) -> dict[str, str]:
        snapshot = read_snapshot(Path(self.facts["database"]), time.time())
        assert snapshot is not None
        return {row.name: row.state for row in snapshot.instances}

    def leave(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@contextmanager
def open_demo(folder: Path, *words: str, before: Sequence[str] = ()) -> Iterator[Demo]:
    facts = folder / "facts.json"
    process = subprocess.Popen(
        [*before, sys.executable, "-P", str(SCRIPT), str(facts), *words],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "TMPDIR": str(folder), **PLANTED},
    )
    try:
        wait_for(lambda: facts.exists() or process.poll() is not None, 60)
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        yield Demo(process, json.loads(facts.read_text()))
    finally:
        process.kill()
        process.communicate()


def test_the_demo_has_a_life_of_its_own_and_takes_it_along(tmp_path: Path) -> None:
    with open_demo(tmp_path) as demo:
        assert stat.S_IMODE(demo.home.stat().st_mode) == 0o700
        assert demo.home.parent == tmp_path.resolve()
        assert set(demo.states()) == {"llama8-ca", "embed-1", "coder-us", "gemma-try"}
        wait_for(lambda: demo.states()["coder-us"] == "ready")
        children = demo.children()
        assert len(children) >= 2
        for child in children:
            seen = " ".join([*child.cmdline(), *child.environ(), *child.environ().values()])
            assert not [value for value in PLANTED.values() if value in seen]
            reached = {address.raddr.ip for address in child.net_connections() if address.raddr}
            assert all(address.startswith("127.") for address in reached)
        assert not set(PLANTED.values()) & set(demo.facts["environment"].values())
        home = demo.home
        began = time.monotonic()
        code, errors = demo.leave()
        assert time.monotonic() - began < 30
    assert code == demo_without_screen.EXIT_CODE
    assert str(home) in errors
    assert not home.exists()
    assert not psutil.wait_procs(children, timeout=30)[1]


def test_the_first_frame_has_a_past(tmp_path: Path) -> None:
    with open_demo(tmp_path) as demo:
        snapshot = read_snapshot(Path(demo.facts["database"]), time.time())
        assert snapshot is not None
        assert {row.ownership for row in snapshot.sightings} == {"orphan", "foreign"}
        assert len(snapshot.events) >= 10
        assert [row.at for row in snapshot.events] == sorted((row.at for row in snapshot.events), reverse=True)
        assert {row.state for row in snapshot.jobs} >= {"failed"}
        assert sum(row.settled_nano_usd or 0 for row in snapshot.spent) > 0
        assert all(row.price_usd_per_hour for row in snapshot.instances)


def test_a_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    with open_demo(tmp_path) as demo:
        children = demo.children()
        agent = psutil.Process(demo.facts["agent_pid"])
        assert agent in children
        demo.process.send_signal(signal.SIGKILL)
        demo.process.wait(30)
        assert not psutil.wait_procs(children, timeout=30)[1]


def test_without_any_network_and_kept_on_request(tmp_path: Path) -> None:
    tried = subprocess.run([*NO_NETWORK, "true"], check=False, capture_output=True) if shutil.which("unshare") else None
    can = tried is not None and tried.returncode == 0
    need("unshare", can, "apt-get install util-linux iproute2, and allow user namespaces")
    with open_demo(tmp_path, "--keep", before=NO_NETWORK) as demo:
        wait_for(lambda: demo.states()["coder-us"] == "ready")
        home = demo.home
        assert demo.leave()[0] == demo_without_screen.EXIT_CODE
    assert (home / "data" / "aic-tui.db").exists()


def test_without_moto_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotConfigured) as caught:
        run(demo_without_screen.Session(door_options={}), lambda runtime, *, read_only, debug: 0)
    assert "pip install 'aic-tui[demo]'" in caught.value.next_step


def test_what_the_store_knew_of_the_machines_is_what_they_say(tmp_path: Path) -> None:
    with open_demo(tmp_path) as demo:
        snapshot = read_snapshot(Path(demo.facts["database"]), time.time())
        assert snapshot is not None
        names = {row.id: row.name for row in snapshot.instances}
        assert {names[instance_id] for instance_id in snapshot.nodes} == set(names.values())
        assert {names[row.instance_id] for row in snapshot.tunnels} == {"llama8-ca", "embed-1"}
        wait_for(lambda: demo.states()["coder-us"] == "ready", 60)
        said = {name: setup_of(demo, name) for name in ("llama8-ca", "gemma-try", "coder-us")}
    assert said["gemma-try"]["state"] == "degraded"
    assert "licence" in said["gemma-try"]["problem"]
    typical = [step["typical_seconds"] for step in said["llama8-ca"]["steps"]]
    assert all(typical)


def test_its_containers_stand_there_at_once_and_are_what_the_agent_finds(tmp_path: Path) -> None:
    with open_demo(tmp_path) as demo:
        snapshot = read_snapshot(Path(demo.facts["database"]), time.time())
        assert snapshot is not None
        assert {"ollama-main", "openwebui", "tei-bge", "comfy"} <= {row.name for row in snapshot.containers}
        connections = {row.name: row for row in snapshot.connections}
        assert connections["hosted large"].state == "up"
        assert connections["hosted mini"].problem_kind == "AuthFailed"
        assert connections["batch box"].problem_kind == "Unreachable"
        assert connections["llama on lab-1"].used_at is not None
        told = [(row.name, row.state, row.url) for row in snapshot.hosts]
        assert [(name, state) for name, state, _ in told] == [("lab-1", "up"), ("lab-2", "down")]
        lab = next(row for row in snapshot.hosts if row.name == "lab-1")

        def looked() -> Any:
            found = read_snapshot(Path(demo.facts["database"]), time.time())
            hosts = found.hosts if found is not None else []
            return found if any(row.id == lab.id and row.read_at != lab.read_at for row in hosts) else None

        found = wait_for(looked)
        assert set(found.containers) == set(snapshot.containers)
        assert [(row.name, row.state, row.url) for row in found.hosts] == told


def setup_of(demo: Demo, name: str) -> dict[str, Any]:
    words = ["instance", "setup", name, "-o", "json"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "aicompute_tui", *words],
        env=demo.facts["environment"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
