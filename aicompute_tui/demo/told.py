"""What the machines had told of themselves before the demo began: reports, GPU figures, times of set-ups, tunnels.

It is what the live machines say at the same moment, since both come of the same plans and cards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aicompute_tui.demo.fleet import Member
from aicompute_tui.demo.nodes import setting_up
from aicompute_tui.demo.nodes.box import Box, member_plan
from aicompute_tui.demo.nodes.commands import watch_round
from aicompute_tui.demo.nodes.facts import Facts
from aicompute_tui.demo.nodes.gpus import Gpus
from aicompute_tui.demo.nodes.setting_up import WHOLE_SECONDS, Plan
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.gpu import GpuSample
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.node import LinkState, NodeReading, NodeReport, SetupStep, Tunnel, TunnelState
from aicompute_tui.metrics.node_watch import WatchParser
from aicompute_tui.services.tunnels import choose_port

_FINE, _COARSE = 30, 300
_FINE_FOR = timedelta(hours=24)
_WAVES = (2, 3, 2, 0, 0, 1, 3, 4, 2, 1, 0, 2)
_WAVE_SECONDS = 1_500


@dataclass(frozen=True, slots=True)
class Told:
    """All of one machine."""

    plan: Plan
    report: NodeReport
    samples: tuple[GpuSample, ...]
    tunnel: Tunnel | None


def plan_at(member: Member, now: datetime) -> Plan:
    launched = (now - timedelta(seconds=member.age_seconds)).timestamp()
    return member_plan(member, launched, now.timestamp(), WHOLE_SECONDS)


def ready_at(plan: Plan, now: datetime) -> datetime | None:
    """None where it is not ready yet."""
    ready = setting_up.ready_at(plan)
    return datetime.fromtimestamp(int(ready), UTC) if ready <= now.timestamp() else None


def told_by(instance: Instance, member: Member, now: datetime, taken: Collection[int]) -> Told:
    """`taken` are the ports of this host that other tunnels have."""
    plan = plan_at(member, now)
    facts = _facts(instance)
    box = Box(facts, plan, now.timestamp(), member)
    reading = _reading(box, now)
    report = NodeReport(
        instance_id=instance.id,
        host_id=instance.host_id,
        read_at=now,
        link=LinkState.CONNECTED,
        steps=reading.steps,
        activity=reading.activity,
        gpus=reading.gpus,
        gpu_problem=reading.gpu_problem,
        clock_off_seconds=0.0,
    )
    tunnel = _tunnel(instance, taken) if ready_at(plan, now) is not None else None
    return Told(plan, report, tuple(_samples(instance, member, facts, plan, now)), tunnel)


def earlier_steps(framework: str, models: tuple[str, ...], launched: datetime) -> tuple[SetupStep, ...]:
    """The finished set-up of a machine that has ended since."""
    plan = setting_up.long_ago(framework, models, launched.timestamp())
    return setting_up.steps_of(plan, setting_up.ready_at(plan))


def _facts(instance: Instance) -> Facts:
    return Facts(
        instance_id=instance.remote_id or "",
        name=instance.name,
        address=instance.public_address or "",
        gpu_name=instance.gpu_name or "",
        gpu_count=instance.gpu_count or 0,
        gpu_memory_mib=instance.gpu_memory_mib or 0,
        seed=instance.name,
        framework=instance.framework,
        models=instance.models,
        idle_seconds=instance.idle_seconds,
        known=True,
    )


def _reading(box: Box, now: datetime) -> NodeReading:
    parser = WatchParser()
    for line in watch_round(box, now.timestamp()).splitlines():
        reading = parser.feed(line)
        if reading is not None:
            return reading
    raise AssertionError("a round of the watch has an end")


def _tunnel(instance: Instance, taken: Collection[int]) -> Tunnel | None:
    framework = FRAMEWORKS.get(instance.framework)
    if framework is None:
        return None
    return Tunnel(
        instance_id=instance.id,
        host_id=instance.host_id,
        remote_port=framework.node_port,
        local_port=choose_port(instance.id, framework.node_port, taken),
        is_endpoint=True,
        state=TunnelState.OPENING,
    )


def _samples(instance: Instance, member: Member, facts: Facts, plan: Plan, now: datetime) -> Iterator[GpuSample]:
    """Half minutes of the last day, five minutes before that; busy until its idleness began."""
    gpus = Gpus(facts.instance_id, facts.gpu_name, facts.gpu_count, facts.gpu_memory_mib)
    loaded = min(setting_up.ready_at(plan), now.timestamp() + 1)
    idle_from = now.timestamp() - member.idle_for_seconds
    answers = bool(member.is_busy or member.idle_for_seconds) and not member.failure
    at = now - timedelta(seconds=member.age_seconds)
    while at < now:
        span = _FINE if now - at <= _FINE_FOR else _COARSE
        moment = at.timestamp()
        works = answers and loaded <= moment < idle_from
        requests = _WAVES[int(moment // _WAVE_SECONDS) % len(_WAVES)] if works else 0
        gpus.step(float(span), requests, 0.82 * gpus.total_mib if answers and moment >= loaded else 0.0)
        for reading in gpus.readings():
            yield GpuSample(
                instance_id=instance.id,
                gpu_index=reading.index,
                at=at.replace(microsecond=0),
                span_seconds=span,
                utilisation_percent=reading.utilisation_percent,
                memory_used_mib=reading.memory_used_mib,
                memory_total_mib=reading.memory_total_mib,
                temperature_celsius=reading.temperature_celsius,
                power_watts=reading.power_watts,
            )
        at += timedelta(seconds=span)
