"""Who may reach ssh on a machine: the operator's own address, renewed when it has changed."""

from __future__ import annotations

import ipaddress

from aicompute_tui.domain.errors import InvalidInput, NotConfigured, Refused
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.audit import record
from aicompute_tui.services.context import Arguments, Context


async def allow_ssh(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.allow-ssh`: replaces the owner's own rule of the machine's group."""
    job = context.running_job
    cidr = await _cidr(context, text(arguments, "ssh_cidr"))
    async with context.store.write() as transaction:
        await job.hold(transaction)
        row = await transaction.instances.find(required_text(arguments, "name"))
        if row.remote_id is None or row.is_final:
            raise Refused(f"{row.name} has no machine.", "See `aic-tui instance show`.")
        message = f"ssh to {row.name} is to be open to {cidr} alone"
        await record(context, transaction, row, "instance.ssh-allowed", message, after={"ssh_cidr": cidr})
    cloud = await context.clouds.account_cloud(row.cloud, row.account_id or "", row.credential_id)
    rule = await cloud.allow_ssh(row.region, row.remote_id, cidr, row.owner)
    return {"name": row.name, "security_group_id": rule.security_group_id, "cidrs": list(rule.cidrs)}


async def _cidr(context: Context, given: str | None) -> str:
    if given is not None:
        try:
            return str(ipaddress.ip_network(given, strict=False))
        except ValueError:
            raise InvalidInput(f"“{given}” is not an address block.", "Write it like 203.0.113.7/32.") from None
    address = await context.clouds.operator_address()
    if address is None:
        raise NotConfigured("Your public address could not be found.", "Give it with --ssh-cidr.")
    return f"{address}/{128 if ':' in address else 32}"
