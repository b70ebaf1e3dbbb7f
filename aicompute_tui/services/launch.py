"""Launching: intent and token committed first, one call per zone attempt, and no answer lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.clouds.base import Cloud
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
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.launch import AttemptState, LaunchAttempt, LaunchPlace
from aicompute_tui.domain.ledger import fail, reprice
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.remote import RemoteMachine
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.budget import reserve
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.doubt import find_again, look_up, write_acceptance
from aicompute_tui.services.fence import Hold
from aicompute_tui.services.launch_order import Plan, import_key, order, plan_again, plan_from
from aicompute_tui.services.launch_spec import numbered, resolve_spec, with_context
from aicompute_tui.services.own_key import with_public_keys
from aicompute_tui.services.preflight import Assessment, assess, spec_view
from aicompute_tui.services.terminate import carry_out_termination
from aicompute_tui.services.views import instance_view
from aicompute_tui.store.database import Transaction

_IN_DOUBT = (Unreachable, BadAnswer, RateLimited)
_TRY_NEXT_ZONE = (OutOfCapacity, PriceTooHigh)
_BEGUN_WITHIN = timedelta(hours=1)


async def launch(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.launch`: one view per machine. A job taken up again goes on with the rows it wrote."""
    job = context.running_job
    async with context.store.read() as transaction:
        rows = await transaction.instances.by_job(job.job.id)
    plan: Plan | None = None
    if not rows:
        _refuse_stale(context, job.job)
        await job.progress("checking")
        spec, count = await resolve_spec(context, arguments)
        spec = await with_context(context, await with_public_keys(context, spec))
        assessment = await assess(context, spec, count)
        plan = plan_from(assessment)
        await _heed_cancel(context)
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
        raise _beside(failure, views)
    return views


