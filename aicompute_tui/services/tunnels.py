"""Ports of this host that lead to a machine's: which there are to be, where, and what of that holds now."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Collection, Iterable
from dataclasses import replace

from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound, Refused
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.node import NodeReport, Tunnel, TunnelState, is_set_up
from aicompute_tui.services.arguments import flag, integer, required_text
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.connection_sources import Served, instance_source
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.endpoint_connections import follow_gone, follow_ready
from aicompute_tui.services.endpoint_models import as_it_answers
from aicompute_tui.services.nodes import node_address
from aicompute_tui.services.own_end import ends_now
from aicompute_tui.services.serving_key import sealed_name
from aicompute_tui.services.targets import find_meant
from aicompute_tui.store.database import Transaction

FIRST_PORT, LAST_PORT = 18_000, 18_999
_SERVING = frozenset({InstanceState.READY, InstanceState.DEGRADED, InstanceState.DRAINING})
_RESTING = frozenset({InstanceState.STOPPING, InstanceState.STOPPED, InstanceState.TERMINATING})
_OPEN_SECONDS = 3.0
_LOOK_SECONDS = 0.25


def port_is_free(port: int) -> bool:
    """Whether a program of this user could listen at the port of this host's loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(instance_id: str, remote_port: int, taken: Collection[int]) -> int:
    """The same for a machine's port whenever that is free. Raises Conflict where the whole range is taken."""
    width = LAST_PORT - FIRST_PORT + 1
    start = zlib.crc32(f"{instance_id}:{remote_port}".encode()) % width
    for step in range(width):
        port = FIRST_PORT + (start + step) % width
        if port not in taken and port_is_free(port):
            return port
    raise Conflict(
        f"All ports from {FIRST_PORT} to {LAST_PORT} of this host are taken.",
        "Close a tunnel: `aic-tui instance forward NAME PORT --off`.",
    )


def serves(row: Instance, report: NodeReport | None) -> bool:
    """Whether the machine's own server is there to be led to."""
    if row.framework not in FRAMEWORKS or row.state not in _SERVING:
        return False
    return report is None or not report.steps or is_set_up(report.steps)


async def ensure_endpoint(context: Context, row: Instance) -> Tunnel:
    """The tunnel to the machine's server: its port is chosen once and stays."""
    host_id = context.actor.host_id
    remote_port = FRAMEWORKS[row.framework].node_port
    async with context.store.write() as transaction:
        known = await _find(transaction, row, host_id, remote_port)
        if known is not None and known.is_endpoint:
            return known
        if known is None:
            port = await _free_port(transaction, host_id, row.id, remote_port)
            known = Tunnel(instance_id=row.id, host_id=host_id, remote_port=remote_port, local_port=port)
        tunnel = replace(known, is_endpoint=True, state=TunnelState.OPENING)
        await transaction.tunnels.put(tunnel)
    return tunnel


async def move_port(context: Context, tunnel: Tunnel) -> Tunnel:
    """Another port for an endpoint whose own was taken by some other program of this host."""
    async with context.store.write() as transaction:
        row = await transaction.instances.get(tunnel.instance_id)
        known = await _find(transaction, row, tunnel.host_id, tunnel.remote_port)
        if known is None or known.local_port != tunnel.local_port:
            raise Conflict("The tunnel was changed meanwhile.", "It is opened as it is now.")
        port = await _free_port(transaction, tunnel.host_id, row.id, tunnel.remote_port)
        moved = replace(known, local_port=port, state=TunnelState.OPENING, problem="")
        message = f"Port {tunnel.local_port} of this host is taken: {row.name} is at port {port} now"
        before, after = {"local_port": str(tunnel.local_port)}, {"local_port": str(port)}
        await record(context, transaction, row, "tunnel.moved", message, level="warning", before=before, after=after)
        await transaction.tunnels.put(moved)
    return moved


async def set_state(context: Context, tunnel: Tunnel, state: TunnelState, problem: str = "") -> Tunnel | None:
    """Writes down what holds now, with the machine's endpoint and its events; None where the tunnel is taken back."""
    served = await _served_now(context, tunnel) if state is TunnelState.OPEN else None
    async with context.store.write() as transaction:
        row = await transaction.instances.get(tunnel.instance_id)
        known = await _find(transaction, row, tunnel.host_id, tunnel.remote_port)
        if known is None or known.local_port != tunnel.local_port:
            return None
        changed = replace(known, state=state, problem=problem)
        if changed == known and _endpoint_fits(row, changed):
            return known
        await transaction.tunnels.put(changed)
        if changed.is_endpoint:
            await _tell_endpoint(context, transaction, row, changed, problem, served=served)
    return changed


