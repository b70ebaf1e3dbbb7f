"""`aic-tui demo`: the console in a world of its own, which ends and disappears with it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from aicompute_tui.demo.ports import free_ports, has_many_addresses
from aicompute_tui.demo.surroundings import Surroundings
from aicompute_tui.demo.tether import command, holding
from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.runtime import Runtime

_BOOT_SECONDS = 8
_SERVERS = 4
_WORLD_SECONDS = 60.0
_AGENT_END_SECONDS = 6.0
_ONE_ADDRESS = "this system has a single loopback address, so the demo's machines cannot be reached by ssh here."


class Session(Protocol):
    """What the command line knows of this call."""

    @property
    def build(self) -> Callable[..., Any]: ...

    environment: dict[str, str]
    read_only: bool
    debug: bool
    door_options: dict[str, Any]


class OpenConsole(Protocol):
    def __call__(self, runtime: Runtime, *, read_only: bool, debug: bool) -> int: ...


def run(session: Session, open_console: OpenConsole) -> int:
    """Answers the console's exit code. Raises NotConfigured where moto is not installed or the world does not start."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
        raise NotConfigured("The demo needs moto, which is not installed.", "Install it: pip install 'aic-tui[demo]'.")
    keep = bool(session.door_options.get("keep"))
    with _home(keep=keep) as home:
        surroundings = _surroundings(home)
        surroundings.write_aws_files()
        own = session.environment
        with _world(surroundings, own) as world_port, _nodes(surroundings, own), _lab(surroundings, own):
            with holding(surroundings.tether):
                _fill(session, surroundings, world_port)
                environment = surroundings.environment(session.environment, f"http://127.0.0.1:{world_port()}")
                runtime = _runtime(session, surroundings, environment)
                code = open_console(runtime, read_only=session.read_only, debug=session.debug)
            _wait_for_agent(runtime.places.agent_lock)
        return code


def _surroundings(home: Path) -> Surroundings:
    ssh_port, lab_port, provider_port, hub_port, *server_ports = free_ports(4 + _SERVERS)
    return Surroundings(home, ssh_port, lab_port, provider_port, tuple(server_ports), hub_port)


def _fill(session: Session, surroundings: Surroundings, world_port: Callable[[], int]) -> None:
    from aicompute_tui.demo.beginning import fill_store  # while the world starts, which takes longer

    runtime = _runtime(session, surroundings, surroundings.environment(session.environment, None))
    asyncio.run(fill_store(runtime, surroundings, world_port))


def _runtime(session: Session, surroundings: Surroundings, environment: Mapping[str, str]) -> Runtime:
    runtime: Runtime = session.build(environment=environment, agent_command=command(surroundings.tether, ["agent"]))
    return runtime


@contextlib.contextmanager
def _home(*, keep: bool) -> Iterator[Path]:
    """A folder for this demo alone, gone at the end unless it is to be kept."""
    home = Path(tempfile.mkdtemp(prefix="aic-tui-demo-")).resolve()
    fate = "stays" if keep else "is removed at the end"
    print(f"aic-tui: the demo lives in {home}, which {fate}.", file=sys.stderr, flush=True)
    if not has_many_addresses():
        print(f"aic-tui: {_ONE_ADDRESS}", file=sys.stderr, flush=True)
    try:
        yield home
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _world(surroundings: Surroundings, own: Mapping[str, str]) -> Iterator[Callable[[], int]]:
    """The embedded cloud, started; what is given waits until it answers and tells its port."""
    words = ["--port-file", str(surroundings.port_file), "--boot-seconds", str(_BOOT_SECONDS)]
    with _running("world", words, surroundings, own) as process:
        yield lambda: _port_of(process, surroundings)


@contextlib.contextmanager
def _nodes(surroundings: Surroundings, own: Mapping[str, str]) -> Iterator[None]:
    """The machines of that cloud, which answer ssh as soon as both stand."""
    words = ["--home", str(surroundings.home), "--world-port-file", str(surroundings.port_file)]
    with _running("nodes", [*words, "--port", str(surroundings.ssh_port)], surroundings, own):
        yield


@contextlib.contextmanager
def _lab(surroundings: Surroundings, own: Mapping[str, str]) -> Iterator[None]:
    """The container host, model servers and what answers prompts, all at once; at the other host's port nobody does."""
    words = ["--port", str(surroundings.lab_port), "--silent-port", str(surroundings.ssh_port)]
    words += ["--provider-port", str(surroundings.provider_port), "--hub-port", str(surroundings.hub_port)]
    words += [word for port in surroundings.server_ports for word in ("--server-port", str(port))]
    with _running("lab", [*words, "--began", repr(surroundings.began)], surroundings, own):
        yield


@contextlib.contextmanager
def _running(
    part: str, words: Sequence[str], surroundings: Surroundings, own: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the demo, which ends with this one however that ends."""
    with (surroundings.home / f"{part}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", f"aicompute_tui.demo.{part}", *words, "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=surroundings.home,
            env=surroundings.environment(own, None),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _port_of(process: subprocess.Popen[bytes], surroundings: Surroundings) -> int:
    deadline = time.monotonic() + _WORLD_SECONDS
    while not surroundings.port_file.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            last = (surroundings.home / "world.log").read_text(encoding="utf-8", errors="replace").strip()[-500:]
            raise NotConfigured(
                "The demo's world did not start.", "Install it anew: pip install --upgrade 'aic-tui[demo]'.", last
            )
        time.sleep(0.02)
    return int(surroundings.port_file.read_text(encoding="ascii"))


def _wait_for_agent(lock: Path) -> None:
    """Until the agent, whose tether is cut by now, has let go of its lock."""
    if not lock.exists():
        return
    descriptor = os.open(lock, os.O_RDWR)
    deadline = time.monotonic() + _AGENT_END_SECONDS
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
            else:
                return
    finally:
        os.close(descriptor)
