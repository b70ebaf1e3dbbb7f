"""Launching: intent and token committed first, one call per zone attempt, and no answer lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from aicompute_tui.clouds.base import Cloud, MachineImage
from aicompute_tui.domain.errors import (
    AicError,
    BadAnswer,
    LeaseLost,
    OutOfCapacity,
    PriceTooHigh,
    RateLimited,
    Refused,
    Unreachable,
    error_class,
)
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.launch import AttemptState, LaunchAttempt, LaunchOrder, LaunchPlace, LaunchSpec
from aicompute_tui.domain.ledger import fail, reprice
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.offer import MachineType
from aicompute_tui.domain.remote import NO_EXPIRY, TAG_EXPIRES_AT, TAG_LAUNCH, TAG_OWNER, TAG_STORE
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.budget import reserve
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.doubt import look_up, write_acceptance
from aicompute_tui.services.fence import SEND_WITHIN, Hold
from aicompute_tui.services.launch_spec import numbered, resolve_spec
from aicompute_tui.services.preflight import Assessment, assess, require_assessed, spec_view
from aicompute_tui.services.public_key import key_name, read_public_key
from aicompute_tui.services.terminate import carry_out_termination
from aicompute_tui.services.user_data import render_user_data
from aicompute_tui.services.views import instance_view
from aicompute_tui.store.database import Transaction

_IN_DOUBT = (Unreachable, BadAnswer, RateLimited)
_TRY_NEXT_ZONE = (OutOfCapacity, PriceTooHigh)


@dataclass(frozen=True, slots=True)
class _Plan:
    spec: LaunchSpec
    machine_type: MachineType
    image: MachineImage
    places: Sequence[LaunchPlace]
    ssh_cidr: str | None


async def launch(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.launch`: one view per machine. A job taken up again goes on with the rows it wrote."""
    job = context.running_job
    async with context.store.read() as transaction:
        rows = await transaction.instances.by_job(job.job.id)
    plan: _Plan | None = None
    if not rows:
        await job.progress("checking")
        spec, count = await resolve_spec(context, arguments)
        assessment = await assess(context, spec, count)
        plan = _plan_from(assessment)
        async with context.store.write() as transaction:
            await job.hold(transaction)
            rows = await write_intents(context, transaction, job.job, assessment, count)
    views: list[Json] = []
    failure: AicError | None = None
    for row in rows:
        try:
            outcome = await _carry_out(context, row, plan)
        except LeaseLost:
            raise
        except AicError as error:
            failure = failure or error
            continue
        views.append(instance_view(outcome, context.clock.now(), context.actor.host_id))
    if failure is not None:
        raise failure
    return views


async def request_detached(context: Context, arguments: Arguments, job: Job) -> list[Json]:
    """Commits `job`, unclaimed, together with the rows it stands for, and asks no cloud for a machine yet."""
    spec, count = await resolve_spec(context, arguments)
    assessment = await assess(context, spec, count)
    assessment.raise_refusal()
    async with context.store.write() as transaction:
        await transaction.jobs.insert(job)
        rows = await write_intents(context, transaction, job, assessment, count)
    now = context.clock.now()
    return [instance_view(row, now, context.actor.host_id) for row in rows]


async def write_intents(
    context: Context, transaction: Transaction, job: Job, assessment: Assessment, count: int
) -> list[Instance]:
    """The rows, before anything is asked for; raises BudgetExceeded where the cap no longer holds."""
    await reserve(context, transaction, assessment.spec, assessment.quote, count)
    rows = []
    for ordinal in range(count):
        row = _intent(context, job, assessment, ordinal, count)
        await transaction.instances.insert(row)
        price = "price unknown" if row.price_usd_per_hour is None else f"${row.price_usd_per_hour:.4f}/h"
        message = f"{row.name}: {row.instance_type} {row.market} in {row.region}, {price}"
        after = {"state": row.state.value, "expires_at": format_moment(row.expires_at) if row.expires_at else "none"}
        await record(context, transaction, row, "instance.requested", message, after=after)
        rows.append(row)
    return rows


