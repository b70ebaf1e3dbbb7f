"""A deployment carried out: image pulled, container made and started, its GPUs looked for, its endpoint waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING

from aicompute_tui.domain.container import Container, ContainerState
from aicompute_tui.domain.deployment import LABEL_DEPLOY_JOB, create_request
from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.errors import AicError, NotFound, Refused, SetupFailed
from aicompute_tui.domain.json import Json
from aicompute_tui.hosts.base import LogsWanted
from aicompute_tui.services.arguments import duration_or_none, text
from aicompute_tui.services.container_endpoints import tell_ready
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.deploy_plan import HUB_VARIABLE, Plan, plan_of
from aicompute_tui.services.events import told
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.host_reports import take_containers
from aicompute_tui.services.host_views import container_view
from aicompute_tui.services.hugging_face import machine_token
from aicompute_tui.services.image_pull import pull_image

if TYPE_CHECKING:
    from aicompute_tui.hosts.base import Engine, Finished

_LOOK_SECONDS = 1.0
_USUAL_WAIT = "10m"
_LAST_LINES = 5
_OWN_IMAGE_SECONDS = 2.0
"""So long an image of one's own has to stay up where nothing tells of its health."""


async def deploy(context: Context, arguments: Arguments) -> Json:
    """Handler of `container.deploy`. What was made and could not start stays, and is told with what to do about it."""
    job = context.running_job
    plan = await plan_of(context, arguments)
    refused = next((check for check in plan.checks if check["verdict"] == "refused"), None)
    if refused is not None:
        raise Refused(f"{plan.deployment.name}: {refused['reason']}.", str(refused["next_step"]))
    engine = await context.hosts.engine(plan.host)
    container_id = await _made(context, engine, plan)
    if plan.made is None or plan.made.state is ContainerState.CREATED:
        await prove_held(context, job.hold)
        await _start(context, engine, plan, container_id)
    limit = duration_or_none(text(arguments, "wait") or _USUAL_WAIT, "wait")
    container = await _until_it_answers(context, engine, plan, container_id, limit)
    look = await take_containers(context, plan.host, engine, {container_id})
    endpoint = None
    if plan.framework is not None and plan.base_url is not None and container is not None:
        endpoint = plan.base_url + plan.framework.api_path
        await tell_ready(context, plan.host, container, endpoint)
    row = next((each for each in look.containers if each.id == container_id), None)
    if row is None:
        raise NotFound(f"{plan.deployment.name} was removed meanwhile.", "Deploy it again.")
    view = container_view(row, plan.host, look.report, context.clock.now())
    return {**view, "endpoint": endpoint, "answers": container is not None, "models": [*plan.models]}


async def _made(context: Context, engine: Engine, plan: Plan) -> str:
    """The container's id. A job that was taken up again carries on with the one that it made before."""
    job = context.running_job
    if plan.made is not None:
        return plan.made.id
    await _pull(context, engine, plan)
    await prove_held(context, job.hold)
    await job.progress("making the container")
    return await _create(context, engine, plan)


async def _pull(context: Context, engine: Engine, plan: Plan) -> None:
    if not await engine.has_image(plan.deployment.image):
        await pull_image(context, engine, plan.deployment.image)


async def _create(context: Context, engine: Engine, plan: Plan) -> str:
    token = await machine_token(context) if plan.deployment.secret_names else None
    labels = (*plan.deployment.labels, (LABEL_DEPLOY_JOB, context.running_job.job.id))
    request = create_request(replace(plan.deployment, labels=labels), {HUB_VARIABLE: token or ""})
    container_id = await engine.create(plan.deployment.name, request)
    await _tell(context, plan, container_id, "container.created", "was made")
    return container_id


async def _start(context: Context, engine: Engine, plan: Plan, container_id: str) -> None:
    title = f"{plan.host.name}/{plan.deployment.name}"
    await context.running_job.progress("starting it")
    try:
        await engine.start(container_id)
    except AicError as error:
        await take_containers(context, plan.host, engine, {container_id})
        await _tell(context, plan, container_id, "container.not-started", f"could not start: {error.message}")
        step = f"{error.next_step} It stays, not started: aic-tui container start {title}, or remove {title}."
        raise type(error)(error.message, step.strip(), error.details) from error
    await _tell(context, plan, container_id, "container.started", "was started")


