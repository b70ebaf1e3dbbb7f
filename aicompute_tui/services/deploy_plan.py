"""What a deployment would be: read from its arguments, checked against its host, and said as one `docker run` line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aicompute_tui.domain.container import Container, GpuRequest
from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS, ContainerFramework
from aicompute_tui.domain.deployment import (
    CONTAINER_NAME,
    LABEL_API,
    LABEL_DEPLOY_JOB,
    LABEL_FRAMEWORK,
    LABEL_HEALTH,
    LABEL_KIND,
    LABEL_MODELS,
    LABEL_OWNER,
    LABEL_PORT,
    Deployment,
    check_restart,
    check_volume,
    parse_gpus,
    parse_size,
    run_line,
)
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.host import LOCAL_ADDRESS, Host, HostState
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.plain_connection import is_plain
from aicompute_tui.domain.serving_context import context_variables, context_words
from aicompute_tui.services.arguments import flag, integer, required_text, text, texts
from aicompute_tui.services.container_words import environment, own_words
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.deploy_arguments import exact_arguments
from aicompute_tui.services.deploy_context import check_context, deployment_context, judged_context
from aicompute_tui.services.deploy_fit import deployment_fit
from aicompute_tui.services.finding import OK, UNKNOWN, WARNING
from aicompute_tui.services.fit_check import FitFinding
from aicompute_tui.services.host_reports import HostLook, look_at_host
from aicompute_tui.services.hugging_face import machine_token

REFUSED = "refused"
HUB_VARIABLE = "HF_TOKEN"
_HIGHEST_PORT = 65_535
_LITTLE_DISK_BYTES = 20 << 30


@dataclass(frozen=True, slots=True)
class Plan:
    """`framework` is None for an image of one's own; `made` is what this very job made before it was taken up again."""

    host: Host
    deployment: Deployment
    framework: ContainerFramework | None
    models: tuple[str, ...]
    checks: tuple[JsonObject, ...]
    context: int | None = None
    """Tokens that its server is told to take, 0 for all that the model has."""
    made: Container | None = None
    look: HostLook | None = None
    """How its host was found."""

    @property
    def can_deploy(self) -> bool:
        return not any(check["verdict"] == REFUSED for check in self.checks)

    @property
    def base_url(self) -> str | None:
        """Where its published port is reached from here; None where it is not."""
        port, address = self.deployment.host_port, self.host.published_address
        is_open = self.deployment.bind != LOCAL_ADDRESS or address in {LOCAL_ADDRESS, "localhost"}
        return f"http://{address}:{port}" if port and address and is_open else None

    @property
    def health_path(self) -> str:
        return dict(self.deployment.labels).get(LABEL_HEALTH, "/")


async def plan(context: Context, arguments: Arguments) -> Json:
    """Handler of `container.plan`: nothing is made."""
    made = await plan_of(context, arguments)
    fits = await _fit(context, made, arguments)
    checks: list[Json] = [*made.checks, *([_fit_check(fits)] if fits is not None else [])]
    return {
        "ok": made.can_deploy,
        "host": made.host.name,
        "name": made.deployment.name,
        "image": made.deployment.image,
        "endpoint": None if made.base_url is None else made.base_url + _api_path(made),
        "command": run_line(made.deployment),
        "checks": checks,
        "fit": None if fits is None else fits.view(),
        "arguments": exact_arguments(made.deployment, arguments, made.context),
    }


async def _fit(context: Context, made: Plan, arguments: Arguments) -> FitFinding | None:
    if made.framework is None or not made.can_deploy:
        return None
    tokens = judged_context(arguments, made.framework, made.context)
    return await deployment_fit(context, made.framework.name, made.models, made.deployment, made.look, tokens)


def _api_path(made: Plan) -> str:
    return made.framework.api_path if made.framework is not None else ""


async def plan_of(context: Context, arguments: Arguments) -> Plan:
    """Raises InvalidInput for arguments that cannot be meant, NotFound for a host that is not there."""
    async with context.store.read() as transaction:
        host = await transaction.hosts.find(required_text(arguments, "host"))
    framework = _framework(arguments)
    models = texts(arguments, "model")
    _check_models(framework, models)
    check_context(arguments, framework)
    seen, tokens = await asyncio.gather(
        look_at_host(context, host), deployment_context(context, arguments, framework, models)
    )
    look, own = _apart(context, seen)
    gpus = _gpus(arguments, framework, look)
    name = _name(arguments, framework)
    container_port = integer(arguments, "container_port", least=1, most=_HIGHEST_PORT)
    if container_port is None and framework is not None:
        container_port = framework.container_port
    host_port = _own_port(own, container_port) or _host_port(arguments, container_port, look.containers)
    token = await _token_names(context, arguments, framework)
    deployment = Deployment(
        name=name,
        image=_image(arguments, framework),
        words=_words(arguments, framework, models, tokens),
        gpus=gpus,
        container_port=container_port,
        host_port=host_port,
        bind=text(arguments, "bind") or LOCAL_ADDRESS,
        environment=_environment(arguments, framework, tokens),
        secret_names=token,
        volumes=_volumes(arguments, framework),
        shm_bytes=_size(arguments, "shm", 0 if framework is None else framework.shm_bytes),
        shares_ipc=flag(arguments, "ipc_host") or (framework is not None and framework.shares_ipc),
        restart=check_restart(text(arguments, "restart") or "unless-stopped"),
        memory_bytes=_size(arguments, "memory", 0),
        cpus=_cpus(arguments),
        labels=_labels(context, framework, models, container_port),
    )
    elsewhere = host.why_not_from(context.actor.host_id)
    if elsewhere:
        checks = [_check("host", REFUSED, elsewhere, "Deploy it there.")]
    else:
        checks = _checks(look, deployment, framework)
    return Plan(host, deployment, framework, models, tuple(checks), tokens, own, look)


