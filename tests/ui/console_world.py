"""A whole console over rows the test writes: a clock it moves, jobs it remembers, readings it hands in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot
from textual.widgets import Input

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.errors import AicError, Unreachable
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.offer_table import OfferTable, table_of
from aicompute_tui.store.rows import (
    ConnectionRow,
    ContainerRow,
    HostRow,
    InstanceRow,
    JobRow,
    NodeRow,
    QuotaRequestRow,
    ServerRow,
    SightingRow,
    Snapshot,
    TunnelRow,
)
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.glyphs import UNICODE, Glyphs
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.footer_line import FooterLine
from aicompute_tui.ui.widgets.header_line import HeaderLine
from aicompute_tui.ui.widgets.jobs_line import JobsLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_LETTERS = {*ascii_letters, *digits, "slash", "minus", "full_stop", "space", "underscore"}
START = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
NOW = START.timestamp()
MINUTE = 60.0
HOUR = 3600.0


async def _turn(*_: float) -> None:
    await asyncio.sleep(0)


class MovedClock:
    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def machine(name: str, **changes: Any) -> InstanceRow:
    """A g5.xlarge that has been ready for an hour and ends in seven."""
    values: dict[str, Any] = dict.fromkeys(InstanceRow._fields)
    values |= {
        "id": f"id-{name}", "name": name, "state": "ready", "desired_state": "running", "owner": "ana", "cloud": "aws",
        "account_id": "123456789012", "credential_id": "aws:profile:team", "region": "ca-central-1",
        "zone": "ca-central-1b", "remote_id": f"i-{name}", "instance_type": "g5.xlarge", "market": "spot",
        "gpu_name": "A10G", "gpu_count": 1, "gpu_memory_mib": 24576, "framework": "vllm", "models": '["llama"]',
        "protected": 0, "price_usd_per_hour": 0.42, "settled_nano_usd": 0, "billing_since": NOW - HOUR,
        "ttl_seconds": 28800, "idle_seconds": 1800, "expires_at": NOW + 7 * HOUR, "requested_at": NOW - HOUR,
        "launched_at": NOW - HOUR, "state_since": NOW - HOUR, "last_seen_at": NOW, "host_id": "host", "version": 1,
    }  # fmt: skip
    return InstanceRow(**(values | changes))


def sighting(name: str, ownership: str = "foreign", **changes: Any) -> SightingRow:
    values: dict[str, Any] = dict.fromkeys(SightingRow._fields)
    values |= {
        "cloud": "aws", "account_id": "123456789012", "region": "us-east-1", "remote_id": f"i-{name}",
        "ownership": ownership, "credential_id": "aws:profile:team", "store_id": "other", "owner": "ben", "name": name,
        "instance_type": "g6.xlarge", "market": "spot", "state": "running", "first_seen_at": NOW, "last_seen_at": NOW,
    }  # fmt: skip
    return SightingRow(**(values | changes))


def job(action_id: str, state: str = "running", **changes: Any) -> JobRow:
    values: dict[str, Any] = dict.fromkeys(JobRow._fields)
    values |= {
        "id": f"job-{action_id}", "action_id": action_id, "state": state, "progress": "", "created_by": "ana@jump",
        "cancel_requested": 0, "created_at": NOW, "version": 1,
    }  # fmt: skip
    return JobRow(**(values | changes))


def node(name: str, **changes: Any) -> NodeRow:
    """What a machine said just now; steps, activity and GPUs may be given as values."""
    values: dict[str, Any] = dict.fromkeys(NodeRow._fields, "")
    values |= {"instance_id": f"id-{name}", "host_id": "host", "read_at": NOW, "link": "connected",
               "steps": "[]", "gpus": "[]", "idle_since": None, "idle_ends_at": None}  # fmt: skip
    written = {key: each if isinstance(each, str | float | None) else json.dumps(each) for key, each in changes.items()}
    return NodeRow(**(values | written))


def step(stage: str, state: str = "done", **changes: Any) -> dict[str, Json]:
    """A step of a set-up as rows and streams hold it."""
    blank: dict[str, Json] = {"name": "", "percent": None, "elapsed_seconds": None, "detail": ""}
    return {"stage": stage, "state": state, **blank, **changes}


def gpu(index: int, **changes: Any) -> dict[str, Json]:
    """A GPU as rows and streams hold it."""
    values: dict[str, Json] = {
        "index": index, "name": "NVIDIA A10G", "utilisation_percent": 37.0, "memory_used_mib": 21_606.0,
        "memory_total_mib": 23_028.0, "temperature_celsius": 41.0, "power_watts": 120.0, "power_limit_watts": 300.0,
    }  # fmt: skip
    return values | changes


def tunnel(name: str, remote_port: int = 8000, local_port: int = 18_412, **changes: Any) -> TunnelRow:
    values: dict[str, Any] = {"instance_id": f"id-{name}", "host_id": "host", "remote_port": remote_port,
                              "local_port": local_port, "is_endpoint": 1, "state": "open", "problem": ""}  # fmt: skip
    return TunnelRow(**(values | changes))


def host_row(name: str, **changes: Any) -> HostRow:
    """A Docker engine with two GPUs that answers; facts may be given as values."""
    facts: dict[str, Json] = {
        "engine": "Docker", "engine_version": "29.1.3", "api_version": "1.52", "name": name, "cpus": 32,
        "operating_system": "Debian GNU/Linux 13", "architecture": "x86_64", "memory_bytes": 128 << 30,
        "runtimes": ["runc", "nvidia"], "gpus": ["NVIDIA A10G", "NVIDIA A10G"], "free_disk_bytes": 412 << 30,
        "containers": 4, "running": 3, "images": 12,
    }  # fmt: skip
    values: dict[str, Any] = {
        "id": f"host-{name}", "owner": "ana", "name": name, "kind": "docker", "url": f"ssh://ops@{name}.example",
        "environment": None, "address": None, "kept_by": "host", "created_at": NOW - 50 * HOUR, "version": 1,
        "state": "up", "read_at": NOW, "since": NOW - 49 * HOUR, "problem_kind": "", "problem": "", "next_step": "",
        "facts": json.dumps(facts | changes.pop("facts", {})),
    }  # fmt: skip
    return HostRow(**(values | changes))


def container_row(name: str, host: str = "lab-1", **changes: Any) -> ContainerRow:
    """One that runs healthy for four days; ports and GPUs may be given as values."""
    values: dict[str, Any] = {
        "host_id": f"host-{host}", "id": name.encode().hex().ljust(64, "0")[:64], "name": name,
        "image": "ollama/ollama:0.33", "image_id": "sha256:" + "0" * 64, "command": "/bin/ollama serve",
        "state": "running", "health": "healthy", "exit_code": None, "is_out_of_memory": 0, "error": "",
        "restart_count": 0, "restart_policy": "unless-stopped", "created_at": NOW - 97 * HOUR,
        "started_at": NOW - 96 * HOUR, "finished_at": None, "ports": [[11_434, "tcp", "127.0.0.1", 11_434]],
        "gpus": "", "has_terminal": 0, "labels": "", "project": "",
    }  # fmt: skip
    values |= changes
    values |= {key: json.dumps(each) for key, each in values.items() if isinstance(each, list | dict)}
    return ContainerRow(**values)


def connection_row(name: str, **changes: Any) -> ConnectionRow:
    """A vLLM server of ours that answers; options, flags and tags may be given as values."""
    values: dict[str, Any] = dict.fromkeys(ConnectionRow._fields)
    values |= {
        "id": f"connection-{name}", "owner": "ana", "created_by": "ana@jump", "version": 1, "name": name,
        "kind": "vllm", "base_url": "http://127.0.0.1:8000/v1", "model": "llama-8b", "has_key": 0, "options": {},
        "flags": [], "tags": [], "is_active": 1, "created_at": NOW - 50 * HOUR, "description": "", "state": "up",
        "since": NOW - 49 * HOUR, "checked_at": NOW, "latency_seconds": 0.012, "failures": 0, "problem_kind": "",
        "problem": "", "next_step": "", "is_held_back": 0,
    }  # fmt: skip
    values |= changes
    values |= {key: json.dumps(each) for key, each in values.items() if isinstance(each, list | dict)}
    return ConnectionRow(**values)


def server_row(name: str, **changes: Any) -> ServerRow:
    """A vLLM server that answers; options, tags, models and figures may be given as values."""
    values: dict[str, Any] = dict.fromkeys(ServerRow._fields)
    values |= {
        "id": f"server-{name}", "owner": "ana", "created_by": "ana@jump", "version": 1, "name": name, "kind": "vllm",
        "base_url": "http://127.0.0.1:8000", "has_key": 0, "options": {}, "tags": [], "is_active": 1,
        "created_at": NOW - 50 * HOUR, "state": "up", "since": NOW - 49 * HOUR, "checked_at": NOW,
        "latency_seconds": 0.004, "failures": 0, "problem_kind": "", "problem": "", "next_step": "",
        "is_held_back": 0, "read_at": NOW, "server_version": "0.33.0", "models": [], "figures": {},
    }  # fmt: skip
    values |= changes
    values |= {key: json.dumps(each) for key, each in values.items() if isinstance(each, list | dict)}
    return ServerRow(**values)


def reading(
    instances: Sequence[InstanceRow] = (),
    sightings: Sequence[SightingRow] = (),
    jobs: Sequence[JobRow] = (),
    problem: str = "",
    *,
    nodes: Sequence[NodeRow] = (),
    tunnels: Sequence[TunnelRow] = (),
    hosts: Sequence[HostRow] = (),
    containers: Sequence[ContainerRow] = (),
    connections: Sequence[ConnectionRow] = (),
    servers: Sequence[ServerRow] = (),
    quota_requests: Sequence[QuotaRequestRow] = (),
) -> Snapshot:
    known = {each.instance_id: each for each in nodes}
    rows = (list(instances), list(sightings), list(jobs))
    read = Snapshot(1, "store", 1, *rows, [], [], {}, [], problem, nodes=known, tunnels=list(tunnels))
    read = read._replace(hosts=list(hosts), containers=list(containers))
    return read._replace(connections=list(connections), servers=list(servers), quota_requests=list(quota_requests))


class HeldStream:
    """One open question: `send` makes something come, `end` breaks it off."""

    def __init__(self, action_id: str, arguments: dict[str, Json]) -> None:
        self.action_id = action_id
        self.arguments = arguments
        self.is_open = True
        self._coming: asyncio.Queue[Any] = asyncio.Queue()

    def send(self, item: Json) -> None:
        self._coming.put_nowait(item)

    def is_read(self) -> bool:
        """Whether all that was sent was taken."""
        return self._coming.empty()

    def end(self, problem: AicError | None = None) -> None:
        """Without a problem it comes to its own end."""
        self._coming.put_nowait(problem)

    async def items(self, first: Sequence[Json], *, ends: bool) -> AsyncGenerator[Json, None]:
        try:
            for item in first:
                yield item
            while not ends:
                item = await self._coming.get()
                if isinstance(item, AicError):
                    raise item
                if item is None:
                    return
                yield item
        finally:
            self.is_open = False


class HeldSession(Session):
    """Answers from `answers`, streams from `streamed`; without one there is no agent."""

    def __init__(self, *, read_only: bool = False, demo: bool = False, glyphs: Glyphs = UNICODE) -> None:
        self.moved_clock = MovedClock()
        super().__init__(self.moved_clock, read_only=read_only, demo=demo, glyphs=glyphs)
        self.agent_state = "on"
        self.answers: dict[str, Json] = {}
        self.known_offers = table_of([])
        self.submitted: list[tuple[str, dict[str, Json], str | None]] = []
        self.sealed: list[str] = []
        """Secrets that were handed over with a job."""
        self.refusal: AicError | None = None
        self.streamed: dict[str, list[Json]] = {}
        """What each stream begins with."""
        self.stored: list[Json] = []
        """What is told of the past of a machine's GPUs."""
        self.opened: list[HeldStream] = []

    def open_streams(self, action_id: str) -> list[HeldStream]:
        return [each for each in self.opened if each.action_id == action_id and each.is_open]

    async def stream(self, action_id: str, arguments: Mapping[str, Json]) -> AsyncGenerator[Json, None]:
        if action_id not in self.streamed:
            raise Unreachable("No agent is running.", "Start one with `aic-tui agent`.")
        held = HeldStream(action_id, dict(arguments))
        self.opened.append(held)
        is_past = action_id == "instance.metrics" and "since" in arguments
        async with aclosing(held.items(self.stored if is_past else self.streamed[action_id], ends=is_past)) as items:
            async for item in items:
                yield item

    def hand_in(self, snapshot: Snapshot) -> None:
        """A new reading arrives, as from the follower."""
        self.on_change(self.state.apply(snapshot))

    async def submit(self, action_id: str, arguments: Mapping[str, Json], subject: str | None = None) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.submitted.append((action_id, dict(arguments), subject))
        return "job-1"

    async def submit_secret(self, action_id: str, arguments: Mapping[str, Json], secret: Secret) -> str:
        self.sealed.append(secret.text)
        return await self.submit(action_id, arguments)

    async def offers(self) -> OfferTable:
        return self.known_offers

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id not in self.answers:
            raise Unreachable("No agent is running.", "Start one with `aic-tui agent`.")
        return self.answers[action_id]


