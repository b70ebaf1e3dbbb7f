"""Making rows and clouds agree: one pass over every account, each under its own lease."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import AicError, LeaseLost
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState
from aicompute_tui.domain.job import Lease
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.launch import AttemptState
from aicompute_tui.domain.ledger import advance, deny, hand_over
from aicompute_tui.domain.remote import TAG_STORE, RemoteMachine, RemoteState
from aicompute_tui.services.audit import differences, record, save
from aicompute_tui.services.context import Context
from aicompute_tui.services.doubt import look_up
from aicompute_tui.services.expiry import enforce, tell_machine
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.lease import keep
from aicompute_tui.services.own_end import with_own_end
from aicompute_tui.services.prices import refresh_prices
from aicompute_tui.services.scan import scan_region
from aicompute_tui.services.terminate import carry_out_termination
from aicompute_tui.services.unasked import close_unasked
from aicompute_tui.store.database import Transaction

LEASE_SECONDS = 30
"""Of one account: so long a pass that was killed keeps others out."""
_SEEN_GRAIN_SECONDS = 300
_ENDING = frozenset({RemoteState.SHUTTING_DOWN, RemoteState.TERMINATED})


@dataclass(slots=True)
class Pass:
    """One pass over one account, and what it did."""

    context: Context
    cloud: Cloud
    account_id: str
    lease: Lease
    seen: int = 0
    changed: int = 0
    terminated: int = 0
    problems: list[str] = field(default_factory=list)

    async def hold(self, transaction: Transaction) -> None:
        self.lease = await transaction.leases.hold(self.lease, LEASE_SECONDS, self.context.clock.now())

    async def renew(self) -> None:
        async with self.context.store.write() as transaction:
            await self.hold(transaction)

    def note(self, what: str, error: AicError) -> None:
        self.problems.append(f"{what}: {error.message}")


async def reconcile(context: Context, *, full: bool) -> JsonObject:
    """One pass over the known machines, and with `full` over every tagged machine of every account and region."""
    expired = await enforce(context)
    closed = await close_unasked(context)
    problems: list[str] = []
    accounts = await _accounts(context, problems, full=full)
    passes = await asyncio.gather(*(_account_pass(context, *account, full=full) for account in accounts))
    done = [each for each in passes if isinstance(each, Pass)]
    problems += [each for each in passes if isinstance(each, str)]
    busy = sum(each is None for each in passes)
    if full and busy:
        problems.append(f"{busy} accounts are being looked at by another process.")
    return {
        "full": full,
        "accounts": len(done),
        "seen": sum(each.seen for each in done),
        "busy": busy,
        "changed": closed + sum(each.changed for each in done),
        "expired": expired,
        "terminated": sum(each.terminated for each in done),
        "problems": [*problems, *(problem for each in done for problem in each.problems)],
    }


async def _accounts(context: Context, problems: list[str], *, full: bool) -> list[tuple[str, str, str]]:
    """(cloud, account id, credential id): those of open rows, and with `full` those of every credential."""
    async with context.store.read() as transaction:
        rows = await transaction.instances.list()
    found: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.account_id is not None:
            found.setdefault((row.cloud, row.account_id), row.credential_id)
    if full:
        for credential in await context.clouds.credentials():
            try:
                cloud = await context.clouds.cloud(credential.id)
                identity = await cloud.identity()
            except AicError as error:
                problems.append(f"credential {credential.id}: {error.message}")
                continue
            found.setdefault((credential.cloud, identity.account_id), credential.id)
    return [(cloud, account, credential) for (cloud, account), credential in found.items()]


async def _account_pass(
    context: Context, cloud_name: str, account_id: str, credential_id: str, *, full: bool
) -> Pass | str | None:
    """The finished pass; a sentence where the account cannot be reached; None where another process is at it."""
    async with context.store.write() as transaction:
        holder = f"{context.actor.host_id}:{new_id(context.clock.now())}"
        name = f"reconcile:{cloud_name}:{account_id}"
        lease = await transaction.leases.acquire(name, holder, LEASE_SECONDS, context.clock.now())
    if lease is None:
        return None
    try:
        cloud = await context.clouds.account_cloud(cloud_name, account_id, credential_id)
        run = Pass(context, cloud, account_id, lease)
        async with _kept(run):
            await _known(run)
            if full:
                await _scan(run)
                await refresh_prices(context, cloud, account_id, run.hold)
    except AicError as error:
        return f"account {account_id}: {error.message}"
    finally:
        await _release(context, lease)
    return run


@asynccontextmanager
async def _kept(run: Pass) -> AsyncIterator[None]:
    """However slow the cloud answers, the lease does not end; where it is lost, the pass may write nothing more."""
    keeping = keep(run.context.clock, f"account {run.account_id}", run.renew, lambda: run.lease.expires_at)
    keeper = asyncio.create_task(keeping, name=f"lease of account {run.account_id}")
    try:
        yield
    finally:
        keeper.cancel()
        await asyncio.wait({keeper})


async def _release(context: Context, lease: Lease) -> None:
    """Lets the next pass in at once, however this one ended; where that fails the lease ends by itself."""
    with suppress(AicError):
        async with context.store.write() as transaction:
            await transaction.leases.release(lease)


async def _rows(run: Pass) -> list[Instance]:
    async with run.context.store.read() as transaction:
        rows = await transaction.instances.list()
    return [row for row in rows if row.cloud == run.cloud.name and row.account_id == run.account_id]


async def _known(run: Pass) -> None:
    rows = await _rows(run)
    by_region: dict[str, list[Instance]] = defaultdict(list)
    for row in rows:
        if row.remote_id is None:
            await _settle_doubt(run, row)
        else:
            by_region[row.region].append(row)
    await asyncio.gather(*(_known_region(run, region, members) for region, members in by_region.items()))


async def _settle_doubt(run: Pass, row: Instance) -> None:
    """A row without a machine: looked for where its call may have been made and nobody carries its launch out."""
    context = run.context
    async with context.store.read() as transaction:
        job = await transaction.jobs.get(row.job_id) if row.job_id else None
        attempts = await transaction.attempts.list(row.id)
    lease_ends_at = None if job is None or job.is_final else job.lease_expires_at
    if lease_ends_at is not None and lease_ends_at > context.clock.now():
        return
    if all(attempt.state is not AttemptState.WRITTEN for attempt in attempts):
        return
    try:
        found = await look_up(context, run.cloud, row, run.hold)
        run.changed += found.version != row.version
        await _carry_out_wish(run, found, None)
    except AicError as error:
        if isinstance(error, LeaseLost):
            raise
        run.note(row.name, error)


async def _known_region(run: Pass, region: str, rows: Iterable[Instance]) -> None:
    by_remote_id = {row.remote_id: row for row in rows if row.remote_id is not None}
    try:
        machines = await run.cloud.describe(region, list(by_remote_id))
    except AicError as error:
        run.note(region, error)
        return
    described = {machine.remote_id: machine for machine in machines}
    due: list[Instance] = []
    for remote_id, row in by_remote_id.items():
        machine = described.get(remote_id)
        if machine is not None and _is_as_told(run.context, row, machine):
            run.seen += 1
            if not _is_fresh(run.context, row):
                due.append(row)
            continue
        try:
            await _known_machine(run, row, machine)
        except LeaseLost:
            raise
        except AicError as error:
            run.note(row.name, error)
    if due:
        await _note_sight(run, region, due)


async def _note_sight(run: Pass, region: str, rows: Sequence[Instance]) -> None:
    """In one transaction: nothing but the moment of seeing differs."""
    try:
        async with run.context.store.write() as transaction:
            await run.hold(transaction)
            await transaction.instances.saw(rows, run.context.clock.now())
    except LeaseLost:
        raise
    except AicError as error:
        run.note(region, error)


async def _known_machine(run: Pass, row: Instance, machine: RemoteMachine | None) -> None:
    run.seen += machine is not None
    written = await write_seen(run, row, machine)
    await _carry_out_wish(run, written, machine)


def _is_as_told(context: Context, row: Instance, machine: RemoteMachine) -> bool:
    """Nothing to write but that it was seen, and nothing to do; where there is anything, the row is read again first.

    It stands as this pass read it at its beginning: what somebody wants of it since then is for the next pass.
    """
    if row.desired_state is not DesiredState.RUNNING or row.node_expires_at != row.expires_at:
        return False
    return set(differences(row, _as_seen(context, row, machine))) <= {"last_seen_at"}


def _is_fresh(context: Context, row: Instance) -> bool:
    """Seen so lately that to be seen again is no news."""
    now = context.clock.now()
    return row.last_seen_at is not None and (now - row.last_seen_at).total_seconds() < _SEEN_GRAIN_SECONDS


async def write_seen(run: Pass, row: Instance, machine: RemoteMachine | None) -> Instance:
    """The row with what the cloud said; nothing is written while nothing but the moment of seeing differs."""
    context = run.context
    async with context.store.read() as transaction:
        row = await transaction.instances.get(row.id)
    if _is_fresh(context, row) and set(differences(row, _as_seen(context, row, machine))) <= {"last_seen_at"}:
        return row
    async with context.store.write() as transaction:
        await run.hold(transaction)
        present = await transaction.instances.get(row.id)
        seen = await with_own_end(transaction, present, _as_seen(context, present, machine), context.clock.now())
        if seen.state is not present.state:
            run.changed += 1
            await _record_state(context, transaction, present, seen)
        return await save(transaction, present, seen)


def _as_seen(context: Context, row: Instance, machine: RemoteMachine | None) -> Instance:
    now = context.clock.now()
    if machine is None:
        return deny(row, now)
    if machine.tags.get(TAG_STORE, context.store.store_id) != context.store.store_id:
        return hand_over(row, machine, now)
    return advance(row, machine, now)


async def _record_state(context: Context, transaction: Transaction, old: Instance, new: Instance) -> None:
    level = "error" if new.state in {InstanceState.LOST, InstanceState.UNKNOWN} else "info"
    reason = f": {new.end_reason}" if new.is_final and new.end_reason else ""
    await record(
        context,
        transaction,
        new,
        f"instance.{new.state.value}",
        f"{new.name} is {new.state.value}{reason}",
        level=level,
        before={"state": old.state.value},
        after={"state": new.state.value},
    )


async def _carry_out_wish(run: Pass, row: Instance, machine: RemoteMachine | None) -> None:
    """Repeats what the owner wants until the cloud has it."""
    if row.is_final or row.remote_id is None:
        return
    if row.desired_state is DesiredState.TERMINATED:
        if machine is None or machine.state not in _ENDING:
            await carry_out_termination(run.context, run.cloud, row, run.hold)
            run.terminated += 1
        return
    if machine is None:
        return
    if row.desired_state is DesiredState.STOPPED and machine.state is RemoteState.RUNNING:
        await prove_held(run.context, run.hold)
        await run.cloud.stop(row.region, row.remote_id)
    if row.expires_at is not None and row.node_expires_at != row.expires_at:
        await tell_machine(run.context, run.cloud, row, run.hold)


async def _scan(run: Pass) -> None:
    try:
        regions = await run.cloud.regions()
    except AicError as error:
        run.note("regions", error)
        return
    enabled = [region.code for region in regions if region.enabled is not False]
    results = await asyncio.gather(*(_scan_one(run, code) for code in enabled))
    for revived in (row for rows in results for row in rows):
        try:
            await _carry_out_wish(run, revived, None)
        except LeaseLost:
            raise
        except AicError as error:
            run.note(revived.name, error)


async def _scan_one(run: Pass, region: str) -> list[Instance]:
    try:
        outcome = await scan_region(run.context, run.cloud, run.account_id, region, run.hold)
    except LeaseLost:
        raise
    except AicError as error:
        run.note(region, error)
        return []
    run.seen += outcome.seen
    run.changed += len(outcome.opened)
    return outcome.opened