def _intent(context: Context, job: Job, assessment: Assessment, ordinal: int, count: int) -> Instance:
    now = context.clock.now().replace(microsecond=0)
    identifier = new_id(context.clock.now())
    family = assessment.spec.instance_type.partition(".")[0]
    spec = numbered(assessment.spec, ordinal, count, f"{family}-{job.id[-4:]}")
    machine_type = assessment.machine_type
    quote = assessment.quote
    stored = spec_view(spec) | ({"ttl_none_confirm": "none"} if spec.ttl_seconds is None else {})
    return Instance(
        id=identifier,
        owner=context.actor.owner,
        created_by=context.actor.name,
        name=spec.name or identifier,
        cloud=spec.cloud,
        credential_id=spec.credential_id,
        account_id=assessment.account_id,
        region=spec.region,
        zone=spec.zone,
        instance_type=spec.instance_type,
        market=spec.market,
        gpu_name=machine_type.gpu_name if machine_type else None,
        gpu_count=int(machine_type.gpu_count) if machine_type else None,
        gpu_memory_mib=machine_type.gpu_memory_mib if machine_type else None,
        framework=spec.framework,
        models=spec.models,
        protected=spec.protect,
        price_usd_per_hour=quote.usd_per_hour if quote else None,
        price_source=quote.source if quote else None,
        price_as_of=quote.as_of if quote else None,
        ttl_seconds=spec.ttl_seconds,
        max_ttl_seconds=spec.max_ttl_seconds,
        idle_seconds=spec.idle_seconds,
        expires_at=None if spec.ttl_seconds is None else now + timedelta(seconds=spec.ttl_seconds),
        requested_at=now,
        state_since=now,
        host_id=context.actor.host_id,
        job_id=job.id,
        job_ordinal=ordinal,
        spec_json=json.dumps(stored, sort_keys=True),
    )


def _plan_from(assessment: Assessment) -> _Plan:
    machine_type, image = require_assessed(assessment)
    return _Plan(assessment.spec, machine_type, image, assessment.places, assessment.ssh_cidr)


async def _plan_again(context: Context, cloud: Cloud, row: Instance) -> _Plan:
    """What a launch taken up by another process uses, from the specification stored with the row."""
    stored: JsonObject = json.loads(row.spec_json)
    spec, _ = await resolve_spec(context, stored)
    machine_type = await cloud.machine_type(spec.region, spec.instance_type)
    image = await cloud.image(spec.region, machine_type, spec.image_id)
    places = await cloud.places(spec, machine_type)
    cidr = spec.ssh_cidr
    if cidr is None and (address := await context.clouds.operator_address()) is not None:
        cidr = f"{address}/{128 if ':' in address else 32}"
    return _Plan(spec, machine_type, image, places, cidr)


async def _carry_out(context: Context, row: Instance, plan: _Plan | None) -> Instance:
    if row.is_final or row.remote_id is not None:
        return row
    job = context.running_job
    cloud = await context.clouds.cloud(row.credential_id)
    async with context.store.read() as transaction:
        attempts = await transaction.attempts.list(row.id)
    if any(attempt.state is AttemptState.WRITTEN for attempt in attempts):
        return await _resolve(context, cloud, row, Unreachable("The answer to the launch was lost.", ""))
    plan = plan or await _plan_again(context, cloud, row)
    refused = {attempt.zone: attempt.error_message or "" for attempt in attempts}
    last_kind = "OutOfCapacity"
    for place in plan.places:
        if place.zone in refused:
            continue
        await job.progress(f"asking for {row.name} in {place.zone or row.region}")
        try:
            return await _attempt(context, cloud, row, plan, place, len(refused) + 1)
        except _TRY_NEXT_ZONE as error:
            refused[place.zone] = error.message
            last_kind = error.kind
    reasons = "; ".join(f"{zone or 'any zone'}: {message}" for zone, message in refused.items())
    step = "Try again later, or another type, region or market."
    nowhere = error_class(last_kind)(f"No zone of {row.region} gave {row.instance_type}: {reasons}", step)
    await _write_failure(context, row, nowhere)
    raise nowhere


async def _attempt(
    context: Context, cloud: Cloud, row: Instance, plan: _Plan, place: LaunchPlace, number: int
) -> Instance:
    """One zone. Raises what the cloud refused it with; a zone that may be followed by another leaves the row open."""
    job = context.running_job
    try:
        rule = await cloud.prepare_network(row.region, place, plan.ssh_cidr, row.owner)
        key = await _import_key(cloud, row, plan.spec)
    except AicError as error:
        await _write_failure(context, row, error)
        raise
    row, attempt = await _write_attempt(context, row, place, number)
    order = _order(context, row, plan, place, attempt, rule.security_group_id, key)
    try:
        machine = await cloud.launch(order)
    except LeaseLost:
        raise
    except _IN_DOUBT as error:
        return await _resolve(context, cloud, row, error)
    except AicError as error:
        await _write_refusal(context, row, attempt, error)
        raise
    async with context.store.write() as transaction:
        await job.hold(transaction)
        present = await transaction.instances.get(row.id)
        if place.price_usd_per_hour is not None and present.price_source is not None:
            now = context.clock.now()
            priced = reprice(present, place.price_usd_per_hour, present.price_source, present.price_as_of, now)
            present = await save(transaction, present, priced)
        accepted = await write_acceptance(context, transaction, present, [attempt], machine)
    return await _end_if_unwanted(context, cloud, accepted, job.hold)


