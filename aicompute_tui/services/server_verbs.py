"""What changes something on a server: models fetched, made, loaded, put to sleep and deleted, each as a job."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound, Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.server_calls import find
from aicompute_tui.services.server_views import model_view

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aicompute_tui.servers.base import Adapter, PullStep
    from aicompute_tui.servers.wire import Wire

_LOOK_SECONDS = 1.0
_LARGEST_MODELFILE = 1 << 20


async def pull(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.pull`. What came stays on the server: pulled again, it goes on from there."""
    model = _model(arguments)

    def steps(adapter: Adapter, wire: Wire) -> AsyncIterator[PullStep]:
        return adapter.pull(wire, model)

    return await _followed(context, arguments, f"pulling {model}", steps, ("pulled", f"{model} was pulled"))


async def create(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.create`."""
    model, path = _model(arguments), Path(required_text(arguments, "modelfile"))
    modelfile = await asyncio.to_thread(_content, path)

    def steps(adapter: Adapter, wire: Wire) -> AsyncIterator[PullStep]:
        return adapter.create(wire, model, modelfile)

    return await _followed(context, arguments, f"creating {model}", steps, ("created", f"{model} was created"))


async def delete_model(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.delete-model`."""
    model = _model(arguments)
    return await _done(
        context,
        arguments,
        ("deleted", f"{model} was deleted"),
        lambda adapter, wire: adapter.delete(wire, model),
        lambda there: not there & {model, f"{model}:latest"},
    )


async def load(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.load`."""
    model = _model(arguments)
    return await _done(
        context, arguments, ("loaded", f"{model} was loaded"), lambda adapter, wire: adapter.load(wire, model)
    )


async def unload(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.unload`: all of them where none is named and the server knows no other way."""
    model = text(arguments, "model") or ""
    what = f"{model} was unloaded" if model else "its models were unloaded"
    return await _done(context, arguments, ("unloaded", what), lambda adapter, wire: _unload(adapter, wire, model))


async def _unload(adapter: Adapter, wire: Wire, model: str) -> None:
    if model and wire.server.kind is ServerKind.COMFYUI:
        step = f"To unload all of them: aic-tui server unload {wire.server.word}"
        raise Refused(f"“{wire.server.name}” cannot unload one model alone.", step)
    if not model and wire.server.kind is not ServerKind.COMFYUI:
        raise InvalidInput("Which model is meant?", f"See them: aic-tui server models {wire.server.word}")
    await adapter.unload(wire, model)


async def sleep(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.sleep`."""
    what = ("slept", "it was put to sleep")
    return await _done(context, arguments, what, lambda adapter, wire: adapter.sleep(wire))


async def wake(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.wake`."""
    return await _done(context, arguments, ("woken", "it was woken"), lambda adapter, wire: adapter.wake(wire))


async def load_lora(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.lora-load`."""
    name, path = required_text(arguments, "adapter"), required_text(arguments, "path")
    what = ("lora-loaded", f"the adapter {name} was loaded")
    return await _done(
        context, arguments, what, lambda adapter, wire: adapter.load_lora(wire, name, path), lambda there: name in there
    )


async def unload_lora(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.lora-unload`."""
    name = required_text(arguments, "adapter")
    what = ("lora-unloaded", f"the adapter {name} was unloaded")
    return await _done(
        context, arguments, what, lambda adapter, wire: adapter.unload_lora(wire, name), lambda there: name not in there
    )


def _model(arguments: Arguments) -> str:
    model = required_text(arguments, "model")
    if not model.isprintable() or len(model) > 512:
        raise InvalidInput("That is not the name of a model.", "Write it like llama3.2:3b.")
    return model


def _content(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_LARGEST_MODELFILE + 1)
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is no text.", "Give a Modelfile.") from None
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.", "Check --modelfile.") from None


async def _opened(context: Context, arguments: Arguments) -> tuple[ModelServer, Adapter, Wire]:
    from aicompute_tui.servers.registry import ADAPTERS
    from aicompute_tui.servers.wire import Wire

    server, secret = await find(context, arguments)
    return server, ADAPTERS[server.kind], Wire(server, secret)


async def _done(
    context: Context,
    arguments: Arguments,
    what: tuple[str, str],
    ask: Callable[[Adapter, Wire], Awaitable[None]],
    is_so: Callable[[set[str]], bool] | None = None,
) -> Json:
    """Asks the server, which may take minutes, then writes down what became of it.

    `is_so` tells by its models whether that is done. What a job that was taken up again is refused, for it was done
    before that, is done.
    """
    server, adapter, wire = await _opened(context, arguments)
    job, asking = context.running_job, f"asking {server.name}"
    was_asked = job.job.progress == asking
    await prove_held(context, job.hold)
    await job.progress(asking)
    try:
        await _unless_cancelled(context, asyncio.ensure_future(ask(adapter, wire)), lambda: None)
    except (InvalidInput, NotFound, Refused):
        if job.saw_cancel or not was_asked or is_so is None or not await _stands(adapter, wire, is_so):
            raise
    return await _written_down(context, server, wire, what)


async def _stands(adapter: Adapter, wire: Wire, is_so: Callable[[set[str]], bool]) -> bool:
    try:
        return is_so({model.id for model in (await adapter.facts(wire)).models})
    except AicError:
        return False


async def _followed(
    context: Context,
    arguments: Arguments,
    doing: str,
    steps: Callable[[Adapter, Wire], AsyncIterator[PullStep]],
    what: tuple[str, str],
) -> Json:
    server, adapter, wire = await _opened(context, arguments)
    stream = cast("AsyncGenerator[PullStep, None]", steps(adapter, wire))
    await prove_held(context, context.running_job.hold)
    await context.running_job.progress(doing)
    newest: list[PullStep] = []

    async def read() -> None:
        async with aclosing(stream) as opened:
            async for step in opened:
                newest[:] = [step]

    def line() -> str | None:
        return progress_line(doing, newest[0]) if newest else None

    await _unless_cancelled(context, asyncio.ensure_future(read()), line)
    return await _written_down(context, server, wire, what)


async def _unless_cancelled(context: Context, work: asyncio.Future[None], line: Callable[[], str | None]) -> None:
    """Looks for a wish to cancel also where the server says nothing for a long time. Raises Refused."""
    job = context.running_job
    try:
        while not (await asyncio.wait({work}, timeout=_LOOK_SECONDS))[0]:
            if await job.cancelled():
                raise Refused("It was cancelled.", "What the server did until then stays there.")
            said = line()
            if said is not None:
                await job.progress(said)
        work.result()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, AicError):
            await work


def progress_line(doing: str, step: PullStep) -> str:
    """`pulling llama3: 41 %, 1.2 GiB of 2.9 GiB`."""
    if step.percent is None:
        return f"{doing}: {step.text}".rstrip(": ")
    if (step.total or 0) <= 100:
        return f"{doing}: {step.percent} %"
    return f"{doing}: {step.percent} %, {format_bytes(step.completed)} of {format_bytes(step.total)}"


async def _written_down(context: Context, server: ModelServer, wire: Wire, what: tuple[str, str]) -> Json:
    """The event, and the models as they are now, so that no view shows those of before."""
    from aicompute_tui.servers.registry import ADAPTERS

    kind, message = what
    now = context.clock.now()
    try:
        async with asyncio.timeout(server.options.timeout_seconds):
            facts = await ADAPTERS[server.kind].facts(wire)
    except (AicError, TimeoutError):
        facts = None
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        before = (await transaction.server_reports.list([server.id])).get(server.id)
        if facts is not None and before is not None:
            await transaction.server_reports.put([replace(before, facts=facts, facts_at=now)])
        subject = ("server", server.id, server.name)
        await transaction.events.append(told(context, f"server.{kind}", subject, f"{server.name}: {message}"))
    models: list[Json] = [] if facts is None else [model_view(model) for model in facts.models]
    return {"name": server.name, "done": message, "models": models}
