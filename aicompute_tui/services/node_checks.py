"""What `doctor` says about reaching machines: our key, their host keys, OpenSSH, tunnels, and this box's own GPUs."""

from __future__ import annotations

import asyncio
import shutil
import stat
from pathlib import Path

from aicompute_tui.domain.errors import AicError, NotConfigured
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.node import Tunnel, TunnelState
from aicompute_tui.metrics.nvml import read_gpus
from aicompute_tui.services.context import Context
from aicompute_tui.services.finding import FAILED, OK, WARNING, finding
from aicompute_tui.services.hugging_face import known_tokens
from aicompute_tui.services.surroundings import agent_answers
from aicompute_tui.services.tunnels import port_is_free
from aicompute_tui.settings.places import Places


async def node_findings(context: Context) -> list[JsonObject]:
    """The GPUs are read in a thread that nothing waits for, the files in one that is soon back."""
    files, gpus, tunnels, hub = await asyncio.gather(
        asyncio.to_thread(ssh_findings, context.places), _gpus(), _tunnels(context), _hub(context)
    )
    return [*files, *tunnels, hub, gpus]


def ssh_findings(places: Places) -> list[JsonObject]:
    """Without a database too."""
    return [_private_key(places.ssh_key), _host_keys(places.known_hosts), _client()]


def _private_key(path: Path) -> JsonObject:
    mode = _mode(path)
    if mode is None:
        return finding("ssh key", OK, "none yet; it is made at the first launch")
    if mode & 0o077:
        return finding("ssh key", FAILED, f"Others can read {path}, and OpenSSH refuses it so.", f"chmod 600 {path}")
    return finding("ssh key", OK, f"{path} is readable by you alone")


def _host_keys(path: Path) -> JsonObject:
    mode = _mode(path)
    if mode is None:
        return finding("host keys", OK, "none yet; a machine's is pinned at the first connection")
    if mode & 0o022:
        return finding("host keys", FAILED, f"Others can change {path}.", f"chmod 600 {path}")
    return finding("host keys", OK, f"pinned in {path}")


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None


def _client() -> JsonObject:
    path = shutil.which("ssh")
    if path is None:
        reason = "OpenSSH's client is not installed: there are no shells on machines; all else works."
        return finding("openssh", WARNING, reason, "Install the package openssh-client.")
    return finding("openssh", OK, f"installed at {path}")


async def _gpus() -> JsonObject:
    """Information only: most jump boxes have none."""
    try:
        gpus = await read_gpus()
    except NotConfigured as error:
        return finding("gpus here", OK, f"none that can be read: {error.message}")
    except AicError as error:
        return finding("gpus here", WARNING, error.message, error.next_step)
    names = ", ".join(gpu.name or f"GPU {gpu.index}" for gpu in gpus)
    return finding("gpus here", OK, names or "none")


async def _tunnels(context: Context) -> list[JsonObject]:
    async with context.store.read() as transaction:
        tunnels = await transaction.tunnels.list(context.actor.host_id)
        names = {row.id: row.name for row in await transaction.instances.list(include_final=True)}
    if not tunnels:
        return [finding("tunnels", OK, "none")]
    rows = []
    is_kept = await agent_answers(context.places.agent_socket)
    for tunnel in tunnels:
        problem = await asyncio.to_thread(tunnel_problem, tunnel, is_kept=is_kept)
        if problem:
            what = f"port {tunnel.remote_port} of {names.get(tunnel.instance_id, tunnel.instance_id)}"
            step = f"Choose another: aic-tui instance forward NAME {tunnel.remote_port} --local-port N"
            step = step if is_kept or not port_is_free(tunnel.local_port) else "Start the agent: aic-tui agent"
            rows.append(finding("tunnels", WARNING, f"{what} at {tunnel.local_port} here: {problem}", step))
    return rows or [finding("tunnels", OK, f"{len(tunnels)}, kept open by the agent")]


def tunnel_problem(tunnel: Tunnel, *, is_kept: bool) -> str:
    """Why nothing can be reached through it, empty where something can or soon will be."""
    if is_kept and tunnel.state is TunnelState.OPEN:
        return ""
    if not port_is_free(tunnel.local_port):
        return "another program has that port."
    if not is_kept:
        return "no agent runs that keeps it open."
    return tunnel.problem if tunnel.state is TunnelState.FAILED else ""


async def _hub(context: Context) -> JsonObject:
    try:
        names = [each.name for each in await known_tokens(context)]
    except AicError as error:
        return finding("hugging face", WARNING, error.message, error.next_step)
    if names:
        return finding("hugging face", OK, f"a token is here ({', '.join(names)}); `credential test` asks whose it is")
    step = "aic-tui credential set huggingface --cloud huggingface"
    return finding("hugging face", OK, "no token: machines download public models only", step)