async def _served_now(context: Context, tunnel: Tunnel) -> Served | None:
    """As it answers now; None where nothing is to be asked, for that was told of before."""
    async with context.store.read() as transaction:
        row = await transaction.instances.get(tunnel.instance_id)
    url = url_of(row, tunnel)
    if not tunnel.is_endpoint or row.endpoint == url:
        return None
    return await as_it_answers(context, _served(row, url))


async def take_back(context: Context, instance_ids: Iterable[str], reason: str, *, keep_rows: bool = False) -> None:
    """The machines' tunnels from this host are closed; with `keep_rows` they are to be opened again later."""
    async with context.store.write() as transaction:
        for instance_id in instance_ids:
            await _take_back_one(context, transaction, instance_id, reason, keep_rows=keep_rows)


async def _take_back_one(
    context: Context, transaction: Transaction, instance_id: str, reason: str, *, keep_rows: bool
) -> None:
    host_id = context.actor.host_id
    row = await transaction.instances.get(instance_id)
    for tunnel in await transaction.tunnels.of(instance_id):
        if tunnel.host_id != host_id:
            continue
        closed = replace(tunnel, state=TunnelState.OPENING, problem="")
        if tunnel.is_endpoint and (tunnel.state is TunnelState.OPEN or row.endpoint is not None):
            row = await _tell_endpoint(context, transaction, row, closed, reason, was_open=True, comes_back=keep_rows)
        if keep_rows:
            await transaction.tunnels.put(closed)
        else:
            await transaction.tunnels.remove(instance_id, host_id, tunnel.remote_port)


def _endpoint_fits(row: Instance, tunnel: Tunnel) -> bool:
    return not tunnel.is_endpoint or row.endpoint == (url_of(row, tunnel) if tunnel.state is TunnelState.OPEN else None)


async def _tell_endpoint(
    context: Context,
    transaction: Transaction,
    row: Instance,
    tunnel: Tunnel,
    reason: str,
    *,
    was_open: bool = False,
    comes_back: bool = False,
    served: Served | None = None,
) -> Instance:
    """The row's endpoint follows the tunnel, and one event says so for whoever calls it."""
    url = url_of(row, tunnel)
    words = {"kind": row.framework, "models": ",".join(row.models), "local_port": str(tunnel.local_port)}
    if tunnel.state is TunnelState.OPEN:
        if row.endpoint == url:
            return row
        after = {"url": url, **words}
        await record(context, transaction, row, "endpoint.ready", f"{row.name} answers at {url}", after=after)
        await follow_ready(context, transaction, served or _served(row, url))
        return await save(transaction, row, replace(row, endpoint=url))
    if row.endpoint is None and not was_open:
        return row
    before = {"url": row.endpoint or url, **words}
    message = f"{row.name} no longer answers at {before['url']}: {reason}"
    level = "info" if comes_back or await _is_ordinary(context, transaction, row) else "warning"
    await record(
        context, transaction, row, "endpoint.gone", message, level=level, before=before, after={"reason": reason}
    )
    await follow_gone(context, transaction, instance_source(row.id), reason)
    return await save(transaction, row, replace(row, endpoint=None))


def _served(row: Instance, url: str) -> Served:
    framework = FRAMEWORKS.get(row.framework)
    takes_key = framework is not None and framework.takes_key
    return Served(
        source=instance_source(row.id),
        title=row.name,
        owner=row.owner,
        url=url,
        framework=row.framework,
        models=row.models,
        sealed_key=sealed_name(row.id) if takes_key else None,
    )


async def _is_ordinary(context: Context, transaction: Transaction, row: Instance) -> bool:
    """The machine ends or rests as it was to: whoever calls it was told so before."""
    if row.is_final or row.desired_state is not DesiredState.RUNNING or row.state in _RESTING:
        return True
    return ends_now(row, await transaction.node_reports.get(row.id), context.clock.now())


def url_of(row: Instance, tunnel: Tunnel) -> str:
    framework = FRAMEWORKS.get(row.framework)
    if tunnel.is_endpoint and framework is not None:
        return framework.endpoint_at(tunnel.local_port)
    return f"http://127.0.0.1:{tunnel.local_port}"


