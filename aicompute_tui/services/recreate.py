"""A container replaced by one made anew: the old one is put aside and goes only when the new one runs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from aicompute_tui.domain.container import Container
from aicompute_tui.domain.deployment import check_restart, check_volume, parse_gpus, parse_size
from aicompute_tui.domain.errors import AicError, Conflict, InvalidInput, LeaseLost, NotFound, Refused
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.recreation import (
    LABEL_JOB,
    LABEL_RAN,
    Changes,
    HalfDone,
    half_of,
    name_before,
    parse_port,
    recreate_request,
)
from aicompute_tui.domain.replacement_names import aside_name, away_name
from aicompute_tui.domain.stored import check_image
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.arguments import duration_or_none, flag, required_text, text, texts
from aicompute_tui.services.container_endpoints import tell_gone
from aicompute_tui.services.container_words import environment, own_words
from aicompute_tui.services.containers import Place, find_container
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.host_reports import take_containers
from aicompute_tui.services.host_views import container_view
from aicompute_tui.services.image_pull import pull_image
from aicompute_tui.services.proof import Proof, until_it_runs

_GRACE_SECONDS = 10
_USUAL_WAIT = "2m"


@dataclass(slots=True)
class _Replacement:
    """What is known of one as it goes on."""

    place: Place
    engine: Engine
    old: Container
    name: str
    new_id: str | None
    ran: bool
    """Whether the old one ran before."""

    @property
    def title(self) -> str:
        return f"{self.place.host.name}/{self.name}"


async def recreate(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `container.recreate`. Taken up again where its process died, it goes on from what it finds."""
    place = await find_container(context, required_text(arguments, "name"))
    changes = changes_of(arguments)
    wait = duration_or_none(text(arguments, "wait") or _USUAL_WAIT, "wait") or 0
    await _refuse_second(context, place)
    engine = await context.hosts.engine(place.host)
    look = await take_containers(context, place.host, engine)
    fresh = next((each for each in look.containers if each.id == place.container.id), None)
    if fresh is None:
        raise NotFound(f"There is no container {place.title} any more.", "`aic-tui container list` shows them all.")
    place = replace(place, container=fresh)
    half = half_of(look.containers, fresh)
    if half is None and (flag(arguments, "finish") or flag(arguments, "put_back")):
        raise Refused(f"No replacement of {place.container.name} was left half done.", "There is nothing to do.")
    made = _found(place, engine, half)
    _refuse_another(context, arguments, made, half)
    if flag(arguments, "put_back"):
        await _put_back(context, made)
    elif half is not None and half.new is not None:
        await _carry_through(context, made, Proof(wait), changes)
    else:
        await _from_the_beginning(context, made, changes, wait, no_pull=flag(arguments, "no_pull"))
    return await _row(context, made)


def _found(place: Place, engine: Engine, half: HalfDone | None) -> _Replacement:
    if half is None:
        old = place.container
        return _Replacement(place, engine, old, old.name, None, old.state.is_alive)
    if half.new is None:
        return _Replacement(place, engine, half.old, half.name, None, half.old.state.is_alive)
    ran = dict(half.new.labels).get(LABEL_RAN) == "yes"
    return _Replacement(place, engine, half.old, half.name, half.new.id, ran)


def _refuse_another(context: Context, arguments: Arguments, made: _Replacement, half: HalfDone | None) -> None:
    """What another job left half done has not the changes that are asked for now: a person says how it ends."""
    if half is None or half.new is None or flag(arguments, "finish") or flag(arguments, "put_back"):
        return
    if dict(half.new.labels).get(LABEL_JOB) != context.running_job.job.id:
        command = f"aic-tui container recreate {made.title}"
        raise Refused(
            f"An earlier replacement of {made.title} was left half done; nothing was changed.",
            f"`{command} --finish` goes on with its new one, `{command} --put-back` puts its old one back.",
        )


