"""Where a machine is put and who may reach it: zones, subnets, the ssh-only security group, key pairs."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.clouds.base import SshRule
from aicompute_tui.domain.errors import Conflict, InvalidInput, NotConfigured, NotFound
from aicompute_tui.domain.launch import LaunchPlace, LaunchSpec
from aicompute_tui.domain.offer import MachineType
from aicompute_tui.domain.remote import TAG_OWNER, TAG_STORE

OWN_RULE = "aic-tui owner"
TAG_SUBNET = "aic-tui:subnet"
SSH_PORT = 22
_GROUP_LOOKS = 10
_GROUP_PAUSE_SECONDS = 0.5
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


def places(
    session: AwsSession, spec: LaunchSpec, machine_type: MachineType, prices: Mapping[str, Decimal]
) -> list[LaunchPlace]:
    """Zones that have both the type and a subnet, cheapest first; zones without a price come last, by name."""
    found: dict[str, str] = {}
    for subnet in _subnets(session, spec):
        zone = subnet["AvailabilityZone"]
        if zone in machine_type.zones and spec.zone in {None, zone}:
            found.setdefault(zone, subnet["SubnetId"])
    made = [
        LaunchPlace(zone=zone, subnet_id=subnet_id, price_usd_per_hour=prices.get(zone))
        for zone, subnet_id in found.items()
    ]
    return sorted(made, key=_cheapest_first)


def _cheapest_first(place: LaunchPlace) -> tuple[bool, Decimal, str]:
    price = place.price_usd_per_hour
    return price is None, price or Decimal(0), place.zone or ""


def _subnets(session: AwsSession, spec: LaunchSpec) -> Sequence[Mapping[str, Any]]:
    """The one given; else those tagged for us; else the default network's. Raises NotConfigured where there is none."""
    region = spec.region
    if spec.subnet_id is not None:
        found = session.ask("ec2", "describe_subnets", region, SubnetIds=[spec.subnet_id]).get("Subnets", [])
        if not found:
            raise NotFound(f"AWS knows no subnet {spec.subnet_id} in {region}.", "Leave --subnet out, or give another.")
        return list(found)
    for name, value in (("tag-key", TAG_SUBNET), ("default-for-az", "true")):
        filters = [{"Name": name, "Values": [value]}, {"Name": "state", "Values": ["available"]}]
        pages = session.pages("ec2", "describe_subnets", region, Filters=filters)
        found = [subnet for page in pages for subnet in page.get("Subnets", [])]
        if found:
            return sorted(found, key=lambda subnet: str(subnet["SubnetId"]))
    raise NotConfigured(
        f"{region} has no default network in this account to launch into.",
        f"Run `aws ec2 create-default-vpc --region {region}`, give --subnet, or tag a subnet {TAG_SUBNET}.",
    )


def prepare_network(
    session: AwsSession, region: str, place: LaunchPlace, ssh_cidr: str | None, owner: str, store_id: str
) -> SshRule:
    """The owner's group in the place's network, open on port 22 to `ssh_cidr` alone; to nobody where it is None."""
    wanted = None if ssh_cidr is None else _cidr(ssh_cidr)
    group_id = _ensure_group(session, region, _vpc_of(session, region, place), owner, store_id)
    return _open_to(session, region, group_id, wanted)


def allow_ssh(session: AwsSession, region: str, remote_id: str, ssh_cidr: str, owner: str, store_id: str) -> SshRule:
    """Replaces the own rule in the machine's group of ours. Raises NotFound where it has none."""
    wanted = _cidr(ssh_cidr)
    filters = [{"Name": "instance-id", "Values": [remote_id]}]
    answer = session.ask("ec2", "describe_instances", region, Filters=filters)
    found = [instance for reservation in answer.get("Reservations", []) for instance in reservation["Instances"]]
    if not found:
        raise NotFound(f"AWS knows no machine {remote_id} in {region}.", "See `aic-tui instance list`.")
    ids = sorted({group["GroupId"] for instance in found for group in _groups_of(instance)})
    groups = session.ask("ec2", "describe_security_groups", region, GroupIds=ids)["SecurityGroups"] if ids else []
    ours = [group for group in groups if _is_ours(group, owner, store_id)]
    if not ours:
        raise NotFound(
            f"Machine {remote_id} has no security group of yours made by aic-tui.",
            "Open port 22 in the AWS console.",
        )
    return _open_to(session, region, ours[0]["GroupId"], wanted)


