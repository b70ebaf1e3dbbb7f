"""A console without an agent: a session whose answers the test writes, and an app that shows one screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import InstanceRow
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.session import Session

TYPES: list[Json] = [
    {"name": "g5.xlarge", "gpu_name": "A10G", "gpu_count": 1, "gpu_memory_mib": 24576, "vcpu_count": 4,
     "memory_mib": 16384, "architecture": "x86_64", "has_spot": True, "disabled_reason": None,
     "spot_usd_per_hour": 0.4213, "on_demand_usd_per_hour": 1.123, "price_source": "snapshot", "zones": ["a"]},
    {"name": "g5.12xlarge", "gpu_name": "A10G", "gpu_count": 4, "gpu_memory_mib": 24576, "vcpu_count": 48,
     "memory_mib": 196608, "architecture": "x86_64", "has_spot": True, "disabled_reason": None,
     "spot_usd_per_hour": 1.21, "on_demand_usd_per_hour": 6.2, "price_source": "snapshot", "zones": ["a"]},
    {"name": "g7e.48xlarge", "gpu_name": "RTX PRO Server 6000", "gpu_count": 8, "gpu_memory_mib": 98304,
     "vcpu_count": 192, "memory_mib": 2097152, "architecture": "x86_64", "has_spot": True, "disabled_reason": None,
     "spot_usd_per_hour": None, "on_demand_usd_per_hour": None, "price_source": None, "zones": []},
    {"name": "p3.2xlarge", "gpu_name": "V100", "gpu_count": 1, "gpu_memory_mib": 16384, "vcpu_count": 8,
     "memory_mib": 62464, "architecture": "x86_64", "has_spot": True, "zones": [],
     "disabled_reason": "no current driver image supports its V100", "spot_usd_per_hour": 0.9,
     "on_demand_usd_per_hour": 3.3, "price_source": "snapshot"},
]  # fmt: skip


REGIONS: list[Json] = [
    {"code": "ca-central-1", "name": "Canada (Central)", "country": "CA", "enabled": True, "is_default": True,
     "note": None},
    {"code": "us-east-1", "name": "US East (N. Virginia)", "country": "US", "enabled": True, "is_default": False,
     "note": None},
    {"code": "me-south-1", "name": "Middle East (Bahrain)", "country": "BH", "enabled": False, "is_default": False,
     "note": None},
]  # fmt: skip


def check(name: str, verdict: str, reason: str, next_step: str = "") -> JsonObject:
    return {"name": name, "verdict": verdict, "reason": reason, "next_step": next_step}


PREFLIGHT: JsonObject = {
    "can_launch": True,
    "count": 1,
    "price_usd_per_hour": 0.4213,
    "price_source": "DescribeSpotPriceHistory, 3 min old",
    "cost_ttl_usd": 3.3704,
    "cost_month_usd": 307.55,
    "ends": [
        "It powers itself off at 2026-11-20T16:55:00Z (in 8h), with no console and no agent needed; "
        "that terminates it.",
        "The agent terminates it at its end too.",
        "An extension can move that to 2026-11-21T08:55:00Z at most.",
    ],
    "spec": {"region": "ca-central-1", "ttl": "28800s"},
    "ends_at": "2026-11-20T16:55:00Z",
    "checks": [
        check("credentials", "ok", "shared-credentials-file, account 123456789012"),
        check("region", "ok", "ca-central-1, Canada (Central)"),
        check("machine", "ok", "g5.xlarge: 1 × A10G 22.4 GiB, 4 vCPU"),
        check("image", "ok", "Deep Learning Base OSS Nvidia Driver GPU AMI (ami-0abc)"),
        check("zones", "ok", "tries ca-central-1b, ca-central-1a"),
        check("quota", "unknown", "“All G and VT Spot Instance Requests” is unknown: not allowed to read it"),
        check("price", "ok", "$0.4213/h (DescribeSpotPriceHistory)"),
        check("ssh", "warning", "Your public address could not be found: ssh stays closed.", "Give --ssh-cidr."),
        check("budget", "ok", "$131.20 of $500.00 this month"),
    ],
}


class FixedClock:
    """Stands at one moment."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 8, 55, tzinfo=UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


