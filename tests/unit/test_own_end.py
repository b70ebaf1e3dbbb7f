"""Which of its own ends a machine came to, and that an end nobody wonders at alarms nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from aicompute_tui.domain.instance import DesiredState, InstanceState
from aicompute_tui.domain.ledger import ENDED_BY_ITSELF
from aicompute_tui.domain.node import NodeActivity, NodeReport, Tunnel, TunnelState
from aicompute_tui.domain.remote import RemoteState
from aicompute_tui.services.audit import save
from aicompute_tui.services.own_end import AT_ITS_TIME
from aicompute_tui.services.reconcile import reconcile
from aicompute_tui.services.tunnels import set_state
from tests.unit.fake_cloud import Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio
_ITSELF = "Client.InstanceInitiatedShutdown"


async def runs(at: Bench, **arguments: object) -> str:
    """A machine that is up; answers its id in the cloud."""
    [view] = await at.job("instance.launch", name="lab", idle="30m", ttl="8h", **arguments)
    at.cloud.become(view["remote_id"], RemoteState.RUNNING, checks_passed=True)
    await reconcile(at.context, full=False)
    return str(view["remote_id"])


async def tells(at: Bench, idle_ends_at: datetime | None) -> None:
    now = at.clock.now()
    activity = NodeActivity(checked_at=now, idle_ends_at=idle_ends_at)
    async with at.context.store.write() as transaction:
        row = await transaction.instances.find("lab")
        report = NodeReport(instance_id=row.id, host_id=row.host_id, read_at=now, activity=activity)
        await transaction.node_reports.put(report)


async def ended(at: Bench, remote_id: str, *, seen_going: bool, **how: Any) -> str:
    """The reason that stands in the row once the cloud says it is gone."""
    if seen_going:
        at.cloud.become(remote_id, RemoteState.SHUTTING_DOWN, **how)
        await reconcile(at.context, full=False)
        async with at.context.store.write() as transaction:
            row = await transaction.instances.find("lab")
            await transaction.node_reports.remove(row.id)
    at.cloud.become(remote_id, RemoteState.TERMINATED, **how)
    await reconcile(at.context, full=False)
    [view] = await at.views(all=True)
    assert view["state"] == "terminated"
    return str(view["end_reason"])


@pytest.mark.parametrize("seen_going", [True, False])
async def test_an_idle_end_is_told_from_the_end_of_its_time(at: Bench, seen_going: bool) -> None:
    remote_id = await runs(at)
    at.clock.advance(hours=1)
    await tells(at, at.clock.now() + timedelta(minutes=1))
    at.clock.advance(minutes=2)
    reason = await ended(at, remote_id, seen_going=seen_going, state_reason_code=_ITSELF)
    assert reason == "powered itself off after 30m without work"


@pytest.mark.parametrize("seen_going", [True, False])
async def test_the_end_of_its_time_is_told(at: Bench, seen_going: bool) -> None:
    remote_id = await runs(at)
    await tells(at, None)
    at.clock.advance(hours=7, minutes=59)
    assert await ended(at, remote_id, seen_going=seen_going, state_reason_code=_ITSELF) == AT_ITS_TIME


async def test_what_was_told_long_before_explains_no_end(at: Bench) -> None:
    remote_id = await runs(at)
    await tells(at, at.clock.now() + timedelta(minutes=30))
    at.clock.advance(hours=2)
    assert await ended(at, remote_id, seen_going=False, state_reason_code=_ITSELF) == ENDED_BY_ITSELF


async def test_an_end_by_somebody_else_is_not_taken_for_its_own(at: Bench) -> None:
    remote_id = await runs(at)
    await tells(at, at.clock.now() + timedelta(minutes=1))
    at.clock.advance(minutes=2)
    reason = await ended(at, remote_id, seen_going=True, state_reason_code="Client.UserInitiatedShutdown")
    assert reason == "terminated by somebody else in the cloud account"


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, "warning"),
        ({"desired_state": DesiredState.TERMINATED}, "info"),
        ({"state": InstanceState.STOPPING}, "info"),
        ({"expires_at": "now"}, "info"),
    ],
)
async def test_an_endpoint_that_goes_with_its_machine_is_no_warning(
    at: Bench, change: dict[str, object], level: str
) -> None:
    await runs(at, framework="ollama", model=["llama3.2:3b"])
    now = at.clock.now()
    async with at.context.store.write() as transaction:
        row = await transaction.instances.find("lab")
        moments = {key: now if value == "now" else value for key, value in change.items()}
        changed = replace(row, state=InstanceState.READY, endpoint="http://127.0.0.1:18000/v1")
        await save(transaction, row, replace(changed, **moments))  # type: ignore[arg-type]
        tunnel = Tunnel(instance_id=row.id, host_id=row.host_id, remote_port=11434, local_port=18000, is_endpoint=True)
        await transaction.tunnels.put(replace(tunnel, state=TunnelState.OPEN))
    await set_state(at.context, tunnel, TunnelState.FAILED, "the ssh connection broke")
    async with at.context.store.read() as transaction:
        [gone] = [event for event in await transaction.events.list() if event.kind == "endpoint.gone"]
    assert gone.level == level