class Console:
    """What a person sees and does."""

    def __init__(self, app: ConsoleApp, session: HeldSession, pilot: Pilot[int]) -> None:
        self.app = app
        self.session = session
        self.pilot = pilot

    @property
    def header(self) -> str:
        return self.view.query_one(HeaderLine).text

    @property
    def footer(self) -> str:
        return self.view.query_one(FooterLine).text

    @property
    def jobs(self) -> str:
        return self.view.query_one(JobsLine).text.strip()

    @property
    def machines(self) -> VirtualTable[InstanceRow]:
        return self.app.screen_stack[0].query_one("#machines", VirtualTable)

    @property
    def names(self) -> list[str]:
        return [self.machines.rows[row_id].name for row_id in self.machines.order]

    @property
    def view(self) -> ConsoleScreen:
        view = self.app.view
        assert view is not None
        return view

    def line(self, table: VirtualTable[Any], y: int) -> str:
        """A painted line of a table."""
        return table.render_line(y).text

    def parts(self, *selectors: str) -> str:
        """What these parts of the view say, also what is out of sight in them."""
        return "\n".join(self.view.query_one(selector, ContentLines).text for selector in selectors)

    @property
    def shown(self) -> str:
        """The whole screen as it stands."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def press(self, *keys: str) -> None:
        """Letters go into a field without the pause that any other key gets."""
        for key in keys:
            if isinstance(self.app.focused, Input) and key in _LETTERS:
                with patch("textual.app.wait_for_idle", _turn):
                    await self.pilot.press(key)
            else:
                await self.pilot.press(key)
        await self.pilot.pause()

    async def painted(self) -> None:
        """Once what has changed so far is on the screen."""
        await self.pilot.pause()
        async with asyncio.timeout(30):
            await self.app.screen.wait_for_refresh()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits for a condition: five seconds, of which a look counts for a tenth at most, however late it came."""
        waited = 0.0
        while not holds():
            assert waited < 5, f"what was waited for did not come:\n{self.shown}"
            began = time.monotonic()
            await self.pilot.pause()
            await asyncio.sleep(0.01)
            waited += min(time.monotonic() - began, 0.1)


@asynccontextmanager
async def console(
    snapshot: Snapshot | None = None, *, session: HeldSession | None = None, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Console]:
    held = session or HeldSession()
    held.state.apply(snapshot or reading())
    app = ConsoleApp(held)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Console(app, held, pilot)
