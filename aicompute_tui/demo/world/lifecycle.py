"""Machines over time: pending before running, shutting-down before terminated, checks that take a while."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance, InstanceState, StateReason

_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
_LONGEST_SETTLE_SECONDS = 3.0
USER_INITIATED = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown")
ITS_OWN_SHUTDOWN = (
    "Client.InstanceInitiatedShutdown",
    "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
)
SPOT_INTERRUPTION = ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination")


@dataclass(frozen=True, slots=True)
class _Step:
    at: float
    instance: Instance
    state: str


class Lifecycle:
    """`boot_seconds` is the time from a launch to running, and again to passed checks; 0 makes all of it instant."""

    def __init__(self, boot_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._first_boot_seconds = boot_seconds
        self.set_boot_seconds(boot_seconds)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._steps: dict[str, _Step] = {}
        self._checked_at: dict[str, float] = {}

    def set_boot_seconds(self, seconds: float) -> None:
        """For machines launched from now on."""
        self._boot_seconds = seconds
        self._settle_seconds = min(seconds, _LONGEST_SETTLE_SECONDS)

    def launched(self, instance: Instance) -> None:
        instance.state_reason = StateReason("pending", "pending")
        self._boot(instance)

    def started(self, instance: Instance) -> None:
        instance.launch_time = utcnow()
        self._boot(instance)

    def stopped(self, instance: Instance) -> None:
        self._go(instance, "stopping", "stopped", self._settle_seconds)

    def ended(self, instance: Instance, reason: tuple[str, str] = USER_INITIATED) -> None:
        """Called after moto has taken the machine apart."""
        code, message = reason
        instance.state_reason = StateReason(message, code)
        self._go(instance, "shutting-down", "terminated", self._settle_seconds)

    def advance(self) -> None:
        """Makes every step whose time has come."""
        with self._lock:
            now = self._monotonic()
            for instance_id in [key for key, step in self._steps.items() if step.at <= now]:
                step = self._steps.pop(instance_id)
                _set_state(step.instance, step.state)
                if step.state == "running":
                    step.instance.state_reason = StateReason()

    def arrive(self, instance: Instance) -> None:
        """Makes a machine look as if it had long been running."""
        with self._lock:
            self._steps.pop(instance.id, None)
            self._checked_at.pop(instance.id, None)
        instance.state_reason = StateReason()
        _set_state(instance, "running")

    def checks(self, instance: Instance) -> str:
        """The word of DescribeInstanceStatus."""
        if instance.state != "running":
            return "not-applicable"
        return "ok" if self._checked_at.get(instance.id, 0.0) <= self._monotonic() else "initializing"

    def clear(self) -> None:
        self.set_boot_seconds(self._first_boot_seconds)
        with self._lock:
            self._steps.clear()
            self._checked_at.clear()

    def _boot(self, instance: Instance) -> None:
        self._checked_at[instance.id] = self._monotonic() + 2 * self._boot_seconds
        self._go(instance, "pending", "running", self._boot_seconds)
        _keep_on_loopback(instance)

    def _go(self, instance: Instance, now: str, then: str, seconds: float) -> None:
        with self._lock:
            self._steps[instance.id] = _Step(self._monotonic() + seconds, instance, then)
            _set_state(instance, now)


def _set_state(instance: Instance, name: str) -> None:
    instance._state = InstanceState(name, _CODES[name])  # noqa: SLF001 (moto offers no other way)


def loopback_address(instance_id: str) -> str:
    """An address of this computer's own that is always the same for one machine."""
    number = zlib.crc32(instance_id.encode()) % (254 * 254)
    return f"127.0.{number // 254 + 1}.{number % 254 + 1}"


def _keep_on_loopback(instance: Instance) -> None:
    for card in instance.nics.values():
        if card.public_ip:
            card.public_ip = loopback_address(instance.id)


def install_checks(lifecycle: Lifecycle) -> None:
    """Gives moto's machines the lifecycle's status words and names that lead nowhere outside."""

    def status(instance: Instance) -> dict[str, object]:
        word = lifecycle.checks(instance)
        if word == "not-applicable":
            return {"Status": word}
        passed = "passed" if word == "ok" else "initializing"
        return {"Details": [{"Name": "reachability", "Status": passed}], "Status": word}

    def public_name(instance: Instance) -> str | None:
        return instance.public_ip

    for name, getter in (("instance_status", status), ("system_status", status), ("public_dns_name", public_name)):
        setattr(Instance, name, property(getter))