async def _write_attempt(
    context: Context, row: Instance, place: LaunchPlace, number: int
) -> tuple[Instance, LaunchAttempt]:
    """The intent of one call with its token, committed before the call. Raises Refused where the end came first."""
    now = context.clock.now()
    attempt = LaunchAttempt(
        id=new_id(now),
        instance_id=row.id,
        number=number,
        zone=place.zone,
        subnet_id=place.subnet_id,
        client_token=new_id(now),
        state=AttemptState.WRITTEN,
        written_at=now,
    )
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        present = await transaction.instances.get(row.id)
        if present.desired_state is DesiredState.TERMINATED:
            cancelled = fail(present, "Refused", "Terminated before it was asked for.", now)
            await save(transaction, present, cancelled)
        else:
            await transaction.attempts.insert(attempt)
            present = await save(
                transaction,
                present,
                replace(present, state=InstanceState.LAUNCHING, state_since=now, zone=place.zone),
            )
            return present, attempt
    raise Refused(f"{row.name} was terminated before it was asked for.", "")


def _order(
    context: Context,
    row: Instance,
    plan: _Plan,
    place: LaunchPlace,
    attempt: LaunchAttempt,
    security_group_id: str,
    key: str | None,
) -> LaunchOrder:
    expiry = NO_EXPIRY if row.expires_at is None else format_moment(row.expires_at)
    own_tags = {
        "Name": row.name,
        TAG_STORE: context.store.store_id,
        TAG_LAUNCH: row.id,
        TAG_OWNER: row.owner,
        TAG_EXPIRES_AT: expiry,
    }
    return LaunchOrder(
        launch_id=row.id,
        client_token=attempt.client_token,
        name=row.name,
        region=row.region,
        place=place,
        instance_type=row.instance_type,
        market=row.market,
        image_id=plan.image.image_id,
        root_device_name=plan.image.root_device_name,
        volume_gib=max(plan.image.min_volume_gib, plan.spec.volume_gib),
        security_group_id=security_group_id,
        key_name=key,
        user_data=render_user_data(expires_at=row.expires_at, max_expires_at=row.max_expires_at, launch_id=row.id),
        max_price_usd_per_hour=plan.spec.max_price_usd_per_hour,
        tags={**plan.spec.tags, **own_tags},
        send_by=attempt.written_at + SEND_WITHIN,
    )


async def _import_key(cloud: Cloud, row: Instance, spec: LaunchSpec) -> str | None:
    if spec.ssh_key is None:
        return None
    public_key = read_public_key(spec.ssh_key)
    return await cloud.import_key(row.region, key_name(row.owner, public_key), public_key)


async def _resolve(context: Context, cloud: Cloud, row: Instance, error: AicError) -> Instance:
    """After a lost answer: one look-up at once; what it cannot tell stays unknown and is said so."""
    job = context.running_job
    found = await look_up(context, cloud, row, job.hold)
    if found.remote_id is not None:
        return await _end_if_unwanted(context, cloud, found, job.hold)
    if found.is_final:
        raise error_class(found.error_kind or "NotFound")(found.error_message or error.message, "Launch it again.")
    raise Unreachable(
        f"Whether {row.name} was launched is not known yet: {error.message}",
        "It stands as unknown in `aic-tui instance list`; the agent finds out within minutes and nothing is forgotten.",
        error.details,
    )


async def _end_if_unwanted(context: Context, cloud: Cloud, row: Instance, hold: Hold) -> Instance:
    if row.desired_state is DesiredState.TERMINATED and not row.is_final:
        return await carry_out_termination(context, cloud, row, hold)
    return row


async def _write_refusal(context: Context, row: Instance, attempt: LaunchAttempt, error: AicError) -> None:
    """The cloud said no to one attempt; only capacity and price leave the row open for the next zone."""
    now = context.clock.now()
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        await transaction.attempts.update(
            attempt, state=AttemptState.REFUSED, error_kind=error.kind, error_message=error.message, ended_at=now
        )
        present = await transaction.instances.get(row.id)
        message = f"{row.name}: {attempt.zone or row.region} refused: {error.message}"
        await record(context, transaction, present, "instance.refused", message, level="warning")
        if not isinstance(error, _TRY_NEXT_ZONE):
            await save(transaction, present, fail(present, error.kind, error.message, now))


async def _write_failure(context: Context, row: Instance, error: AicError) -> None:
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        present = await transaction.instances.get(row.id)
        if present.is_final or present.remote_id is not None:
            return
        await record(context, transaction, present, "instance.failed", f"{row.name}: {error.message}", level="error")
        await save(transaction, present, fail(present, error.kind, error.message, context.clock.now()))
