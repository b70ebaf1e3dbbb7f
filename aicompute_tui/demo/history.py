"""The past of the demo's store: machines that run, machines that ended, what was done and by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from aicompute_tui.demo.fleet import FIRST_ACCOUNT, Member, Whose
from aicompute_tui.demo.nodes.setting_up import given_up_at
from aicompute_tui.demo.surroundings import CREDENTIAL_ID, REGION
from aicompute_tui.demo.told import Told, plan_at, ready_at, told_by
from aicompute_tui.demo.world import snapshot
from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance, InstanceState, Market
from aicompute_tui.domain.job import Job, JobState
from aicompute_tui.domain.ledger import SETUP_FAILED
from aicompute_tui.domain.money import accrued_nano_usd
from aicompute_tui.domain.node import describe_failure, failed_step
from aicompute_tui.domain.remote import Ownership, RemoteState, Sighting
from aicompute_tui.services.context import Actor
from aicompute_tui.services.own_end import AT_ITS_TIME

_SPOT_SOURCE = "AWS spot price history"
_ON_DEMAND_SOURCE = "AWS price list"


@dataclass(frozen=True, slots=True)
class _Past:
    """A machine that has ended: how long ago it was launched and how long it ran."""

    name: str
    instance_type: str
    region: str
    zone: str
    market: Market
    launched_ago: timedelta
    ran: timedelta
    reason: str
    framework: str = "none"
    models: tuple[str, ...] = ()


def _past(name: str, instance_type: str, zone: str, market: Market, ago: float, hours: float, reason: str) -> _Past:
    framework, models = _SERVED.get(name, ("none", ()))
    ran = timedelta(hours=hours)
    return _Past(name, instance_type, zone[:-1], zone, market, timedelta(hours=ago), ran, reason, framework, models)


_ON_REQUEST = "terminated on request"
_BY_ITSELF = AT_ITS_TIME
_TAKEN_BACK = "taken back by the cloud (spot interruption)"
_SERVED = {
    "coder-1": ("ollama", ("qwen2.5-coder:7b", "nomic-embed-text")),
    "coder-2": ("ollama", ("qwen2.5-coder:7b", "nomic-embed-text")),
    "llama8-old": ("vllm", ("meta-llama/Llama-3.1-8B-Instruct",)),
    "bench-g5": ("vllm", ("Qwen/Qwen2.5-7B-Instruct",)),
}
_ENDED = (
    _past("eval-1", "g5.12xlarge", "us-east-1a", Market.SPOT, 13 * 24 + 3, 6.4, _ON_REQUEST),
    _past("llama70-a", "g5.12xlarge", "us-east-1b", Market.SPOT, 11 * 24 + 7, 8.0, _BY_ITSELF),
    _past("tts-try", "g4dn.xlarge", "ca-central-1a", Market.SPOT, 10 * 24 + 2, 3.2, _ON_REQUEST),
    _past("llama70-b", "g5.12xlarge", "us-east-1b", Market.SPOT, 8 * 24 + 9, 5.1, _TAKEN_BACK),
    _past("embed-0", "g4dn.xlarge", "ca-central-1a", Market.ON_DEMAND, 7 * 24 + 20, 96.0, _ON_REQUEST),
    _past("coder-1", "g6.xlarge", "us-east-1a", Market.SPOT, 6 * 24 + 5, 8.0, _BY_ITSELF),
    _past("coder-2", "g6.xlarge", "us-east-1b", Market.SPOT, 5 * 24 + 4, 7.5, _ON_REQUEST),
    _past("eval-2", "g6e.xlarge", "us-east-1a", Market.SPOT, 3 * 24 + 6, 5.7, _ON_REQUEST),
    _past("llama8-old", "g5.xlarge", "ca-central-1b", Market.SPOT, 30, 8.0, _BY_ITSELF),
    _past("bench-g5", "g5.xlarge", "ca-central-1a", Market.SPOT, 9, 1.5, _ON_REQUEST),
)

_STATES = {
    "instance.requested": ("", "requested"),
    "instance.launched": ("launching", "booting"),
    "instance.ready": ("preparing", "ready"),
    "instance.setup-failed": ("preparing", "degraded"),
    "instance.failed": ("requested", "failed"),
    "instance.terminated": ("terminating", "terminated"),
}
"""What each kind of event makes of a machine's state."""


def price_of(instance_type: str, zone: str, market: Market) -> Decimal | None:
    """The world's price in `zone`, the region's on-demand price otherwise."""
    region = zone[:-1]
    if market is Market.SPOT:
        return snapshot.spot_prices(instance_type, region).get(zone)
    quote = snapshot.quotes().get((instance_type, region))
    return quote.on_demand if quote else None


