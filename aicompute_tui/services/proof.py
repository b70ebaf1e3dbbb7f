"""The proof that a container runs: it stays up, says it is healthy, and answers where its forerunner answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection
from dataclasses import dataclass

from aicompute_tui.domain.container import Container, Health
from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.errors import AicError, Refused, SetupFailed
from aicompute_tui.domain.host import Host
from aicompute_tui.hosts.base import Engine, LogsWanted
from aicompute_tui.services.container_endpoints import endpoint_url, health_url, tell_ready
from aicompute_tui.services.context import Context

_LOOK_SECONDS = 0.5
_STAYS_SECONDS = 2.0
"""So long it has to stay up where nothing else tells of it."""
_CONNECT_SECONDS = 2.0
_OPEN_SECONDS = 0.3
"""An engine's proxy takes every connection, and ends it at once where nobody listens behind it."""
_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class Proof:
    """`answered` are ports of the container, as `80/tcp`, that have to take connections."""

    wait_seconds: float
    answered: frozenset[str] = frozenset()

    @classmethod
    async def before(cls, host: Host, container: Container, wait_seconds: float, moved: Collection[str]) -> Proof:
        """What the old one answers on now; a port that is to be moved must not answer in its old place."""
        published = _published(host, container)
        found = await asyncio.gather(*(_is_open(host.published_address, port) for port in published.values()))
        answered = {inside for inside, is_open in zip(published, found, strict=True) if is_open}
        return cls(wait_seconds, frozenset(answered - set(moved)))


def _published(host: Host, container: Container) -> dict[str, int]:
    """The container's TCP ports that can be reached from here, and where."""
    if not host.published_address or not container.state.is_alive:
        return {}
    return {
        f"{port.container_port}/tcp": port.host_port
        for port in container.ports
        if port.protocol == "tcp" and port.host_port is not None
    }


async def _is_open(address: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port)
    except (OSError, TimeoutError):
        return False
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            return bool(await reader.read(1))
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def until_it_runs(context: Context, engine: Engine, host: Host, container_id: str, proof: Proof) -> None:
    """Raises SetupFailed where it ends, is unhealthy, or does not answer in time; Refused where it was cancelled."""
    job, began = context.running_job, context.clock.now()
    while True:
        container, _ = await engine.inspect(container_id)
        waited = (context.clock.now() - began).total_seconds()
        if not container.state.is_alive or (container.restart_count or 0) > 2:
            raise await _ended(engine, container)
        if container.health is Health.UNHEALTHY:
            raise SetupFailed(f"The new {container.name} says it is unhealthy.", "Look at what it was made with.")
        if waited >= _STAYS_SECONDS and await _answers(host, container, proof):
            if (url := endpoint_url(host, container)) is not None:
                await tell_ready(context, host, container, url)
            return
        if waited >= max(proof.wait_seconds, _STAYS_SECONDS * 2):
            raise SetupFailed(
                f"The new {container.name} did not {_what(container)} within {format_duration(waited)}.",
                "Give it longer with --wait.",
            )
        if await job.cancelled():
            raise Refused(f"Making {container.name} anew was cancelled.", "")
        await job.progress(f"{container.name}: waiting until it runs, {format_duration(waited)}")
        await context.clock.sleep(_LOOK_SECONDS)


def _what(container: Container) -> str:
    return "become healthy" if container.health is Health.STARTING else "answer where the old one did"


async def _answers(host: Host, container: Container, proof: Proof) -> bool:
    from aicompute_tui.hosts.probe import answers

    if container.health is not Health.NONE:
        return container.health is Health.HEALTHY
    url = health_url(host, container)
    if url is not None and proof.answered:
        return await answers(url)
    published = _published(host, container)
    wanted = [published[inside] for inside in proof.answered if inside in published]
    found = await asyncio.gather(*(_is_open(host.published_address, port) for port in wanted))
    return len(wanted) == len(proof.answered) and all(found)


async def _ended(engine: Engine, container: Container) -> AicError:
    """With its last words."""
    lines: list[str] = []
    with contextlib.suppress(AicError):
        wanted = LogsWanted(tail=_LAST_LINES, has_moments=False)
        async with engine.logs(container.id, wanted, has_terminal=container.has_terminal is True) as pieces:
            async for piece in pieces:
                lines += piece.data.decode(errors="replace").splitlines()
    how = "its memory was used up" if container.is_out_of_memory else f"exit code {container.exit_code}"
    said = f" It said: “{lines[-1][:200]}”." if lines else ""
    message = f"The new {container.name} ended ({how}).{said}"
    return SetupFailed(message, "Look at what it was made with.", "\n".join(lines))
