"""Before a launch: whether the quota has room for it, what of ours is on its way, and what would fit instead."""

from __future__ import annotations

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import Instance, InstanceState, Market
from aicompute_tui.domain.launch import Check, LaunchSpec, Verdict
from aicompute_tui.domain.offer import MachineType, QuotaReading
from aicompute_tui.domain.quota import quota_family
from aicompute_tui.services.context import Context
from aicompute_tui.services.quota_fit import vcpus_of, would_fit

_NAME = "quota"
_NAMED_AT_MOST = 2
_ON_THEIR_WAY = frozenset({InstanceState.REQUESTED, InstanceState.LAUNCHING})


async def quota_check(
    context: Context, cloud: Cloud, spec: LaunchSpec, machine_type: MachineType, count: int, account_id: str | None
) -> Check:
    """One quota counts all its families' machines: those that run, and those of ours that AWS does not list yet."""
    try:
        reading = await cloud.quota(spec.region, machine_type, spec.market)
    except AicError as error:
        return _unknown(f"The quota could not be read: {error.message}", error.next_step)
    coming = await _coming(context, spec, account_id)
    needed = machine_type.vcpu_count * count
    check = quota_verdict(reading, needed, coming)
    if check.verdict is not Verdict.REFUSED:
        return check
    instead = await _instead(cloud, spec, machine_type, count, _free(reading, coming))
    step = f"{instead} {check.next_step}".strip()
    return Check(name=_NAME, verdict=check.verdict, reason=check.reason, next_step=step, error_kind=check.error_kind)


def quota_verdict(reading: QuotaReading, needed_vcpus: int, coming_vcpus: int = 0) -> Check:
    """`coming_vcpus` are asked for and not in the reading yet."""
    free = _free(reading, coming_vcpus)
    on_their_way = f" ({coming_vcpus} of ours are on their way)" if coming_vcpus else ""
    if reading.limit_vcpus is not None and reading.limit_vcpus < needed_vcpus:
        reason = f"{needed_vcpus} vCPU are needed, the quota “{reading.name}” is {reading.limit_vcpus}."
    elif free is None:
        note = f": {reading.note}" if reading.note else ""
        return _unknown(f"“{reading.name}” is unknown{note}")
    elif free < needed_vcpus:
        reason = (
            f"{needed_vcpus} vCPU are needed, {free} of {reading.limit_vcpus} are free in “{reading.name}”"
            f"{on_their_way}."
        )
    else:
        reason = f"{needed_vcpus} vCPU of {free} free in “{reading.name}”{on_their_way}"
        return Check(name=_NAME, verdict=Verdict.OK, reason=reason)
    step = "Ask AWS for a higher quota, end another machine, or choose another region, type or market."
    return Check(name=_NAME, verdict=Verdict.REFUSED, reason=reason, next_step=step, error_kind="OutOfQuota")


def _unknown(reason: str, next_step: str = "") -> Check:
    return Check(name=_NAME, verdict=Verdict.UNKNOWN, reason=reason, next_step=next_step)


def _free(reading: QuotaReading, coming_vcpus: int) -> int | None:
    return None if reading.free_vcpus is None else max(0, reading.free_vcpus - coming_vcpus)


async def _coming(context: Context, spec: LaunchSpec, account_id: str | None) -> int:
    """vCPUs of our machines that were asked for and have no id of the cloud yet."""
    async with context.store.read() as transaction:
        rows = await transaction.instances.list()
    family = quota_family(spec.instance_type, spec.market.value)
    return sum(vcpus_of(row.instance_type) or 0 for row in rows if _is_coming(row, spec, account_id, family))


def _is_coming(row: Instance, spec: LaunchSpec, account_id: str | None, family: str | None) -> bool:
    is_here = (row.cloud, row.region, row.market) == (spec.cloud, spec.region, spec.market)
    return (
        is_here
        and row.remote_id is None
        and row.state in _ON_THEIR_WAY
        and row.account_id in (None, account_id)
        and family is not None
        and quota_family(row.instance_type, row.market.value) == family
    )


async def _instead(cloud: Cloud, spec: LaunchSpec, machine_type: MachineType, count: int, free: int | None) -> str:
    """What there is room for, empty where nothing is known to fit."""
    told = []
    fewer = (free or 0) // machine_type.vcpu_count if machine_type.vcpu_count else 0
    if 0 < fewer < count:
        told.append(f"{fewer} of {count} would fit.")
    family = quota_family(spec.instance_type, spec.market.value)
    smaller = would_fit(family, free, count) if family is not None and free else []
    if smaller:
        named = [f"{each.name} ({each.vcpu_count} vCPU)" for each in smaller[:_NAMED_AT_MOST]]
        told.append(f"There is room for {' or '.join(named)}.")
    other = Market.ON_DEMAND if spec.market is Market.SPOT else Market.SPOT
    if other is Market.ON_DEMAND or machine_type.has_spot:
        try:
            reading = await cloud.quota(spec.region, machine_type, other)
        except AicError:
            return " ".join(told)
        if (reading.free_vcpus or 0) >= machine_type.vcpu_count * count:
            told.append(f"As {other.value} it would fit.")
    return " ".join(told)