class History:
    """Rows as they would stand had the demo's owner worked for two weeks."""

    def __init__(self, actor: Actor, now: datetime) -> None:
        self._actor = actor
        self._now = now.replace(microsecond=0)
        self._events: list[Event] = []
        self._ports: set[int] = set()

    def credential(self) -> Credential:
        return Credential(
            id=CREDENTIAL_ID,
            cloud="aws",
            name="default",
            method="shared-credentials-file",
            profile="default",
            region=REGION,
            account_id=FIRST_ACCOUNT,
            arn=f"arn:aws:sts::{FIRST_ACCOUNT}:user/moto",
            checked_at=self._now,
        )

    def running(self, member: Member, machine: Mapping[str, Any], launch_id: str) -> tuple[Instance, Job]:
        """The row of a machine of the fleet, and the job that launched it. `machine` is the world's word on it."""
        launched = self._now - timedelta(seconds=member.age_seconds)
        requested = launched - timedelta(seconds=3)
        ends = self._now + timedelta(seconds=member.ends_in_seconds)
        plan = plan_at(member, self._now)
        ready = ready_at(plan, self._now)
        framework = FRAMEWORKS.get(member.framework)
        row = self._row(launch_id, member.name, member.instance_type, member.zone, member.market, requested)
        ttl = member.age_seconds + member.ends_in_seconds
        job = self._launch_job(row, launched, f"{member.name} is {machine['instance_id']}")
        row.update(
            remote_id=machine["instance_id"],
            spot_request_id=machine["spot_request_id"],
            framework=member.framework,
            models=member.models,
            protected=member.protected,
            idle_seconds=member.idle_seconds,
            node_endpoint=framework.node_endpoint if framework is not None else None,
            login="ubuntu",
            state=InstanceState.PREPARING if ready is None else InstanceState.READY,
            state_since=ready or launched + timedelta(seconds=41),
            ttl_seconds=ttl,
            max_ttl_seconds=max(86_400, 3 * ttl),
            expires_at=ends,
            node_expires_at=ends,
            launched_at=launched,
            billing_since=launched,
            ready_at=ready,
            last_seen_at=self._now,
            public_address=machine["public_address"],
            private_address=machine["private_address"],
            job_id=job.id,
        )
        instance = Instance(**row)
        self._tell_launch(instance)
        if ready is not None:
            self._tell(instance, ready, "instance.ready", f"{member.name} is ready", by_agent=True)
        return instance, job

    def told(self, instance: Instance, member: Member) -> tuple[Instance, Told]:
        """What the machine says of itself, and its row with what follows of it."""
        told = told_by(instance, member, self._now, self._ports)
        failed = failed_step(told.report.steps)
        if told.tunnel is not None:
            self._ports.add(told.tunnel.local_port)
        if failed is not None:
            message = describe_failure(failed)
            at = datetime.fromtimestamp(int(given_up_at(told.plan)), UTC)
            self._tell(instance, at, "instance.setup-failed", f"{member.name}: {message}", level="error", by_agent=True)
            instance = replace(
                instance,
                state=InstanceState.DEGRADED,
                state_since=at,
                error_kind=SETUP_FAILED,
                error_message=message,
            )
        return instance, told

    def ended(self) -> Iterator[Instance]:
        """Machines that ran in the last two weeks."""
        for past in _ENDED:
            launched = self._now - past.launched_ago
            ended = launched + past.ran
            requested = launched - timedelta(seconds=4)
            row = self._row(new_id(requested), past.name, past.instance_type, past.zone, past.market, requested)
            price = row["price_usd_per_hour"]
            row.update(
                remote_id=f"i-0{new_id(launched).replace('-', '')[-16:]}",
                framework=past.framework,
                models=past.models,
                state=InstanceState.TERMINATED,
                state_since=ended,
                settled_nano_usd=None if price is None else accrued_nano_usd(price, past.ran),
                ttl_seconds=8 * 3_600,
                max_ttl_seconds=86_400,
                launched_at=launched,
                ready_at=launched + timedelta(minutes=6),
                ended_at=ended,
                last_seen_at=ended,
                end_reason=past.reason,
            )
            instance = Instance(**row)
            self._tell_launch(instance)
            by_cloud = past.reason == _TAKEN_BACK
            level = "warning" if by_cloud else "info"
            message = f"{past.name} is terminated: {past.reason}"
            self._tell(instance, ended, "instance.terminated", message, level=level, by_agent=True)
            yield instance

    def refused(self) -> tuple[Instance, Job]:
        """A launch that the quota did not allow."""
        requested = self._now - timedelta(hours=6, minutes=10)
        message = "All P5 Spot Instance Requests allows 0 vCPUs in us-east-1, and p5.48xlarge needs 192."
        row = self._row(new_id(requested), "big-try", "p5.48xlarge", "us-east-1a", Market.SPOT, requested)
        ended = requested + timedelta(seconds=2)
        row.update(
            zone=None,
            state=InstanceState.FAILED,
            state_since=ended,
            settled_nano_usd=0,
            ended_at=ended,
            end_reason=message,
            error_kind="OutOfQuota",
            error_message=message,
        )
        instance = Instance(**row)
        job = self._launch_job(row, ended, "", error=("OutOfQuota", message))
        self._tell(instance, ended, "instance.failed", f"big-try: {message}", level="error")
        return instance, job

    def sighting(self, member: Member, machine: Mapping[str, Any], tags: Mapping[str, str]) -> Sighting:
        """A machine that has no row of ours, as the last look found it."""
        price = price_of(member.instance_type, member.zone, member.market)
        return Sighting(
            cloud="aws",
            account_id=FIRST_ACCOUNT,
            region=member.region,
            remote_id=machine["instance_id"],
            ownership=Ownership.ORPHAN if member.whose is Whose.ORPHAN else Ownership.FOREIGN,
            credential_id=CREDENTIAL_ID,
            store_id=tags["aic-tui:store"],
            owner=tags["aic-tui:owner"],
            name=member.name,
            instance_type=member.instance_type,
            market=member.market,
            state=RemoteState.RUNNING,
            zone=machine["zone"],
            launched_at=self._now - timedelta(seconds=member.age_seconds),
            expires_at=tags["aic-tui:expires-at"],
            price_usd_per_hour=None if price is None else str(price),
            first_seen_at=self._now - timedelta(minutes=50),
            last_seen_at=self._now,
        )

    def events(self) -> Sequence[Event]:
        """Everything told so far, oldest first."""
        return sorted(self._events, key=lambda event: event.at)

    def _row(
        self, identifier: str, name: str, instance_type: str, zone: str, market: Market, requested: datetime
    ) -> dict[str, Any]:
        gpu = snapshot.gpu(instance_type)
        return {
            "id": identifier,
            "owner": self._actor.owner,
            "created_by": self._actor.name,
            "name": name,
            "cloud": "aws",
            "credential_id": CREDENTIAL_ID,
            "account_id": FIRST_ACCOUNT,
            "region": zone[:-1],
            "zone": zone,
            "instance_type": instance_type,
            "market": market,
            "gpu_name": gpu.name,
            "gpu_count": gpu.count,
            "gpu_memory_mib": gpu.memory_mib,
            "price_usd_per_hour": price_of(instance_type, zone, market),
            "price_source": _SPOT_SOURCE if market is Market.SPOT else _ON_DEMAND_SOURCE,
            "price_as_of": requested,
            "requested_at": requested,
            "state_since": requested,
            "host_id": self._actor.host_id,
        }

    def _launch_job(
        self, row: Mapping[str, Any], ended: datetime, progress: str, error: tuple[str, str] | None = None
    ) -> Job:
        began: datetime = row["requested_at"]
        given = {"name": row["name"], "region": row["region"], "type": row["instance_type"], "market": row["market"]}
        if "framework" in row:
            given |= {"framework": row["framework"], "model": list(row["models"])}
        return Job(
            id=new_id(began),
            owner=self._actor.owner,
            created_by=self._actor.name,
            action_id="instance.launch",
            parameters_json=json.dumps(given),
            subject=row["id"],
            state=JobState.FAILED if error else JobState.DONE,
            progress=progress,
            error_kind=error[0] if error else None,
            error_message=error[1] if error else None,
            credential_id=CREDENTIAL_ID,
            created_at=began,
            started_at=began,
            ended_at=ended,
        )

    def _tell_launch(self, instance: Instance) -> None:
        price = instance.price_usd_per_hour
        words = "price unknown" if price is None else f"${price:.4f}/h"
        message = f"{instance.name}: {instance.instance_type} {instance.market} in {instance.region}, {words}"
        self._tell(instance, instance.requested_at, "instance.requested", message)
        if instance.launched_at is not None:
            message = f"{instance.name} is {instance.remote_id} in {instance.zone}"
            self._tell(instance, instance.launched_at, "instance.launched", message)

    def _tell(
        self, about: Instance, at: datetime, kind: str, message: str, *, level: str = "info", by_agent: bool = False
    ) -> None:
        actor = f"agent@{self._actor.name.partition('@')[2]}" if by_agent else self._actor.name
        before, after = _STATES.get(kind, ("", ""))
        self._events.append(
            Event(
                id=new_id(at),
                at=at,
                actor=actor,
                kind=kind,
                subject_kind="instance",
                subject_id=about.id,
                subject_name=about.name,
                message=message,
                level=level,
                before={"state": before} if before else {},
                after={"state": after} if after else {},
            )
        )