async def forward(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.forward`: the tunnel is written down, and the agent of this host keeps it open."""
    remote_port = integer(arguments, "port", least=1, most=65_535)
    if remote_port is None:
        raise InvalidInput("Which port of the machine is meant?", "Give it after the name: 8000.")
    local_port = integer(arguments, "local_port", least=1, most=65_535)
    name = required_text(arguments, "name")
    if flag(arguments, "off"):
        return await _close(context, name, remote_port)
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        row = await find_meant(context, transaction, name)
        node_address(context, row)
        known = await _find(transaction, row, context.actor.host_id, remote_port)
        tunnel = await _wanted(context, transaction, row, known, remote_port, local_port)
        if tunnel != known:
            await transaction.tunnels.put(tunnel)
            message = f"Port {tunnel.local_port} of this host leads to port {remote_port} of {row.name}"
            after = {"remote_port": str(remote_port), "local_port": str(tunnel.local_port)}
            await record(context, transaction, row, "tunnel.asked", message, after=after)
    opened = await _opened(context, row, tunnel)
    await context.running_job.progress(_led(row, opened))
    return _view(row, opened)


async def _wanted(
    context: Context,
    transaction: Transaction,
    row: Instance,
    known: Tunnel | None,
    remote_port: int,
    local_port: int | None,
) -> Tunnel:
    """Raises Conflict where the port of this host is another's."""
    host_id = context.actor.host_id
    if known is not None and local_port in {None, known.local_port}:
        return known
    if local_port is None:
        local_port = await _free_port(transaction, host_id, row.id, remote_port)
    else:
        others = {each.local_port: each for each in await transaction.tunnels.list(host_id)}
        if local_port in others:
            owner = await transaction.instances.get(others[local_port].instance_id)
            said = f"Port {local_port} of this host already leads to port {others[local_port].remote_port}"
            raise Conflict(f"{said} of {owner.name}.", "Choose another --local-port.")
        if not port_is_free(local_port):
            step = "Choose another --local-port, or leave it out."
            raise Conflict(f"Port {local_port} of this host cannot be taken: another program has it.", step)
    if known is None:
        return Tunnel(instance_id=row.id, host_id=host_id, remote_port=remote_port, local_port=local_port)
    return replace(known, local_port=local_port, state=TunnelState.OPENING, problem="")


async def _close(context: Context, name: str, remote_port: int) -> JsonObject:
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        row = await find_meant(context, transaction, name)
        known = await _find(transaction, row, context.actor.host_id, remote_port)
        if known is None:
            raise NotFound(f"No port of this host leads to port {remote_port} of {row.name}.", "Nothing is to be done.")
        if known.is_endpoint:
            step = "It closes when the machine stops or ends."
            raise Refused(f"Port {remote_port} of {row.name} is its model server's, kept open by the agent.", step)
        await transaction.tunnels.remove(row.id, known.host_id, remote_port)
        message = f"Port {known.local_port} of this host no longer leads to {row.name}"
        before = {"remote_port": str(remote_port), "local_port": str(known.local_port)}
        await record(context, transaction, row, "tunnel.closed", message, before=before)
    await context.running_job.progress(f"no port of this host leads to port {remote_port} of {row.name} any more")
    return {**_view(row, known), "state": "closed"}


def _led(row: Instance, tunnel: Tunnel) -> str:
    """Where a person finds the port, and whether it leads there yet."""
    here = f"127.0.0.1:{tunnel.local_port}"
    if tunnel.state is TunnelState.OPEN:
        return f"forwarded {tunnel.remote_port} of {row.name} to {here}"
    return f"{here} does not lead to port {tunnel.remote_port} of {row.name} yet; the agent goes on trying"


async def _opened(context: Context, row: Instance, tunnel: Tunnel) -> Tunnel:
    """The tunnel once the agent has opened it or failed to; after a few seconds as it then stands."""
    waited = 0.0
    while tunnel.state is TunnelState.OPENING and waited < _OPEN_SECONDS:
        await context.clock.sleep(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
        async with context.store.read() as transaction:
            present = await _find(transaction, row, tunnel.host_id, tunnel.remote_port)
        if present is None:
            break
        tunnel = present
    return tunnel


async def _find(transaction: Transaction, row: Instance, host_id: str, remote_port: int) -> Tunnel | None:
    found = await transaction.tunnels.of(row.id)
    return next((each for each in found if (each.host_id, each.remote_port) == (host_id, remote_port)), None)


async def _free_port(transaction: Transaction, host_id: str, instance_id: str, remote_port: int) -> int:
    taken = {each.local_port for each in await transaction.tunnels.list(host_id)}
    return choose_port(instance_id, remote_port, taken)


def _view(row: Instance, tunnel: Tunnel) -> JsonObject:
    return {
        "name": row.name,
        "remote_port": tunnel.remote_port,
        "local_port": tunnel.local_port,
        "url": url_of(row, tunnel),
        "state": tunnel.state.value,
        "problem": tunnel.problem or None,
    }
