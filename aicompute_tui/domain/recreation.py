"""A container made anew: what it was with what changes; and what a replacement that did not end has left."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import Literal

from aicompute_tui.domain.container import Container, GpuRequest
from aicompute_tui.domain.deployment import device_request, restart_policy
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.replacement_names import away_name, original_name

LABEL_REPLACES = "aic-tui.replaces"
"""The id of the container it stands in for, until that is removed."""
LABEL_RAN = "aic-tui.replaces-running"
"""Whether that one ran."""
LABEL_JOB = "aic-tui.replaces-job"
"""The job that made it."""
_MARKS = frozenset({LABEL_REPLACES, LABEL_RAN, LABEL_JOB})
_PORT = re.compile(
    r"(?:(?:(?P<bind>[0-9.]+|\[[0-9a-fA-F:]+\]):)?(?P<host>\d{1,5})?:)?(?P<inside>\d{1,5})(?P<protocol>/(?:tcp|udp|sctp))?"
)
_HIGHEST_PORT = 65_535
_INHERITED = ("WorkingDir", "User", "Healthcheck", "StopSignal", "Shell")
_OF_ITS_OWN = ("bridge", "default", "host", "none", "")
_GPU_WORDS = frozenset({"gpu", "nvidia"})


@dataclass(frozen=True, slots=True)
class Publish:
    """A port of the container and where the host has it; an empty address is the one it had, or loopback."""

    inside: str
    """`80/tcp`"""
    host_port: str
    bind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be different; what is None or empty stays as it is."""

    image: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    ports: tuple[Publish, ...] = ()
    volumes: tuple[str, ...] = ()
    gpus: GpuRequest | Literal["keep", "none"] = "keep"
    restart: str | None = None
    memory_bytes: int | None = None
    cpus: float | None = None
    words: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """What changes, by name: no value of a variable is among it."""
        told = (
            (f"image {self.image}", self.image is not None),
            (f"env {', '.join(name for name, _ in self.environment)}", bool(self.environment)),
            (f"ports {', '.join(f'{port.host_port}->{port.inside}' for port in self.ports)}", bool(self.ports)),
            (f"volumes {', '.join(self.volumes)}", bool(self.volumes)),
            (f"gpus {self.gpus}", self.gpus != "keep"),
            (f"restart {self.restart}", self.restart is not None),
            ("memory", self.memory_bytes is not None),
            (f"cpus {self.cpus}", self.cpus is not None),
            ("command", bool(self.words)),
        )
        return tuple(text for text, is_named in told if is_named)


@dataclass(frozen=True, slots=True)
class HalfDone:
    """A container put aside by a replacement that has not ended; `new` is what was made in its place, if anything.

    Where it was being put back, it may have its name again, and `new` stands away until it is removed.
    """

    old: Container
    name: str
    new: Container | None


def name_before(container: Container) -> str | None:
    """What a container that was put aside was called; None for every other."""
    return original_name(container.name, container.id)


def half_done(containers: Iterable[Container]) -> list[HalfDone]:
    """Of the containers of one host."""
    everything = list(containers)
    found = []
    for old in everything:
        name = name_before(old)
        new = next((each for each in everything if dict(each.labels).get(LABEL_REPLACES) == old.id), None)
        if name is not None:
            found.append(HalfDone(old, name, new))
        elif new is not None and new.name == away_name(old.name, new.id):
            found.append(HalfDone(old, old.name, new))
    return found


def half_of(containers: Sequence[Container], container: Container) -> HalfDone | None:
    """The replacement that `container` is the old or the new one of."""
    for each in half_done(containers):
        if container.id in {each.old.id, each.new.id if each.new is not None else ""}:
            return each
    return None


def parse_port(text: str) -> Publish:
    """`8080:80`, `127.0.0.1:8080:80/tcp`; without a port of the host it chooses one. Raises InvalidInput."""
    found = _PORT.fullmatch(text.strip())
    numbers = [int(number) for name in ("host", "inside") if found and (number := found.group(name))]
    if found is None or not all(0 < number <= _HIGHEST_PORT for number in numbers):
        raise InvalidInput(f"“{text}” is not a port.", "Write it like 8080:80 or 127.0.0.1:8080:80/tcp.")
    inside = f"{found.group('inside')}{found.group('protocol') or '/tcp'}"
    return Publish(inside, found.group("host") or "", (found.group("bind") or "").strip("[]"))


def recreate_request(
    answer: JsonObject, image_answer: JsonObject, changes: Changes, *, ran: bool, job_id: str
) -> JsonObject:
    """What an engine is asked for. What the old image gave is left to the new one to give.

    `answer` is the engine's about the container, `image_answer` about the image it was made of.
    """
    request = _own_settings(_mapping(answer, "Config"), _mapping(image_answer, "Config"))
    host: JsonObject = dict(_mapping(answer, "HostConfig"))
    identity, mode = str(answer.get("Id") or ""), str(host.get("NetworkMode") or "")
    shares_network = mode == "host" or mode.startswith("container:")
    if shares_network or request.get("Hostname") == identity[:12]:
        request.pop("Hostname", None)
    if shares_network:
        request.pop("ExposedPorts", None)
    request["Image"] = changes.image or request.get("Image")
    marks: JsonObject = {LABEL_REPLACES: identity, LABEL_RAN: "yes" if ran else "no", LABEL_JOB: job_id}
    request["Labels"] = {**_mapping(request, "Labels"), **marks}
    _change_environment(request, changes)
    if changes.words:
        request["Cmd"] = [*changes.words]
    _change_ports(request, host, changes)
    _change_volumes(answer, host, changes)
    _change_limits(host, changes)
    request["HostConfig"] = host
    networks = _networks(answer, mode, identity)
    if networks:
        request["NetworkingConfig"] = {"EndpointsConfig": networks}
    return request


