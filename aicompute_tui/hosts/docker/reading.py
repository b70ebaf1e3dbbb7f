"""From an engine's answers to our words; pure."""

from __future__ import annotations

import re
import shlex

from aicompute_tui.domain.container import Container, ContainerState, EngineEvent, GpuRequest, Health, PortBinding
from aicompute_tui.domain.host import HostFacts
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.redaction import redact_command
from aicompute_tui.hosts.answers import integer, items, mapping, member, moment, text, texts, truth

PROJECT_LABEL = "com.docker.compose.project"
_EXITED = re.compile(r"^(?:Exited|Restarting) \((-?\d+)\)")
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_GPU_CAPABILITIES = frozenset({"gpu", "nvidia"})


def listed_container(answer: Json, host_id: str) -> Container:
    """One entry of the list of containers."""
    status = text(answer, "Status")
    exited, health = _EXITED.match(status), _HEALTH.search(status)
    names = [name.lstrip("/") for name in texts(answer, "Names")]
    labels = _labels(member(answer, "Labels"))
    return Container(
        host_id=host_id,
        id=text(answer, "Id"),
        # A name with another slash in it is a link's name for the container, not its own.
        name=next((name for name in names if "/" not in name), names[0] if names else text(answer, "Id")[:12]),
        image=text(answer, "Image"),
        image_id=text(answer, "ImageID"),
        command=redact_command(text(answer, "Command")),
        state=_state(text(answer, "State")),
        health=Health(health.group(1)) if health else Health.NONE,
        exit_code=int(exited.group(1)) if exited else None,
        created_at=moment(answer, "Created"),
        ports=_listed_ports(items(answer, "Ports")),
        labels=labels,
        project=dict(labels).get(PROJECT_LABEL, ""),
    )


def inspected_container(answer: Json, host_id: str) -> Container:
    """One container whole."""
    state = _state(text(answer, "State", "Status"))
    health = text(answer, "State", "Health", "Status")
    labels = _labels(member(answer, "Config", "Labels"))
    policy = text(answer, "HostConfig", "RestartPolicy", "Name")
    most = integer(answer, "HostConfig", "RestartPolicy", "MaximumRetryCount")
    has_ended = state in {ContainerState.EXITED, ContainerState.DEAD, ContainerState.RESTARTING}
    has_failed = state is ContainerState.CREATED and bool(text(answer, "State", "Error"))
    words = [text(answer, "Path"), *texts(answer, "Args")]
    return Container(
        host_id=host_id,
        id=text(answer, "Id"),
        name=text(answer, "Name").lstrip("/"),
        image=text(answer, "Config", "Image"),
        image_id=text(answer, "Image"),
        command=redact_command(shlex.join(word for word in words if word)),
        state=state,
        health=Health(health) if health in set(Health) else Health.NONE,
        exit_code=integer(answer, "State", "ExitCode") if has_ended or has_failed else None,
        is_out_of_memory=truth(answer, "State", "OOMKilled"),
        error=text(answer, "State", "Error"),
        restart_count=integer(answer, "RestartCount"),
        restart_policy="" if policy == "no" else f"{policy}:{most}" if most else policy,
        created_at=moment(answer, "Created"),
        started_at=moment(answer, "State", "StartedAt"),
        finished_at=moment(answer, "State", "FinishedAt"),
        ports=_inspected_ports(answer),
        gpus=_gpus(answer),
        has_terminal=truth(answer, "Config", "Tty"),
        labels=labels,
        project=dict(labels).get(PROJECT_LABEL, ""),
        is_inspected=True,
    )


