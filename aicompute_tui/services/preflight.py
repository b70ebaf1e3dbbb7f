"""Before a launch: every check with its verdict and reason, and what the launch will then use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from aicompute_tui.clouds.base import Cloud, MachineImage
from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.errors import AicError, NotConfigured, error_class
from aicompute_tui.domain.fit import Gpus
from aicompute_tui.domain.gpu_share import gpus_told
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.launch import Check, LaunchPlace, LaunchSpec, Verdict
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.money import HOURS_PER_MONTH, accrued_nano_usd, usd_from_nano
from aicompute_tui.domain.offer import MachineType, PriceQuote
from aicompute_tui.domain.serving_context import context_word
from aicompute_tui.services.budget import budget_check
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.fit_check import FitFinding, fit_finding
from aicompute_tui.services.framework_check import framework_check
from aicompute_tui.services.launch_review import review_facts
from aicompute_tui.services.launch_spec import resolve_spec, with_context
from aicompute_tui.services.quota_check import quota_check
from aicompute_tui.services.setup_progress import usual_seconds
from aicompute_tui.services.views import check_view, moment_or_none, usd_or_none


@dataclass(slots=True)
class Assessment:
    """What the checks found; a launch may use it only where `refusal` is None."""

    spec: LaunchSpec
    checks: list[Check] = field(default_factory=list)
    account_id: str | None = None
    machine_type: MachineType | None = None
    image: MachineImage | None = None
    places: Sequence[LaunchPlace] = ()
    quote: PriceQuote | None = None
    ssh_cidr: str | None = None

    @property
    def refusal(self) -> Check | None:
        return next((check for check in self.checks if check.verdict is Verdict.REFUSED), None)

    def add(self, name: str, verdict: Verdict, reason: str, next_step: str = "", error_kind: str = "Refused") -> None:
        check = Check(name=name, verdict=verdict, reason=reason, next_step=next_step, error_kind=error_kind)
        self.checks.append(check)

    def refuse(self, name: str, error: AicError) -> None:
        self.add(name, Verdict.REFUSED, error.message, error.next_step, error.kind)

    def raise_refusal(self) -> None:
        """Raises the error of the first refused check, if any."""
        refused = self.refusal
        if refused is not None:
            raise error_class(refused.error_kind)(refused.reason, refused.next_step)


async def preflight(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.preflight`."""
    spec, count = await resolve_spec(context, arguments)
    assessment, spec = await asyncio.gather(assess(context, spec, count), with_context(context, spec))
    assessment.spec = spec
    fits = await _check_fit(context, assessment)
    view = assessment_view(assessment, count, context.clock.now())
    quote = assessment.quote
    view |= await review_facts(context, spec, quote.usd_per_hour if quote else None, fits)
    view["setup_seconds"] = None
    if spec.framework != "none":
        async with context.store.read() as transaction:
            typical = await transaction.setup_times.typical(spec.framework)
        view["setup_seconds"] = usual_seconds(typical, spec.models)
    return view


async def assess(context: Context, spec: LaunchSpec, count: int) -> Assessment:
    """Runs every check; the ones that need the cloud run side by side."""
    result = Assessment(spec)
    if context.preferences.problem:
        step = "Correct the file: what it says of money and time would not count."
        result.add("configuration", Verdict.REFUSED, context.preferences.problem, step, "InvalidInput")
        return result
    cloud = await context.clouds.cloud(spec.credential_id)
    try:
        identity = await cloud.identity()
    except AicError as error:
        result.refuse("credentials", error)
        return result
    result.account_id = identity.account_id
    result.add("credentials", Verdict.OK, f"{identity.method}, account {identity.account_id}")
    if not await _check_region(result, cloud) or not await _check_machine_type(result, cloud):
        return result
    assert result.machine_type is not None
    await asyncio.gather(
        _check_image(result, cloud, result.machine_type),
        _check_places(result, cloud, result.machine_type),
        _check_quota(result, context, cloud, result.machine_type, count),
        _check_price(result, cloud),
        _check_ssh(result, context),
    )
    await _check_name(result, context, count)
    set_up = framework_check(spec)
    if set_up is not None:
        result.checks.append(set_up)
    result.checks.append(await budget_check(context, spec, result.quote, count))
    _say_end(result, context.clock.now())
    return result


async def _check_region(result: Assessment, cloud: Cloud) -> bool:
    code = result.spec.region
    try:
        regions = await cloud.regions()
    except AicError as error:
        result.add("region", Verdict.UNKNOWN, f"Whether {code} is enabled could not be read: {error.message}")
        return True
    found = next((region for region in regions if region.code == code), None)
    if found is None:
        result.add("region", Verdict.REFUSED, f"There is no region {code}.", "Choose another region.", "InvalidInput")
        return False
    if found.enabled is False:
        step = "Enable it in the AWS account settings, or choose another region."
        result.add("region", Verdict.REFUSED, f"{code} is not enabled for this account.", step, "NotConfigured")
        return False
    result.add("region", Verdict.OK, f"{code}, {found.name}")
    return True