Answer: TypeAlias = "Json | AicError | Callable[[Mapping[str, Json]], Json]"


class WrittenSession(Session):
    """Answers what `answers` says, remembers what was asked and submitted."""

    def __init__(self, answers: Mapping[str, Answer] | None = None, *, read_only: bool = False) -> None:
        super().__init__(FixedClock(), read_only=read_only)
        self.answers: dict[str, Answer] = {
            "instance.types": TYPES,
            "instance.preflight": PREFLIGHT,
            "setting.list": [],
            "credential.list": [],
            "region.list": REGIONS,
            "job.list": [],
            "template.list": [],
            **(answers or {}),
        }
        self.gates: dict[str, asyncio.Event] = {}
        self.asked: list[tuple[str, dict[str, Json]]] = []
        self.submitted: list[tuple[str, dict[str, Json]]] = []
        self.refusal: AicError | None = None

    def hold(self, action_id: str) -> asyncio.Event:
        """Questions of that kind are answered when it is set."""
        return self.gates.setdefault(action_id, asyncio.Event())

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        self.asked.append((action_id, dict(arguments)))
        if action_id in self.gates:
            await self.gates[action_id].wait()
        answer = self.answers.get(action_id)
        if isinstance(answer, AicError):
            raise answer
        return answer(arguments) if callable(answer) else answer

    async def submit(self, action_id: str, arguments: Mapping[str, Json], subject: str | None = None) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.submitted.append((action_id, dict(arguments)))
        return "0193-job"


def machine(name: str, **changes: Any) -> InstanceRow:
    """A running machine as the console reads it."""
    now = FixedClock().now().timestamp()
    values: dict[str, Any] = dict.fromkeys(InstanceRow._fields)
    values |= {
        "id": f"0193-{name}", "name": name, "state": "ready", "desired_state": "running", "owner": "ann",
        "cloud": "aws", "account_id": "123456789012", "credential_id": "aws:profile:team", "region": "ca-central-1",
        "zone": "ca-central-1b", "remote_id": f"i-{name}", "instance_type": "g5.xlarge", "market": "spot",
        "framework": "none", "models": "[]", "protected": 0, "price_usd_per_hour": 0.42, "settled_nano_usd": 0,
        "billing_since": now - 3600, "requested_at": now - 3600, "launched_at": now - 3600, "state_since": now - 3600,
        "host_id": "box", "expires_at": now + 7200, "version": 1,
    }  # fmt: skip
    return InstanceRow(**{**{key: values[key] for key in InstanceRow._fields}, **changes})


def console(session: Session) -> ConsoleApp:
    """The real console over a written session."""
    return ConsoleApp(session)


def keys_for(line: str) -> list[str]:
    """The keys that type `line`."""
    named = {" ": "space", "/": "slash", "@": "at", "=": "equals_sign", "-": "minus", ":": "colon", ".": "full_stop"}
    return [named.get(letter, letter) for letter in line]


def shown(app: App[Any]) -> str:
    """Everything on screen as text."""
    width = app.size.width
    lines = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text[:width].rstrip() for strip in lines)


class OneScreen(App[None]):
    """Shows one screen or dialog, and keeps what a dialog answered."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, make: Callable[[], Screen[Any]]) -> None:
        super().__init__()
        self.make = make
        self.answered: list[Any] = []

    def on_mount(self) -> None:
        self.push_screen(self.make(), self.answered.append)


async def until(pilot: Pilot[Any], holds: Callable[[], object], seconds: float = 5.0) -> None:
    """Waits until `holds` is true: for `seconds`, of which a look counts for a tenth at most, however late it came."""
    waited = 0.0
    while not holds():
        assert waited < seconds, "what was waited for did not come"
        began = time.monotonic()
        await pilot.pause(0.02)
        waited += min(time.monotonic() - began, 0.1)