def host_facts(info: Json, version: Json) -> HostFacts:
    """`info` and `version` are the engine's answers to those questions."""
    components = {text(each, "Name").lower() for each in items(version, "Components")}
    options = texts(info, "SecurityOptions")
    return HostFacts(
        engine="Podman" if any("podman" in name for name in components) else "Docker",
        engine_version=text(version, "Version") or text(info, "ServerVersion"),
        api_version=text(version, "ApiVersion"),
        name=text(info, "Name"),
        operating_system=text(info, "OperatingSystem"),
        architecture=text(info, "Architecture"),
        cpus=integer(info, "NCPU"),
        memory_bytes=integer(info, "MemTotal"),
        runtimes=tuple(sorted(mapping(info, "Runtimes"))),
        gpus=_engine_gpus(info),
        data_folder=text(info, "DockerRootDir"),
        containers=integer(info, "Containers"),
        running=integer(info, "ContainersRunning"),
        images=integer(info, "Images"),
        is_rootless=any("rootless" in option for option in options),
        warnings=tuple(" ".join(each.removeprefix("WARNING: ").split()) for each in texts(info, "Warnings")),
    )


def engine_event(answer: Json) -> EngineEvent:
    attributes = {key: value for key, value in mapping(answer, "Actor", "Attributes").items() if isinstance(value, str)}
    nano = integer(answer, "timeNano")
    code = attributes.get("exitCode", "")
    return EngineEvent(
        kind=text(answer, "Type") or "container",
        action=text(answer, "Action") or text(answer, "status"),
        id=text(answer, "Actor", "ID") or text(answer, "id"),
        at=moment(nano / 1e9 if nano else member(answer, "time")),
        name=attributes.get("name", ""),
        image=attributes.get("image", ""),
        exit_code=int(code) if code.lstrip("-").isdecimal() else None,
        attributes=tuple(sorted(attributes.items())),
    )


def _state(word: str) -> ContainerState:
    return ContainerState(word) if word in set(ContainerState) else ContainerState.UNKNOWN


def _labels(answer: Json) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, value) for key, value in mapping(answer).items() if isinstance(value, str)))


def _listed_ports(answers: list[Json]) -> tuple[PortBinding, ...]:
    found = {
        PortBinding(port, text(each, "Type") or "tcp", text(each, "IP"), integer(each, "PublicPort"))
        for each in answers
        if (port := integer(each, "PrivatePort")) is not None
    }
    return _ordered(found)


def _inspected_ports(answer: Json) -> tuple[PortBinding, ...]:
    """What is published now, or would be if it ran."""
    named = mapping(answer, "NetworkSettings", "Ports") or mapping(answer, "HostConfig", "PortBindings")
    found: set[PortBinding] = set()
    for name, bindings in named.items():
        port, _, protocol = name.partition("/")
        if not port.isdecimal():
            continue
        published = items(bindings)
        for each in published:
            host_port = text(each, "HostPort")
            found.add(
                PortBinding(
                    int(port),
                    protocol or "tcp",
                    text(each, "HostIp"),
                    int(host_port) if host_port.isdecimal() and int(host_port) else None,
                )
            )
        if not published:
            found.add(PortBinding(int(port), protocol or "tcp"))
    return _ordered(found)


def _ordered(ports: set[PortBinding]) -> tuple[PortBinding, ...]:
    return tuple(
        sorted(ports, key=lambda each: (each.container_port, each.protocol, each.address, each.host_port or 0))
    )


def _gpus(answer: Json) -> GpuRequest | None:
    for request in items(answer, "HostConfig", "DeviceRequests"):
        driver = text(request, "Driver")
        wanted = {word for group in items(request, "Capabilities") for word in texts(group)}
        if driver in {"nvidia", "cdi"} or wanted & _GPU_CAPABILITIES:
            ids = texts(request, "DeviceIDs")
            return GpuRequest(count=0 if ids else integer(request, "Count") or 0, device_ids=ids, driver=driver)
    return None


def _engine_gpus(info: Json) -> tuple[str, ...] | None:
    """What the engine itself knows of GPUs; most engines know nothing."""
    devices = [text(each, "ID") for each in items(info, "DiscoveredDevices")]
    found = tuple(each for each in devices if "gpu" in each and not each.endswith("=all"))
    return found or None