async def relaunch(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.relaunch`."""
    return await launch(context, {"like": required_text(arguments, "name")})


def _refuse_stale(context: Context, job: Job) -> None:
    """Raises Refused for a launch that was left before anything of it was written: nobody expects it any more."""
    if context.clock.now() - job.created_at > _BEGUN_WITHIN:
        asked_at = format_moment(job.created_at)
        raise Refused(f"This launch was asked for at {asked_at} and never begun.", "Launch again if it is still meant.")


def _beside(failure: AicError, launched: list[Json]) -> AicError:
    """The failure of one machine of several, with the names of those that are there all the same."""
    names = ", ".join(str(view["name"]) for view in launched if isinstance(view, dict))
    if not names:
        return failure
    message = f"{failure.message} Launched all the same: {names}."
    return type(failure)(message, failure.next_step, failure.details)


async def _heed_cancel(context: Context) -> None:
    """Raises Refused where somebody asked the job to stop."""
    if await context.running_job.cancelled():
        raise Refused(
            "The launch was cancelled before the cloud was asked for more.", "Launch it again if it is meant."
        )


async def request_detached(context: Context, arguments: Arguments, job: Job) -> list[Json]:
    """Commits `job`, unclaimed, together with the rows it stands for, and asks no cloud for a machine yet."""
    spec, count = await resolve_spec(context, arguments)
    spec = await with_context(context, await with_public_keys(context, spec))
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
    stored = spec_view(spec) | {"public_keys": list(spec.public_keys)}
    if spec.ttl_seconds is None:
        stored["ttl_none_confirm"] = "none"
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
        login=assessment.image.login if assessment.image else None,
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


async def _carry_out(context: Context, row: Instance, plan: Plan | None) -> Instance:
    if row.remote_id is not None:
        return row
    if row.is_final:
        raise error_class(row.error_kind or "Refused")(
            row.error_message or f"{row.name} has ended.", "Launch it again."
        )
    if plan is not None:
        cloud = await context.clouds.cloud(row.credential_id)
    else:  # the credential may have come to open another account since the row was written
        cloud = await context.clouds.account_cloud(row.cloud, row.account_id or "", row.credential_id)
    async with context.store.read() as transaction:
        attempts = await transaction.attempts.list(row.id)
    if any(attempt.state is AttemptState.WRITTEN for attempt in attempts):
        return await _resolve(context, cloud, row, Unreachable("The answer to the launch was lost.", ""))
    try:
        if plan is None:
            found = await find_again(context, cloud, row, context.running_job.hold)
            if found is not None:
                return await _end_if_unwanted(context, cloud, found, context.running_job.hold)
            plan = await plan_again(context, cloud, json.loads(row.spec_json))
        return await _try_zones(context, cloud, row, plan, {each.zone: each.error_message or "" for each in attempts})
    except LeaseLost:
        raise
    except AicError as error:
        await _write_failure(context, row, error)
        raise


async def _try_zones(
    context: Context, cloud: Cloud, row: Instance, plan: Plan, refused: dict[str | None, str]
) -> Instance:
    """Each place once, those in `refused` left out. Raises what the cloud or the last of the places said."""
    last_kind = "OutOfCapacity"
    for place in plan.places:
        if place.zone in refused:
            continue
        await _heed_cancel(context)
        await context.running_job.progress(f"asking for {row.name} in {place.zone or row.region}")
        try:
            return await _attempt(context, cloud, row, plan, place, len(refused) + 1)
        except _TRY_NEXT_ZONE as error:
            refused[place.zone] = error.message
            last_kind = error.kind
    reasons = "; ".join(f"{zone or 'any zone'}: {message}" for zone, message in refused.items())
    step = "Try again later, or another type, region or market."
    raise error_class(last_kind)(f"No zone of {row.region} gave {row.instance_type}: {reasons}", step)


async def _attempt(
    context: Context, cloud: Cloud, row: Instance, plan: Plan, place: LaunchPlace, number: int
) -> Instance:
    """One zone. Raises what the cloud refused it with; a zone that may be followed by another leaves the row open."""
    rule = await cloud.prepare_network(row.region, place, plan.ssh_cidr, row.owner)
    key = await import_key(cloud, row, plan.spec)
    row, attempt = await _write_attempt(context, row, place, number)
    sent = order(context.store.store_id, row, plan, place, attempt, rule.security_group_id, key)
    try:
        machine = await cloud.launch(sent)
    except LeaseLost:
        late = Unreachable(f"{row.name} could not be asked for in time, so nothing was sent.", "Launch it again.")
        await _write_refusal(context, row, attempt, late)
        raise late from None
    except _IN_DOUBT as error:
        return await _resolve(context, cloud, row, error)
    except AicError as error:
        await _write_refusal(context, row, attempt, error)
        raise
    try:
        accepted = await _accept(context, row, place, attempt, machine)
    except LeaseLost:
        raise
    except AicError as error:
        message = f"{row.name} is {machine.remote_id}, which could not be written down: {error.message}"
        step = f"Do not launch it again: the agent finds it by its tags. {error.next_step}".strip()
        raise type(error)(message, step, error.details) from None
    return await _end_if_unwanted(context, cloud, accepted, context.running_job.hold)


async def _accept(
    context: Context, row: Instance, place: LaunchPlace, attempt: LaunchAttempt, machine: RemoteMachine
) -> Instance:
    """The machine in its row, at the price of the zone that gave it."""
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        present = await transaction.instances.get(row.id)
        if place.price_usd_per_hour is not None and present.price_source is not None:
            now = context.clock.now()
            priced = reprice(present, place.price_usd_per_hour, present.price_source, present.price_as_of, now)
            present = await save(transaction, present, priced)
        return await write_acceptance(context, transaction, present, [attempt], machine)


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
        obstacle = _obstacle(present, now)
        if obstacle is None:
            await transaction.attempts.insert(attempt)
            launching = replace(present, state=InstanceState.LAUNCHING, state_since=now, zone=place.zone)
            return await save(transaction, present, launching), attempt
        if not present.is_final:
            await save(transaction, present, fail(present, "Refused", f"Never asked for: {obstacle}.", now))
    raise Refused(f"{row.name} was not asked for: {obstacle}.", "")


def _obstacle(row: Instance, now: datetime) -> str | None:
    """Why no machine may be asked for any more."""
    if row.is_final or row.desired_state is DesiredState.TERMINATED:
        return row.end_reason or "it was terminated"
    if row.expires_at is not None and row.expires_at <= now:
        return "its time to live was over"
    return None


async def _resolve(context: Context, cloud: Cloud, row: Instance, error: AicError) -> Instance:
    """After a lost answer: one look-up at once; what it cannot tell stays unknown and is said so."""
    hold = context.running_job.hold
    try:
        found = await look_up(context, cloud, row, hold)
    except LeaseLost:
        raise
    except AicError as trouble:
        raise _not_known(row, trouble) from None
    if found.remote_id is not None:
        if found.is_final and found.desired_state is not DesiredState.TERMINATED:
            raise AicError(f"{row.name} was {found.remote_id} and has ended: {found.end_reason}.", "Launch it again.")
        return await _end_if_unwanted(context, cloud, found, hold)
    if found.is_final:
        raise error_class(found.error_kind or "NotFound")(found.error_message or error.message, "Launch it again.")
    raise _not_known(row, error)


def _not_known(row: Instance, error: AicError) -> Unreachable:
    return Unreachable(
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
    """Closes the row, unless it has a machine or a call may have made one."""
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        present = await transaction.instances.get(row.id)
        attempts = await transaction.attempts.list(row.id)
        is_open = any(attempt.state is AttemptState.WRITTEN for attempt in attempts)
        if is_open or present.is_final or present.remote_id is not None:
            return
        await record(context, transaction, present, "instance.failed", f"{row.name}: {error.message}", level="error")
        await save(transaction, present, fail(present, error.kind, error.message, context.clock.now()))