def changes_of(arguments: Arguments) -> Changes:
    """Raises InvalidInput for what cannot be meant."""
    image, gpus, restart = text(arguments, "image"), text(arguments, "gpus"), text(arguments, "restart")
    memory, cpus = text(arguments, "memory"), text(arguments, "cpus")
    return Changes(
        image=None if image is None else check_image(image),
        environment=environment(arguments),
        ports=tuple(parse_port(each) for each in texts(arguments, "port")),
        volumes=tuple(check_volume(each) for each in texts(arguments, "volume")),
        gpus="keep" if gpus is None else parse_gpus(gpus) or "none",
        restart=None if restart is None else check_restart(restart),
        memory_bytes=None if memory is None else parse_size(memory, "memory"),
        cpus=None if cpus is None else _decimal(cpus),
        words=own_words(arguments),
    )


def _decimal(given: str) -> float:
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < 10_000:
        raise InvalidInput(f"“{given}” is not a number of processors.", "Write it like 4 or 0.5.")
    return number


async def _refuse_second(context: Context, place: Place) -> None:
    """Two replacements of one container would put each other's aside."""
    own, now = context.running_job.job.id, context.clock.now()
    async with context.store.read() as transaction:
        others = await transaction.jobs.list(limit=500, include_final=False)
    words = {place.container.id, place.container.key, place.container.name, place.title}
    for job in others:
        is_alive = job.lease_expires_at is not None and job.lease_expires_at > now
        is_other = job.id != own and job.action_id == "container.recreate" and is_alive
        if is_other and any(f'"{word}"' in job.parameters_json for word in words):
            raise Conflict(f"{place.title} is being replaced now.", f"Follow it: aic-tui job show {job.id}")


async def _from_the_beginning(
    context: Context, made: _Replacement, changes: Changes, wait: int, *, no_pull: bool
) -> None:
    engine, old = made.engine, made.old
    _, answer = await engine.inspect(old.id)
    host_config = answer.get("HostConfig")
    if isinstance(host_config, dict) and host_config.get("AutoRemove"):
        raise Refused(
            f"{made.title} removes itself when it stops, so it could not be put back.",
            "Deploy another one beside it instead.",
        )
    try:
        inherited = await engine.image(old.image_id or old.image)
    except NotFound:
        inherited = {}
    if not no_pull:
        await _pull(context, made, changes.image or old.image, inherited)
    request = recreate_request(answer, inherited, changes, ran=made.ran, job_id=context.running_job.job.id)
    proof = await Proof.before(made.place.host, old, wait, {port.inside for port in changes.ports})
    try:
        await _step(context, made, "putting the old one aside")
        if name_before(old) is None:
            await engine.rename(old.id, aside_name(made.name, old.id))
        await _step(context, made, "making the new one")
        made.new_id = await engine.create(made.name, request)
    except LeaseLost:
        raise
    except AicError as error:
        raise await _given_up(context, made, error) from error
    await _carry_through(context, made, proof, changes)


async def _pull(context: Context, made: _Replacement, image: str, inherited: JsonObject) -> None:
    """An image that was made on the host itself is nowhere else to be had."""
    engine = made.engine
    if await engine.has_image(image):
        there = await engine.image(image)
        if not there.get("RepoDigests"):
            return
    elif inherited and not made.place.container.image:
        return
    try:
        await pull_image(context, engine, image)
    except AicError as error:
        step = f"{error.next_step} Nothing was changed; --no-pull takes the image that is there.".strip()
        raise type(error)(error.message, step, error.details) from error