def _apart(context: Context, look: HostLook) -> tuple[HostLook, Container | None]:
    """What others have there, and the container that the running job made before, which is in nobody's way."""
    job_id = "" if context.job is None else context.job.job.id
    own = next((each for each in look.containers if job_id and dict(each.labels).get(LABEL_DEPLOY_JOB) == job_id), None)
    return replace(look, containers=[each for each in look.containers if each is not own]), own


def _own_port(own: Container | None, container_port: int | None) -> int | None:
    ports = own.ports if own is not None else ()
    return next((each.host_port for each in ports if each.container_port == container_port and each.host_port), None)


def _framework(arguments: Arguments) -> ContainerFramework | None:
    name, image = text(arguments, "framework"), text(arguments, "image")
    if name is None and image is None:
        raise InvalidInput("Neither a framework nor an image was given.", "Give --framework vllm or --image NAME.")
    if name is None:
        return None
    if name not in CONTAINER_FRAMEWORKS:
        raise InvalidInput(f"There is no framework “{name}”.", f"Give one of {', '.join(CONTAINER_FRAMEWORKS)}.")
    return CONTAINER_FRAMEWORKS[name]


def _check_models(framework: ContainerFramework | None, models: tuple[str, ...]) -> None:
    if framework is None:
        if models:
            raise InvalidInput("An image of your own takes no --model.", "Name it in the command, after --.")
        return
    if framework.needs_model and not models:
        raise InvalidInput(f"{framework.title} needs a model.", "Give --model, as Qwen/Qwen2.5-7B-Instruct.")
    if len(models) > framework.most_models:
        raise InvalidInput(f"{framework.title} serves {framework.most_models or 'no'} model at a time.", "Give fewer.")


def _image(arguments: Arguments, framework: ContainerFramework | None) -> str:
    given = text(arguments, "image")
    image = given or ("" if framework is None else framework.image)
    if any(letter.isspace() for letter in image):
        raise InvalidInput(f"“{image}” is not an image's name.", "Write it like registry/name:tag.")
    return image


def _name(arguments: Arguments, framework: ContainerFramework | None) -> str:
    name = text(arguments, "name") or ("" if framework is None else framework.name)
    if not CONTAINER_NAME.fullmatch(name):
        raise InvalidInput(
            f"“{name}” cannot be a container's name.", "Use two or more letters, digits, dots, dashes, underscores."
        )
    return name


def _words(
    arguments: Arguments, framework: ContainerFramework | None, models: tuple[str, ...], tokens: int | None
) -> tuple[str, ...]:
    own = own_words(arguments)
    if framework is None or not models or not framework.words:
        return own
    return (*(word.format(model=models[0]) for word in framework.words), *context_words(framework.name, tokens), *own)


def _environment(
    arguments: Arguments, framework: ContainerFramework | None, tokens: int | None
) -> tuple[tuple[str, str], ...]:
    name = "" if framework is None else framework.name
    return (*context_variables(name, tokens), *environment(arguments))


async def _token_names(context: Context, arguments: Arguments, framework: ContainerFramework | None) -> tuple[str, ...]:
    """The Hugging Face token goes along where the framework can use it and there is one."""
    wanted = flag(arguments, "hub_token") or (framework is not None and framework.wants_hub_token)
    if not wanted or flag(arguments, "no_hub_token"):
        return ()
    found = await machine_token(context)
    if found is None and flag(arguments, "hub_token"):
        raise InvalidInput(
            "There is no Hugging Face token.", "Store one: aic-tui credential set NAME --cloud huggingface."
        )
    return () if found is None else (HUB_VARIABLE,)


def _volumes(arguments: Arguments, framework: ContainerFramework | None) -> tuple[str, ...]:
    own = tuple(check_volume(each) for each in texts(arguments, "volume"))
    usual = "" if framework is None else framework.volume
    taken = {volume.split(":")[1] for volume in own}
    return own if not usual or usual.split(":")[1] in taken else (usual, *own)


def _size(arguments: Arguments, name: str, usual: int) -> int:
    given = text(arguments, name)
    return usual if given is None else parse_size(given, name)


def _cpus(arguments: Arguments) -> float:
    given = text(arguments, "cpus")
    return 0.0 if given is None else float(given)


