"""One attempt as one complete order: tags, user data, image and place, fixed before it is sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from aicompute_tui.clouds.base import Cloud, MachineImage
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.launch import LaunchAttempt, LaunchOrder, LaunchPlace, LaunchSpec
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.offer import MachineType
from aicompute_tui.domain.remote import NO_EXPIRY, TAG_EXPIRES_AT, TAG_LAUNCH, TAG_OWNER, TAG_STORE
from aicompute_tui.services.context import Context
from aicompute_tui.services.fence import SEND_WITHIN
from aicompute_tui.services.launch_spec import resolve_spec
from aicompute_tui.services.preflight import Assessment, require_assessed
from aicompute_tui.services.public_key import key_name, read_public_key
from aicompute_tui.services.user_data import NodeOrder, pack_user_data, render_user_data


@dataclass(frozen=True, slots=True)
class Plan:
    """What the checks before a launch found, as far as its orders need it."""

    spec: LaunchSpec
    machine_type: MachineType
    image: MachineImage
    places: Sequence[LaunchPlace]
    ssh_cidr: str | None


def plan_from(assessment: Assessment) -> Plan:
    """Raises the refusal of the checks, if any."""
    machine_type, image = require_assessed(assessment)
    return Plan(assessment.spec, machine_type, image, assessment.places, assessment.ssh_cidr)


async def plan_again(context: Context, cloud: Cloud, stored: JsonObject) -> Plan:
    """What a launch taken up by another process uses, from the specification stored with its row."""
    spec, _ = await resolve_spec(context, stored)
    machine_type = await cloud.machine_type(spec.region, spec.instance_type)
    image = await cloud.image(spec.region, machine_type, spec.image_id)
    places = await cloud.places(spec, machine_type)
    cidr = spec.ssh_cidr
    if cidr is None and (address := await context.clouds.operator_address()) is not None:
        cidr = f"{address}/{128 if ':' in address else 32}"
    return Plan(spec, machine_type, image, places, cidr)


async def import_key(cloud: Cloud, row: Instance, spec: LaunchSpec) -> str | None:
    """The name of the owner's public key in the region, None where the launch names no key."""
    if spec.ssh_key is None:
        return None
    public_key = read_public_key(spec.ssh_key)
    return await cloud.import_key(row.region, key_name(row.owner, public_key), public_key)


def order(
    store_id: str,
    row: Instance,
    plan: Plan,
    place: LaunchPlace,
    attempt: LaunchAttempt,
    security_group_id: str,
    key: str | None,
) -> LaunchOrder:
    """The one call this attempt's token is ever used for."""
    expiry = NO_EXPIRY if row.expires_at is None else format_moment(row.expires_at)
    own_tags = {
        "Name": row.name,
        TAG_STORE: store_id,
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
        user_data=_user_data(row, plan),
        max_price_usd_per_hour=plan.spec.max_price_usd_per_hour,
        tags={**plan.spec.tags, **own_tags},
        send_by=attempt.written_at + SEND_WITHIN,
    )


def _user_data(row: Instance, plan: Plan) -> bytes:
    node = NodeOrder(
        framework=plan.spec.framework,
        models=plan.spec.models,
        context=plan.spec.context,
        idle_seconds=plan.spec.idle_seconds,
        gpu_count=math.ceil(plan.machine_type.gpu_count),
        login=plan.image.login,
        public_keys=plan.spec.public_keys,
    )
    text = render_user_data(expires_at=row.expires_at, max_expires_at=row.max_expires_at, launch_id=row.id, node=node)
    return pack_user_data(text)