def _groups_of(instance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A machine's own groups and those of its network cards."""
    cards = instance.get("NetworkInterfaces", [])
    return [*instance.get("SecurityGroups", []), *(group for card in cards for group in card.get("Groups", []))]


def import_key(session: AwsSession, region: str, name: str, public_key: str) -> str:
    """The name carries the key's own digest, so that one name never stands for two keys."""
    material = public_key.strip()
    if not material.startswith(("ssh-ed25519 ", "ssh-rsa ")) or "\n" in material:
        raise InvalidInput(
            "This is not a public ssh key that AWS takes.", "Give the .pub file of an Ed25519 or RSA key."
        )
    digest = hashlib.sha256(" ".join(material.split()[:2]).encode()).hexdigest()[:8]
    full_name = f"{_NOT_IN_NAMES.sub('-', name)[:200]}-{digest}"
    try:
        session.ask("ec2", "import_key_pair", region, KeyName=full_name, PublicKeyMaterial=material.encode())
    except Conflict:
        return full_name
    return full_name


def _cidr(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise InvalidInput(f"“{text}” is not an address block.", "Write it like 203.0.113.7/32.") from None


def _vpc_of(session: AwsSession, region: str, place: LaunchPlace) -> str:
    if place.subnet_id is not None:
        found = session.ask("ec2", "describe_subnets", region, SubnetIds=[place.subnet_id]).get("Subnets", [])
    else:
        filters = [{"Name": "is-default", "Values": ["true"]}]
        found = session.ask("ec2", "describe_vpcs", region, Filters=filters).get("Vpcs", [])
    if not found:
        raise NotConfigured(
            f"{region} has no network to launch into.", f"Run `aws ec2 create-default-vpc --region {region}`."
        )
    return str(found[0]["VpcId"])


def group_name(owner: str, store_id: str) -> str:
    """The end of a store's id is its random part."""
    return f"aic-tui-{_NOT_IN_NAMES.sub('-', owner)[:100]}-{store_id[-8:]}"


def _ensure_group(session: AwsSession, region: str, vpc_id: str, owner: str, store_id: str) -> str:
    name = group_name(owner, store_id)
    existing = _find_group(session, region, vpc_id, name)
    if existing is not None:
        return existing
    tags = [{"Key": "Name", "Value": name}, {"Key": TAG_STORE, "Value": store_id}, {"Key": TAG_OWNER, "Value": owner}]
    with suppress(Conflict):  # another process of ours may have made it since the look
        session.ask(
            "ec2",
            "create_security_group",
            region,
            GroupName=name,
            Description="aic-tui: ssh only",
            VpcId=vpc_id,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
        )
    for _ in range(_GROUP_LOOKS):
        made = _find_group(session, region, vpc_id, name)
        if made is not None:
            return made
        session.runtime.pause(_GROUP_PAUSE_SECONDS)
    raise NotFound("The new security group does not show yet.", "Try again in a minute.")


def _find_group(session: AwsSession, region: str, vpc_id: str, name: str) -> str | None:
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": [name]}]
    found = session.ask("ec2", "describe_security_groups", region, Filters=filters).get("SecurityGroups", [])
    return str(found[0]["GroupId"]) if found else None


def _is_ours(group: Mapping[str, Any], owner: str, store_id: str) -> bool:
    tags = {tag["Key"]: tag["Value"] for tag in group.get("Tags", [])}
    return tags.get(TAG_STORE) == store_id and tags.get(TAG_OWNER) == owner


def _open_to(session: AwsSession, region: str, group_id: str, cidr: str | None) -> SshRule:
    """Opens before it closes, so that a renewal never cuts the owner off."""
    own = _own_cidrs(_group(session, region, group_id))
    if cidr is not None and cidr not in own:
        permission = _permission(cidr, with_description=True)
        with suppress(Conflict):  # the address may be open already under another description
            session.ask("ec2", "authorize_security_group_ingress", region, GroupId=group_id, IpPermissions=[permission])
    for old in own - {cidr}:
        try:
            session.ask(
                "ec2",
                "revoke_security_group_ingress",
                region,
                GroupId=group_id,
                IpPermissions=[_permission(old, with_description=False)],
            )
        except NotFound:
            continue
    return SshRule(security_group_id=group_id, cidrs=_ssh_cidrs(_group(session, region, group_id)))


def _group(session: AwsSession, region: str, group_id: str) -> Mapping[str, Any]:
    found = session.ask("ec2", "describe_security_groups", region, GroupIds=[group_id]).get("SecurityGroups", [])
    if not found:
        raise NotFound(f"AWS knows no security group {group_id} in {region}.", "Try again: it is made anew.")
    group: Mapping[str, Any] = found[0]
    return group


def _own_cidrs(group: Mapping[str, Any]) -> set[str]:
    return {
        cidr
        for permission in group.get("IpPermissions", [])
        if permission.get("FromPort") == SSH_PORT == permission.get("ToPort")
        for cidr, description in _ranges(permission)
        if description == OWN_RULE
    }


def _ssh_cidrs(group: Mapping[str, Any]) -> tuple[str, ...]:
    """Everything that reaches port 22, rules made by hand included."""
    found = {
        cidr
        for permission in group.get("IpPermissions", [])
        if permission.get("IpProtocol") == "-1"
        or int(permission.get("FromPort", -1)) <= SSH_PORT <= int(permission.get("ToPort", -1))
        for cidr, _ in _ranges(permission)
    }
    return tuple(sorted(found))


def _ranges(permission: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(entry["CidrIp"], entry.get("Description", "")) for entry in permission.get("IpRanges", [])] + [
        (entry["CidrIpv6"], entry.get("Description", "")) for entry in permission.get("Ipv6Ranges", [])
    ]


def _permission(cidr: str, *, with_description: bool) -> dict[str, Any]:
    is_ipv6 = ":" in cidr
    entry = {"CidrIpv6" if is_ipv6 else "CidrIp": cidr}
    if with_description:
        entry["Description"] = OWN_RULE
    ranges = "Ipv6Ranges" if is_ipv6 else "IpRanges"
    return {"IpProtocol": "tcp", "FromPort": SSH_PORT, "ToPort": SSH_PORT, ranges: [entry]}