def _own_settings(config: JsonObject, inherited: JsonObject) -> JsonObject:
    """`config` without what it has from its image."""
    request: JsonObject = {key: value for key, value in config.items() if value is not None}
    for key in _INHERITED:
        if key in request and request[key] == inherited.get(key):
            del request[key]
    if request.get("Entrypoint") == inherited.get("Entrypoint"):
        request.pop("Entrypoint", None)
        if request.get("Cmd") == inherited.get("Cmd"):
            request.pop("Cmd", None)
    for key in ("Labels", "ExposedPorts", "Volumes"):
        given, usual = _mapping(request, key), _mapping(inherited, key)
        request[key] = {name: value for name, value in given.items() if name not in usual or usual[name] != value}
    usual_words = set(_texts(inherited, "Env"))
    request["Env"] = [word for word in _texts(request, "Env") if word not in usual_words]
    for key in ("OnBuild", "ArgsEscaped", "MacAddress"):
        request.pop(key, None)
    labels = _mapping(request, "Labels")
    request["Labels"] = {name: value for name, value in labels.items() if name not in _MARKS}
    return request


def _change_environment(request: JsonObject, changes: Changes) -> None:
    names = {name for name, _ in changes.environment}
    kept = [word for word in _texts(request, "Env") if word.partition("=")[0] not in names]
    request["Env"] = [*kept, *(f"{name}={value}" for name, value in changes.environment)]


def _change_ports(request: JsonObject, host: JsonObject, changes: Changes) -> None:
    if not changes.ports:
        return
    bindings: JsonObject = dict(_mapping(host, "PortBindings"))
    exposed: JsonObject = dict(_mapping(request, "ExposedPorts"))
    for port in changes.ports:
        before = bindings.get(port.inside)
        first = before[0] if isinstance(before, list) and before else None
        had = str(first.get("HostIp") or "") if isinstance(first, dict) else "127.0.0.1"
        bindings[port.inside] = [{"HostIp": port.bind or had, "HostPort": port.host_port}]
        exposed[port.inside] = {}
    host["PortBindings"], request["ExposedPorts"] = bindings, exposed


def _change_volumes(answer: JsonObject, host: JsonObject, changes: Changes) -> None:
    """Volumes that nobody named go along too, since what is in them would be lost."""
    targets = {volume.split(":")[1] for volume in changes.volumes}
    binds = [word for word in _texts(host, "Binds") if word.split(":")[1:2] and word.split(":")[1] not in targets]
    volumes = {str(each.get("Destination")): each.get("Name") for each in _objects(answer, "Mounts")}
    mounts = [
        mount if mount.get("Source") or mount.get("Type") != "volume" else _with_source(mount, volumes)
        for mount in _objects(host, "Mounts")
        if mount.get("Target") not in targets
    ]
    asked = {word.split(":")[1] for word in binds} | {str(each.get("Target")) for each in mounts} | targets
    named = {normpath(target) for target in asked}
    for mount in _objects(answer, "Mounts"):
        target, name = str(mount.get("Destination") or ""), str(mount.get("Name") or "")
        if mount.get("Type") == "volume" and name and target not in named:
            binds.append(f"{name}:{target}{'' if mount.get('RW', True) else ':ro'}")
    host["Binds"] = [*binds, *changes.volumes]
    host["Mounts"] = [*mounts]


def _with_source(mount: JsonObject, volumes: JsonObject) -> JsonObject:
    """A mount that asks for a volume without a name, with the name the engine gave it."""
    target = str(mount.get("Target") or "")
    name = volumes.get(target) or volumes.get(normpath(target))
    return {**mount, "Source": name} if name else mount


def _change_limits(host: JsonObject, changes: Changes) -> None:
    if changes.gpus != "keep":
        others: list[Json] = [each for each in _objects(host, "DeviceRequests") if not _asks_for_gpus(each)]
        asked: list[Json] = [] if isinstance(changes.gpus, str) else [device_request(changes.gpus)]
        host["DeviceRequests"] = [*others, *asked]
    if changes.restart is not None:
        host["RestartPolicy"] = restart_policy(changes.restart)
    if changes.memory_bytes is not None:
        host["Memory"] = changes.memory_bytes
        host["MemorySwap"] = 0  # the engine's own rule: twice the memory
        host["MemoryReservation"] = 0
    if changes.cpus is not None:
        host["NanoCpus"] = round(changes.cpus * 1e9)
        host["CpuPeriod"] = host["CpuQuota"] = 0


def _asks_for_gpus(request: JsonObject) -> bool:
    groups = request.get("Capabilities")
    words = {
        word for group in (groups if isinstance(groups, list) else []) if isinstance(group, list) for word in group
    }
    return request.get("Driver") in {"nvidia", "cdi"} or bool(words & _GPU_WORDS)


def _networks(answer: JsonObject, mode: str, identity: str) -> JsonObject:
    """Networks that somebody made, with the container's names and address there."""
    if mode in {"host", "none"} or mode.startswith("container:"):
        return {}
    found: JsonObject = {}
    for name, settings in _mapping(_mapping(answer, "NetworkSettings"), "Networks").items():
        if name in _OF_ITS_OWN or not isinstance(settings, dict):
            continue
        aliases: list[Json] = [each for each in _texts(settings, "Aliases") if each != identity[:12]]
        kept: JsonObject = {key: settings[key] for key in ("IPAMConfig", "Links", "DriverOpts") if settings.get(key)}
        found[name] = {**kept, "Aliases": aliases}
    return found


def _mapping(value: JsonObject, key: str) -> JsonObject:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _texts(value: JsonObject, key: str) -> list[str]:
    found = value.get(key)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _objects(value: JsonObject, key: str) -> list[JsonObject]:
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