def _gpus(arguments: Arguments, framework: ContainerFramework | None, look: HostLook) -> GpuRequest | None:
    """All of them where the framework wants GPUs and the host may have some."""
    given = text(arguments, "gpus")
    if given is not None:
        return parse_gpus(given)
    if framework is None or not framework.wants_gpu or look.report.facts.gpus == ():
        return None
    return GpuRequest(count=-1)


def _host_port(arguments: Arguments, container_port: int | None, containers: Sequence[Container]) -> int | None:
    """The one asked for, else the container's own number or the next that no container has."""
    given = integer(arguments, "port", least=1, most=_HIGHEST_PORT)
    if given is not None and container_port is None:
        raise InvalidInput("A port of the host leads to one of the container.", "Give --container-port too.")
    if given is not None or container_port is None:
        return given
    taken = {port.host_port for each in containers if each.state.is_alive for port in each.ports}
    wanted = container_port if container_port >= 1024 else container_port + 8000
    while wanted in taken:
        wanted += 1
    return wanted


def _labels(
    context: Context, framework: ContainerFramework | None, models: tuple[str, ...], port: int | None
) -> tuple[tuple[str, str], ...]:
    """By these any agent knows what the container is for."""
    labels = {LABEL_OWNER: context.actor.owner}
    if framework is not None:
        labels |= {
            LABEL_FRAMEWORK: framework.name,
            LABEL_KIND: framework.kind,
            LABEL_HEALTH: framework.health_path,
            LABEL_API: framework.api_path,
            LABEL_PORT: str(port),
            LABEL_MODELS: ",".join(models),
        }
    return tuple(sorted(labels.items()))


def _check(name: str, verdict: str, reason: str, next_step: str = "") -> JsonObject:
    return {"name": name, "verdict": verdict, "reason": reason, "next_step": next_step}


def _fit_check(fits: FitFinding) -> JsonObject:
    found = fits.check()
    return _check(found.name, found.verdict.value, found.reason, found.next_step)


def _checks(look: HostLook, deployment: Deployment, framework: ContainerFramework | None) -> list[JsonObject]:
    report = look.report
    if report.state is not HostState.UP:
        return [_check("host", REFUSED, report.problem, report.next_step)]
    checks = [_check("host", OK, f"{look.host.name} answers")]
    taken = next((each for each in look.containers if each.name == deployment.name), None)
    if taken is not None:
        step = f"Choose another --name, or remove it: aic-tui container remove {look.host.name}/{taken.name}"
        checks.append(_check("name", REFUSED, f"a container named {taken.name} is {taken.state.value} there", step))
    checks += _port_checks(look, deployment)
    checks += _gpu_checks(look, deployment, framework)
    free = report.facts.free_disk_bytes
    if free is not None and free < _LITTLE_DISK_BYTES:
        checks.append(_check("disk", WARNING, f"{free / (1 << 30):,.1f} GiB free there", "Free some space first."))
    if deployment.secret_names:
        checks.append(_token_check(look.host))
    return checks


def _token_check(host: Host) -> JsonObject:
    if is_plain(host):
        reason = f"your Hugging Face token goes to {host.name} over a connection that is not encrypted"
        return _check("token", WARNING, reason, "Give --no-hub-token, or reach the host by ssh:// or with TLS.")
    return _check("token", OK, "your Hugging Face token goes along, as HF_TOKEN")


def _port_checks(look: HostLook, deployment: Deployment) -> list[JsonObject]:
    port = deployment.host_port
    if port is None:
        return []
    holder = next(
        (each for each in look.containers if each.state.is_alive and port in {p.host_port for p in each.ports}), None
    )
    if holder is not None:
        return [
            _check("port", REFUSED, f"port {port} is taken by the container {holder.name}", "Choose another --port.")
        ]
    if deployment.bind != LOCAL_ADDRESS:
        reason = f"port {port} is open to everyone who reaches {look.host.name}, and asks for no key"
        return [_check("port", WARNING, reason, "Leave --bind out to keep it to that machine.")]
    return [_check("port", OK, f"port {port}, for programs on that machine alone")]


def _gpu_checks(look: HostLook, deployment: Deployment, framework: ContainerFramework | None) -> list[JsonObject]:
    facts = look.report.facts
    if deployment.gpus is None:
        if framework is not None and framework.wants_gpu:
            reason = "no GPU is asked for: it runs on the processor, if its image can"
            return [_check("gpus", WARNING, reason, "Give --gpus all where the host has one.")]
        return []
    asked = str(deployment.gpus)
    if facts.gpus is None:
        verdict = OK if facts.has_gpu_runtime else UNKNOWN
        return [_check("gpus", verdict, f"asks for {asked}; what {look.host.name} has cannot be seen from here")]
    if not facts.gpus:
        return [_check("gpus", REFUSED, f"{look.host.name} has no NVIDIA GPU", "Give --gpus none, or another host.")]
    if deployment.gpus.count > len(facts.gpus):
        return [_check("gpus", REFUSED, f"{asked} GPUs of {len(facts.gpus)} are asked for", "Ask for fewer.")]
    return [_check("gpus", OK, f"asks for {asked} of {len(facts.gpus)}")]