async def _carry_through(context: Context, made: _Replacement, proof: Proof, changes: Changes | None = None) -> None:
    """From the new one that is made to the old one that is removed."""
    engine = made.engine
    assert made.new_id is not None
    try:
        await _step(context, made, "stopping the old one")
        old, _ = await engine.inspect(made.old.id)
        if old.state.is_alive:
            await engine.stop(old.id, _GRACE_SECONDS)
        if name_before(old) is None:
            await engine.rename(old.id, aside_name(made.name, old.id))
        await _step(context, made, "starting the new one")
        new, _ = await engine.inspect(made.new_id)
        if new.name != made.name:
            await engine.rename(new.id, made.name)
        if not new.state.is_alive:
            await engine.start(new.id)
        await until_it_runs(context, engine, made.place.host, made.new_id, proof)
        await _step(context, made, "removing the old one")
    except LeaseLost:
        raise
    except AicError as error:
        raise await _given_up(context, made, error) from error
    with contextlib.suppress(NotFound):
        await engine.remove(made.old.id, force=False, volumes=False)
    named = "; ".join(changes.named) if changes is not None and changes.named else "nothing but its image looked for"
    await _tell(context, made, "container.recreated", f"{made.title} was made anew: {named}.", "info")
    await tell_gone(context, made.place.host, made.old.key, made.name, "it was made anew")


async def _step(context: Context, made: _Replacement, what: str) -> None:
    """Between two steps: still ours, not cancelled, and told."""
    job = context.running_job
    await prove_held(context, job.hold)
    if await job.cancelled():
        raise Refused(f"Making {made.title} anew was cancelled.", "")
    await job.progress(f"{made.title}: {what}")


async def _given_up(context: Context, made: _Replacement, error: AicError) -> AicError:
    """The old one stands in its place again; where that fails too, it says how to do it later."""
    message = error.message
    for identity in (made.new_id or "", (made.new_id or "")[:12], made.old.id):
        message = message.replace(identity, made.name) if identity else message
    try:
        await _put_back(context, made)
    except LeaseLost:
        raise
    except AicError as second:
        step = f"When {made.place.host.name} answers: aic-tui container recreate {made.title} --put-back --yes"
        said = f"{message} The old one could not be put back: {second.message}"
        return type(error)(said, step, error.details)
    state = "runs" if made.ran else "stands, not running, as before"
    return type(error)(f"{message} The old one was put back and {state}.", error.next_step, error.details)


async def _put_back(context: Context, made: _Replacement) -> None:
    """The new one goes last: its marks alone tell whether the old one ran."""
    engine, old = made.engine, made.old
    await context.running_job.progress(f"{made.title}: putting the old one back")
    half = half_of(await engine.containers(), old)
    new = half.new if half is not None else None
    if new is not None:
        await _send_away(context, made, new)
    await prove_held(context, context.running_job.hold)
    now, _ = await engine.inspect(old.id)
    if now.name != made.name:
        await engine.rename(old.id, made.name)
    if made.ran and not now.state.is_alive:
        await engine.start(old.id)
    if new is not None:
        await prove_held(context, context.running_job.hold)
        with contextlib.suppress(NotFound):
            await engine.remove(new.id, force=True, volumes=False)
    await take_containers(context, made.place.host, engine, {old.id})
    await _tell(context, made, "container.put-back", f"{made.title} was put back as it was.", "warning")
    made.new_id = old.id


async def _send_away(context: Context, made: _Replacement, new: Container) -> None:
    """It has neither the name nor a port any more, and is still there."""
    away = away_name(made.name, new.id)
    with contextlib.suppress(NotFound):
        await prove_held(context, context.running_job.hold)
        if new.state.is_alive:
            await made.engine.stop(new.id, _GRACE_SECONDS)
        if new.name != away:
            await made.engine.rename(new.id, away)


async def _tell(context: Context, made: _Replacement, kind: str, message: str, level: str) -> None:
    key = f"{made.place.host.id}/{made.new_id or made.old.id}"
    line = told(context, kind, ("container", key, made.title), message)
    async with context.store.write() as transaction:
        await transaction.events.append(replace(line, level=level))


async def _row(context: Context, made: _Replacement) -> JsonObject:
    look = await take_containers(context, made.place.host, made.engine, {made.new_id or made.old.id})
    row = next((each for each in look.containers if each.id == made.new_id), None)
    if row is None:
        raise NotFound(f"{made.title} was removed meanwhile.", "Deploy it again.")
    return {**container_view(row, made.place.host, look.report, context.clock.now()), "replaced": made.old.id}
