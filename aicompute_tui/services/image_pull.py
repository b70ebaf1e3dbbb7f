"""An image fetched to a host: layer by layer, to be cancelled at any time, with the login of its registry alone."""

from __future__ import annotations

import asyncio
import contextlib

from aicompute_tui.domain.errors import AicError, AuthFailed, InvalidInput, NotAllowed, Refused
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.domain.stored import RegistryLogin, check_image, registry_of
from aicompute_tui.hosts.base import Engine, LayerProgress, PullProgress
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.registry_logins import login_for

_LOOK_SECONDS = 1.0
_LAYERS_TOLD = 3


async def pull(context: Context, arguments: Arguments) -> Json:
    """Handler of `image.pull`. Layers that came stay on the host: pulled again, it goes on from there."""
    image = check_image(required_text(arguments, "image"))
    host = await host_meant(context, text(arguments, "host"))
    engine = await context.hosts.engine(host)
    await prove_held(context, context.running_job.hold)
    await pull_image(context, engine, image)
    found = await engine.image(image)
    size = found.get("Size")
    taken = size if isinstance(size, int) else None
    message = f"{image} was pulled to {host.name} ({format_bytes(taken)})."
    identity = str(found.get("Id") or "")
    async with context.store.write() as transaction:
        subject = ("image", f"{host.id}/{identity}", f"{host.name}: {image}")
        await transaction.events.append(told(context, "image.pulled", subject, message))
    return {"host": host.name, "name": image, "id": identity, "size": format_bytes(taken), "size_bytes": taken}


async def host_meant(context: Context, name: str | None) -> Host:
    """The one that was named, else the only one there is. Raises InvalidInput."""
    async with context.store.read() as transaction:
        if name is not None:
            return await transaction.hosts.find(name)
        hosts = await transaction.hosts.list()
    if len(hosts) == 1:
        return hosts[0]
    if not hosts:
        raise InvalidInput("There is no container host.", "Add one: aic-tui host add NAME.")
    raise InvalidInput("Which host is meant?", f"Give --host: {', '.join(host.name for host in hosts[:6])}.")


async def pull_image(context: Context, engine: Engine, image: str) -> None:
    """Raises Refused where it was cancelled, AuthFailed with the missing login's command, and what else went wrong."""
    job = context.running_job
    login = await login_for(context, image) if engine.abilities.takes_logins else None
    await job.progress(f"pulling {image}")
    try:
        await _follow(context, engine, image, login)
    except (AuthFailed, NotAllowed) as error:
        raise _not_let_in(engine, image, login, error) from error


async def _follow(context: Context, engine: Engine, image: str, login: RegistryLogin | None) -> None:
    """Looks for a wish to cancel also where the registry says nothing for a long time."""
    job = context.running_job
    newest: list[PullProgress] = []

    async def read() -> None:
        async with engine.pull(image, login) as steps:
            async for step in steps:
                newest[:] = [step]

    reading = asyncio.create_task(read(), name=f"pull of {image}")
    try:
        while not (await asyncio.wait({reading}, timeout=_LOOK_SECONDS))[0]:
            if await job.cancelled():
                raise Refused(f"The pull of {image} was cancelled.", "Layers that came whole stay there.")
            if newest:
                await job.progress(progress_line(image, newest[0]))
        reading.result()
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError, AicError):
            await reading


def progress_line(image: str, step: PullProgress) -> str:
    """`pulling bb:1: 2 of 5 layers, 41 %; 9f2a downloading 12 MiB of 30 MiB`."""
    if not step.layers:
        return f"pulling {image}: {step.text}".rstrip(": ")
    percent = "" if step.percent is None else f", {step.percent} %"
    layers = f"pulling {image}: {step.layers_done} of {step.layers} layers{percent}"
    moving = [_layer(each) for each in step.moving[:_LAYERS_TOLD]]
    more = len(step.moving) - len(moving)
    return "; ".join([layers, *moving, *([f"{more} more"] if more > 0 else [])])


def _layer(layer: LayerProgress) -> str:
    sizes = f" {format_bytes(layer.bytes_done)} of {format_bytes(layer.bytes_known)}" if layer.bytes_known else ""
    return f"{layer.id[:8]} {layer.text}{sizes if layer.text == 'downloading' else ''}"


def _not_let_in(engine: Engine, image: str, login: RegistryLogin | None, error: AicError) -> AicError:
    registry, abilities = registry_of(image), engine.abilities
    if not abilities.takes_logins:
        message = f"{registry} wants a login for {image}, or has no such image."
        return AuthFailed(message, f"None was sent: {abilities.why_no_login}.", error.details)
    command = f"aic-tui registry login {registry} --user NAME --stdin"
    if login is None:
        return AuthFailed(
            f"{registry} wants a login for {image}, or has no such image.",
            f"Check the name, or store a login: {command}",
            error.details,
        )
    return AuthFailed(
        f"{registry} does not give {image} to {login.user}: the login is wrong, may not read it, or it is not there.",
        f"Check the name, or store the login anew: {command}",
        error.details,
    )