async def _check_machine_type(result: Assessment, cloud: Cloud) -> bool:
    spec = result.spec
    try:
        machine_type = await cloud.machine_type(spec.region, spec.instance_type)
    except AicError as error:
        result.refuse("machine", error)
        return False
    if machine_type.disabled_reason:
        step = "Choose another type, or give your own image with --image."
        if spec.image_id is None:
            result.add("machine", Verdict.REFUSED, machine_type.disabled_reason, step, "InvalidInput")
            return False
    if spec.market is Market.SPOT and not machine_type.has_spot:
        result.add(
            "machine",
            Verdict.REFUSED,
            f"{spec.instance_type} is not rented as spot.",
            "Use --market on-demand.",
            "InvalidInput",
        )
        return False
    result.machine_type = machine_type
    result.add("machine", Verdict.OK, describe_gpus(machine_type))
    return True


def describe_gpus(machine_type: MachineType) -> str:
    """`g5.xlarge: 1 × A10G 22.4 GiB, 4 vCPU`; memory as the cloud reports it."""
    gibibytes = machine_type.gpu_memory_mib / 1024
    gpus = f"{gpus_told(machine_type.gpu_count)} × {machine_type.gpu_name or 'GPU'}"
    return f"{machine_type.name}: {gpus} {gibibytes:.1f} GiB, {machine_type.vcpu_count} vCPU"


async def _check_image(result: Assessment, cloud: Cloud, machine_type: MachineType) -> None:
    try:
        image = await cloud.image(result.spec.region, machine_type, result.spec.image_id)
    except AicError as error:
        result.refuse("image", error)
        return
    result.image = image
    larger = max(image.min_volume_gib, result.spec.volume_gib)
    note = f", volume raised to {larger} GiB" if larger > result.spec.volume_gib else ""
    result.add("image", Verdict.OK, f"{image.name} ({image.image_id}){note}")


async def _check_places(result: Assessment, cloud: Cloud, machine_type: MachineType) -> None:
    try:
        places = await cloud.places(result.spec, machine_type)
    except AicError as error:
        result.refuse("zones", error)
        return
    if not places:
        reason = f"{result.spec.instance_type} is offered in no zone of {result.spec.region} that has a subnet."
        result.add("zones", Verdict.REFUSED, reason, "Choose another zone, region or type.", "OutOfCapacity")
        return
    result.places = places
    result.add("zones", Verdict.OK, "tries " + ", ".join(place.zone or "any" for place in places))


async def _check_quota(
    result: Assessment, context: Context, cloud: Cloud, machine_type: MachineType, count: int
) -> None:
    result.checks.append(await quota_check(context, cloud, result.spec, machine_type, count, result.account_id))


async def _check_price(result: Assessment, cloud: Cloud) -> None:
    spec = result.spec
    try:
        quote = await cloud.price(spec.region, spec.instance_type, spec.market)
    except AicError as error:
        result.add("price", Verdict.UNKNOWN, f"The price could not be read: {error.message}", error.next_step)
        return
    if quote is None:
        result.add("price", Verdict.UNKNOWN, "No source has a price for it.")
        return
    result.quote = quote
    cap = spec.max_price_usd_per_hour
    cheapest = min(quote.by_zone.values(), default=quote.usd_per_hour)
    if cap is not None and cheapest > cap and quote.as_of is not None:
        reason = f"The spot price is ${cheapest:.4f}/h, above your cap of ${cap}/h."
        result.add("price", Verdict.REFUSED, reason, "Raise --max-price or leave it out.", "PriceTooHigh")
        return
    result.add("price", Verdict.OK, f"${quote.usd_per_hour:.4f}/h ({quote.source})")


async def _check_fit(context: Context, result: Assessment) -> FitFinding | None:
    """Of the launch as it is looked at; a launch that was agreed to asks the hub nothing more."""
    spec, machine_type = result.spec, result.machine_type
    if machine_type is None:
        return None
    gpus = Gpus(memory_mib=machine_type.gpu_memory_mib, count=max(1, int(machine_type.gpu_count)))
    name = machine_type.gpu_name or "GPU"
    found = await fit_finding(context, spec.framework, spec.models, gpus, name, spec.context)
    if found is not None:
        result.checks.append(found.check())
    return found


async def _check_ssh(result: Assessment, context: Context) -> None:
    cidr = result.spec.ssh_cidr
    if cidr is None:
        address = await context.clouds.operator_address()
        if address is None:
            step = "Give --ssh-cidr, or open it later with `aic-tui instance allow-ssh`."
            reason = "Your public address could not be found: ssh stays closed" + _unseen(result.spec)
            result.add("ssh", Verdict.WARNING, reason, step)
            return
        cidr = f"{address}/{128 if ':' in address else 32}"
    result.ssh_cidr = cidr
    if cidr.endswith("/0"):
        result.add(
            "ssh", Verdict.WARNING, f"ssh will be open to the whole world ({cidr}).", "Give a narrower --ssh-cidr."
        )
    else:
        result.add("ssh", Verdict.OK, f"open to {cidr} alone")


