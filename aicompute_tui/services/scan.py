"""Looking at every tagged machine of one region: ours without an open row, orphans, other stores'."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import DesiredState, Instance
from aicompute_tui.domain.ledger import accept, revive
from aicompute_tui.domain.remote import (
    TAG_EXPIRES_AT,
    TAG_OWNER,
    TAG_STORE,
    Ownership,
    RemoteMachine,
    RemoteState,
    Sighting,
    ownership,
)
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Context
from aicompute_tui.services.doubt import write_acceptance
from aicompute_tui.services.fence import Hold
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.instances import MachineKey


@dataclass(slots=True)
class ScanOutcome:
    seen: int = 0
    opened: list[Instance] = field(default_factory=list)
    """Rows that got a machine by this scan."""


async def scan_region(context: Context, cloud: Cloud, account_id: str, region: str, hold: Hold) -> ScanOutcome:
    """Reads the region once and writes what is new, in one transaction."""
    machines = [machine for machine in await cloud.machines(region) if machine.tags.get(TAG_STORE)]
    outcome = ScanOutcome(seen=len(machines))
    async with context.store.read() as transaction:
        known_ids = await transaction.instances.known_ids()
        noted = {each.remote_id for each in await transaction.sightings.list() if each.region == region}
    unknown = [machine for machine in machines if not machine.is_gone]
    if not machines and not noted:
        return outcome
    ours: list[RemoteMachine] = []
    others: list[tuple[RemoteMachine, Ownership]] = []
    for machine in unknown:
        whose = ownership(machine, context.store.store_id, known_ids)
        if whose is Ownership.OURS:
            ours.append(machine)
        else:
            others.append((machine, whose))
    strays = await _strays(context, ours)
    copies = await _copies(context, strays)
    strays = [machine for machine in strays if machine not in copies]
    others += [(machine, Ownership.ORPHAN) for machine in copies]
    adopted = await _adopted(context, others)
    others = [each for each in others if each[0].remote_id not in adopted]
    if not strays and not others and not noted:
        return outcome
    async with context.store.write() as transaction:
        await hold(transaction)
        for machine in strays:
            row = await _open_row(context, transaction, machine)
            if row is not None:
                outcome.opened.append(row)
        await _note_others(context, transaction, cloud, account_id, region, others)
    return outcome


async def _strays(context: Context, machines: Sequence[RemoteMachine]) -> list[RemoteMachine]:
    """Those of our machines that no open row stands for."""
    rows = await _rows_of(context, machines)
    found = []
    for machine in machines:
        row = rows.get(_key(machine))
        is_known_end = row is not None and machine.state is RemoteState.SHUTTING_DOWN
        if row is None or (row.is_final and not is_known_end):
            found.append(machine)
    return found


async def _rows_of(context: Context, machines: Iterable[RemoteMachine]) -> dict[MachineKey, Instance]:
    async with context.store.read() as transaction:
        return await transaction.instances.of_machines(machine.remote_id for machine in machines)


def _key(machine: RemoteMachine) -> MachineKey:
    return machine.cloud, machine.account_id, machine.region, machine.remote_id


async def _copies(context: Context, strays: Sequence[RemoteMachine]) -> list[RemoteMachine]:
    """Machines somebody made from one of ours, tags and all: the token of their call was never ours."""
    found = []
    async with context.store.read() as transaction:
        for machine in strays:
            row = await transaction.instances.get(machine.launch_id or "")
            tokens = {attempt.client_token for attempt in await transaction.attempts.list(row.id)}
            has_another = row.remote_id not in (None, machine.remote_id)
            if has_another and tokens and machine.client_token is not None and machine.client_token not in tokens:
                found.append(machine)
    return found


async def _adopted(context: Context, others: Sequence[tuple[RemoteMachine, Ownership]]) -> set[str]:
    """Machines whose tags name no row but that an open row stands for all the same."""
    rows = await _rows_of(context, (machine for machine, _ in others))
    return {
        machine.remote_id for machine, _ in others if (row := rows.get(_key(machine))) is not None and not row.is_final
    }


async def _open_row(context: Context, transaction: Transaction, machine: RemoteMachine) -> Instance | None:
    """The row of a living machine of ours that had no open one; None where it has by now or a live job drives it."""
    now = context.clock.now()
    row = await transaction.instances.get(machine.launch_id or "")
    if row.remote_id is None and not row.is_final:
        job = await transaction.jobs.get(row.job_id) if row.job_id else None
        if job is not None and not job.is_final and job.lease_expires_at is not None and job.lease_expires_at > now:
            return None
        attempts = await transaction.attempts.list(row.id)
        return await write_acceptance(context, transaction, row, attempts, machine)
    if not row.is_final and row.remote_id == machine.remote_id:
        return None
    if row.is_final and row.remote_id in (None, machine.remote_id):
        return await _reopen(context, transaction, row, machine)
    duplicate = _duplicate(row, machine, context)
    await transaction.instances.insert(duplicate)
    message = f"{machine.remote_id} is a second machine of the launch of {row.name}; it is being ended"
    await record(context, transaction, duplicate, "instance.duplicate", message, level="error")
    return duplicate


async def _reopen(context: Context, transaction: Transaction, row: Instance, machine: RemoteMachine) -> Instance:
    """The closed row of a machine that lives, under another name where its own was given away meanwhile."""
    opened = revive(row, machine, context.clock.now())
    if await transaction.instances.name_taken(row.owner, row.name):
        opened = replace(opened, name=_second_name(row, machine))
    message = f"{row.name} was taken for {row.state.value}, but {machine.remote_id} lives"
    await record(context, transaction, opened, "instance.revived", message, level="error")
    return await save(transaction, row, opened)


def _second_name(row: Instance, machine: RemoteMachine) -> str:
    return f"{row.name}-{machine.remote_id[-6:]}"


def _duplicate(row: Instance, machine: RemoteMachine, context: Context) -> Instance:
    now = context.clock.now()
    fresh = replace(
        row,
        id=new_id(now),
        version=1,
        name=_second_name(row, machine),
        remote_id=None,
        spot_request_id=None,
        launched_at=None,
        ready_at=None,
        settled_nano_usd=0,
        billing_since=None,
        billed_until=None,
        ended_at=None,
        desired_state=DesiredState.TERMINATED,
        protected=False,
        job_id=None,
        job_ordinal=0,
    )
    return accept(fresh, machine, now)


async def _note_others(
    context: Context,
    transaction: Transaction,
    cloud: Cloud,
    account_id: str,
    region: str,
    others: Sequence[tuple[RemoteMachine, Ownership]],
) -> None:
    """Orphans and foreign machines as they stand now; those no longer there are forgotten."""
    now = context.clock.now()
    before = {each.remote_id: each for each in await transaction.sightings.list() if each.region == region}
    for machine, whose in others:
        earlier = before.get(machine.remote_id)
        sighting = Sighting(
            cloud=machine.cloud,
            account_id=account_id,
            region=region,
            remote_id=machine.remote_id,
            ownership=whose,
            credential_id=cloud.credential_id,
            store_id=machine.tags.get(TAG_STORE, ""),
            owner=machine.tags.get(TAG_OWNER, ""),
            name=machine.name or machine.remote_id,
            instance_type=machine.instance_type,
            market=machine.market,
            state=machine.state,
            zone=machine.zone,
            launched_at=machine.launched_at,
            expires_at=machine.tags.get(TAG_EXPIRES_AT),
            price_usd_per_hour=earlier.price_usd_per_hour if earlier else None,
            first_seen_at=earlier.first_seen_at if earlier else now,
            last_seen_at=now,
        )
        if earlier is None or replace(earlier, last_seen_at=now) != sighting:
            await transaction.sightings.record(sighting)
    await transaction.sightings.keep_only(cloud.name, account_id, region, [machine.remote_id for machine, _ in others])
