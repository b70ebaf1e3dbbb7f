"""A Portainer server's environments as hosts: its token tried, kept in the vault, and each environment a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import InvalidInput, NotConfigured, NotFound
from aicompute_tui.domain.host import Host, HostKind
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.nearby import is_near
from aicompute_tui.domain.plain_connection import is_plain
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, CloudDirectory, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.host_reports import look_at_hosts
from aicompute_tui.services.host_views import host_view
from aicompute_tui.services.jobs import pending_secret
from aicompute_tui.store.database import Store

if TYPE_CHECKING:
    from aicompute_tui.hosts.portainer.server import Environment, PortainerServer

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def host_secret(host_id: str) -> str:
    """Where the sealed token of a host is."""
    return f"host/{host_id}"


async def host_token(store: Store, clouds: CloudDirectory, host: Host) -> str:
    """Raises NotConfigured where it is not in the vault, AuthFailed where it was sealed by another key."""
    async with store.read() as transaction:
        sealed = await transaction.secrets.get(host_secret(host.id))
    if sealed is None:
        step = "Remove it and add it again with its token."
        raise NotConfigured(f"The Portainer token of {host.name} is not in the vault.", step)
    return await clouds.unseal(sealed)


async def add_portainer(context: Context, arguments: Arguments, server_host: Host) -> Json:
    """`server_host` describes the server; answers its environments, each a host from now on."""
    from aicompute_tui.hosts.docker.endpoint import tls_context
    from aicompute_tui.hosts.portainer.server import PortainerServer

    if is_plain(server_host) and not is_near(server_host.url):
        raise InvalidInput(
            f"The token would go to {server_host.url} over a connection that everybody on the way can read.",
            "Use Portainer's https address, usually port 9443, with --tls-ca where it signs its own certificate.",
        )
    job = context.running_job
    server = PortainerServer(server_host.url, server_host.name, await tls_context(server_host))
    await job.progress(f"asking {server_host.name}")
    token = await _token(context, server)
    wanted = _wanted(await server.environments(token), text(arguments, "environment"), server_host.name)
    hosts = _hosts(context, server_host, wanted)
    sealed = await context.clouds.seal(token)
    async with context.store.write() as transaction:
        await job.hold(transaction)
        for host in hosts:
            await transaction.hosts.insert(host)
            await transaction.secrets.put(host_secret(host.id), sealed, by=context.actor.owner)
            message = f"{host.name} was added: environment {host.environment} of {host.url}"
            await transaction.events.append(told(context, "host.added", ("host", host.id, host.name), message))
    looks = await look_at_hosts(context, hosts)
    now = context.clock.now()
    return [host_view(look.host, look.report, now) for look in looks]


async def _token(context: Context, server: PortainerServer) -> str:
    """As it was given, or made by a login that was given: a user and a password on a line each."""
    async with context.store.read() as transaction:
        sealed = await transaction.secrets.get(pending_secret(context.running_job.job.id))
    if sealed is None:
        raise InvalidInput("No token was given.", "Give --stdin or --from-env (PORTAINER_API_TOKEN).")
    given = (await context.clouds.unseal(sealed)).splitlines()
    if len(given) == 1:
        return given[0].strip()
    return await server.token_for(given[0].strip(), given[1], f"aic-tui of {context.actor.name}")


def _wanted(found: Sequence[Environment], reference: str | None, server: str) -> Sequence[Environment]:
    if reference is None:
        if not found:
            raise NotFound(f"{server} has no environment with a Docker engine that this token may see.", "")
        return found
    named = [each for each in found if reference in {each.name, str(each.number)}]
    if not named:
        known = ", ".join(f"{each.name} ({each.number})" for each in found) or "none"
        raise NotFound(f"{server} has no environment “{reference}”.", f"There are: {known}.")
    return named[:1]


def _hosts(context: Context, server: Host, environments: Sequence[Environment]) -> list[Host]:
    """One environment goes by the name that was given, several by that and their own."""
    made = []
    for each in environments:
        suffix = _NOT_IN_A_NAME.sub("-", each.name).strip("-") or str(each.number)
        made.append(
            replace(
                server,
                id=new_id(context.clock.now()),
                name=server.name if len(environments) == 1 else f"{server.name}-{suffix}"[:63],
                kind=HostKind.PORTAINER,
                environment=each.number,
                address=server.address or each.address or None,
            )
        )
    return made