def _unseen(spec: LaunchSpec) -> str:
    """What a machine without ssh means where something is to be set up on it."""
    if spec.framework == "none":
        return "."
    return f", so the set-up of {spec.framework} cannot be followed and its port not be reached."


async def _check_name(result: Assessment, context: Context, count: int) -> None:
    name = result.spec.name
    if name is None:
        return
    names = [name] if count == 1 else [f"{name}-{ordinal + 1}" for ordinal in range(count)]
    async with context.store.read() as transaction:
        taken = [each for each in names if await transaction.instances.name_taken(context.actor.owner, each)]
    if taken:
        reason = f"You have a machine named {taken[0]} already."
        result.add("name", Verdict.REFUSED, reason, "Choose another name.", "InvalidInput")


def _say_end(result: Assessment, now: datetime) -> None:
    sentences = what_ends_it(result.spec, now)
    verdict = Verdict.WARNING if result.spec.ttl_seconds is None else Verdict.OK
    result.add("end", verdict, sentences[0])


def what_ends_it(spec: LaunchSpec, now: datetime) -> list[str]:
    """Who ends the machine and when, most certain first."""
    if spec.ttl_seconds is None:
        return ["Nothing ends it at a set time: it costs until you terminate it.", _idle_sentence(spec)]
    ends_at = now + timedelta(seconds=spec.ttl_seconds)
    latest = now + timedelta(seconds=spec.max_ttl_seconds or spec.ttl_seconds)
    return [
        f"It powers itself off at {format_moment(ends_at)} (in {format_duration(spec.ttl_seconds)}), "
        "with no console and no agent needed; that terminates it.",
        _idle_sentence(spec),
        "The agent terminates it at its end too.",
        f"An extension can move that end to {format_moment(latest)} at most.",
    ]


def _idle_sentence(spec: LaunchSpec) -> str:
    if spec.idle_seconds is None:
        return "Idleness does not end it (--idle none)."
    return (
        f"Sooner after {format_duration(spec.idle_seconds)} without GPU work, requests or typing in a shell; "
        "what it cannot read counts as work."
    )


def assessment_view(assessment: Assessment, count: int, now: datetime) -> JsonObject:
    spec = assessment.spec
    price = assessment.quote.usd_per_hour if assessment.quote else None
    ttl = spec.ttl_seconds
    per_ttl = None if price is None or ttl is None else usd_from_nano(accrued_nano_usd(price, timedelta(seconds=ttl)))
    machine_type = assessment.machine_type
    return {
        "can_launch": assessment.refusal is None,
        "count": count,
        "checks": [check_view(check) for check in assessment.checks],
        "price_usd_per_hour": usd_or_none(price),
        "price_source": assessment.quote.source if assessment.quote else None,
        "price_as_of": moment_or_none(assessment.quote.as_of) if assessment.quote else None,
        "cost_ttl_usd": usd_or_none(per_ttl * count if per_ttl is not None else None),
        "cost_month_usd": usd_or_none(price * HOURS_PER_MONTH * count if price is not None else None),
        "ends": list(what_ends_it(spec, now)),
        "ends_at": None if ttl is None else moment_or_none(now + timedelta(seconds=ttl)),
        "image": assessment.image.image_id if assessment.image else None,
        "zones": [place.zone for place in assessment.places],
        "ssh_cidr": assessment.ssh_cidr,
        "gpus": describe_gpus(machine_type) if machine_type else None,
        "spec": spec_view(spec),
    }


def spec_view(spec: LaunchSpec) -> JsonObject:
    """The resolved values, as launch parameters spell them."""
    cap: Decimal | None = spec.max_price_usd_per_hour
    return {
        "cloud": spec.cloud,
        "profile": spec.credential_id,
        "region": spec.region,
        "type": spec.instance_type,
        "market": spec.market.value,
        "framework": spec.framework,
        "model": list(spec.models),
        "context": None if spec.context is None else context_word(spec.context),
        "ttl": "none" if spec.ttl_seconds is None else f"{spec.ttl_seconds}s",
        "idle": "none" if spec.idle_seconds is None else f"{spec.idle_seconds}s",
        "max_ttl": None if spec.max_ttl_seconds is None else f"{spec.max_ttl_seconds}s",
        "max_price": None if cap is None else str(cap),
        "zone": spec.zone,
        "ssh_cidr": spec.ssh_cidr,
        "name": spec.name,
        "volume_gib": spec.volume_gib,
        "subnet": spec.subnet_id,
        "ssh_key": spec.ssh_key,
        "image": spec.image_id,
        "tag": [f"{key}={value}" for key, value in sorted(spec.tags.items())],
        "protect": spec.protect,
    }


def require_assessed(assessment: Assessment) -> tuple[MachineType, MachineImage]:
    """The parts a launch cannot do without. Raises the refusal, or NotConfigured where a part is missing."""
    assessment.raise_refusal()
    if assessment.machine_type is None or assessment.image is None:
        raise NotConfigured("The checks before the launch did not finish.", "Try again.")
    return assessment.machine_type, assessment.image