async def _until_it_answers(
    context: Context, engine: Engine, plan: Plan, container_id: str, limit: int | None
) -> Container | None:
    """The container once it can be used; None where the wait ended first. Raises SetupFailed where it ended.

    Without a `limit` in seconds it waits for as long as it takes.
    """
    job, began = context.running_job, context.clock.now()
    has_gpus = plan.deployment.gpus is None
    while True:
        container, _ = await engine.inspect(container_id)
        if not container.state.is_alive or (container.restart_count or 0) > 2:
            raise await _failed(engine, plan, container)
        if not has_gpus:
            await _check_gpus(engine, plan, container_id)
            has_gpus = True
        waited = (context.clock.now() - began).total_seconds()
        if await _answers(plan, container, waited):
            await _pull_models(context, engine, plan, container_id)
            return container
        if (limit is not None and waited >= limit) or await job.cancelled():
            return None
        await job.progress(f"waiting for it to answer, {format_duration(waited)}")
        await context.clock.sleep(_LOOK_SECONDS)


async def _answers(plan: Plan, container: Container, waited: float) -> bool:
    """By its own health check where it has one, else by HTTP, else by staying up."""
    from aicompute_tui.hosts.probe import answers

    if container.health.value == "healthy":
        return True
    if plan.framework is not None and plan.base_url is not None:
        return await answers(plan.base_url + plan.health_path)
    return container.health.value == "none" and plan.framework is None and waited >= _OWN_IMAGE_SECONDS


async def _check_gpus(engine: Engine, plan: Plan, container_id: str) -> None:
    """Whatever the engine says: the container has to see a GPU. An image without nvidia-smi cannot be asked."""
    try:
        done = await engine.execute(container_id, ["nvidia-smi", "-L"], timeout_seconds=20)
    except AicError:
        return
    if done.exit_code:
        raise SetupFailed(
            f"{plan.deployment.name} runs, but sees no GPU although {plan.deployment.gpus} was asked for.",
            f"Look at the driver of {plan.host.name}: `nvidia-smi` there; then restart the container.",
            (done.stdout + done.stderr).decode(errors="replace").strip(),
        )


async def _pull_models(context: Context, engine: Engine, plan: Plan, container_id: str) -> None:
    if plan.framework is None or not plan.framework.pull_words:
        return
    for model in plan.models:
        await context.running_job.progress(f"pulling the model {model}")
        words = [word.format(model=model) for word in plan.framework.pull_words]
        done = await _unless_cancelled(context, model, engine.execute(container_id, words, timeout_seconds=4 * 3600))
        if done.exit_code:
            said = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
            raise SetupFailed(
                f"{plan.framework.title} could not pull the model {model}.",
                "Check the model's name; the container runs on.",
                "\n".join(said[-_LAST_LINES:]),
            )


async def _unless_cancelled(context: Context, model: str, work: Coroutine[None, None, Finished]) -> Finished:
    """Looks for a wish to cancel also while the pull says nothing for hours. Raises Refused where it came."""
    pulling = asyncio.create_task(work, name=f"pull of the model {model}")
    try:
        while not (await asyncio.wait({pulling}, timeout=_LOOK_SECONDS))[0]:
            if await context.running_job.cancelled():
                step = "The container runs on; what it had begun to fetch it may fetch to the end."
                raise Refused(f"The pull of the model {model} was cancelled.", step)
        return pulling.result()
    finally:
        pulling.cancel()
        with contextlib.suppress(asyncio.CancelledError, AicError):
            await pulling


async def _failed(engine: Engine, plan: Plan, container: Container) -> AicError:
    """With its last words, which say more than its exit code."""
    lines: list[str] = []
    try:
        wanted = LogsWanted(tail=_LAST_LINES)
        async with engine.logs(container.id, wanted, has_terminal=container.has_terminal is True) as pieces:
            async for piece in pieces:
                lines += [line.partition(" ")[2] for line in piece.data.decode(errors="replace").splitlines()]
    except AicError:
        lines = []
    title = f"{plan.host.name}/{plan.deployment.name}"
    how = "its memory was used up" if container.is_out_of_memory else f"exit code {container.exit_code}"
    said = f" It said: {lines[-1][:200]}" if lines else ""
    return SetupFailed(
        f"{plan.deployment.name} ended ({how}) before it answered.{said}",
        f"Read it: aic-tui container logs {title}. It stays until you remove it.",
        "\n".join(lines),
    )


async def _tell(context: Context, plan: Plan, container_id: str, kind: str, what: str) -> None:
    title = f"{plan.host.name}/{plan.deployment.name}"
    subject = ("container", f"{plan.host.id}/{container_id}", title)
    line = told(context, kind, subject, f"{title} {what}", after={"image": plan.deployment.image})
    level = "error" if kind == "container.not-started" else "info"
    async with context.store.write() as transaction:
        await transaction.events.append(replace(line, level=level))
