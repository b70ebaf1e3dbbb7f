"""A container to be made: what it is in the engine's words, and as the `docker run` line that does the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from aicompute_tui.domain.container import GpuRequest
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject

LABEL_FRAMEWORK = "aic-tui.framework"
LABEL_KIND = "aic-tui.kind"
LABEL_MODELS = "aic-tui.models"
LABEL_HEALTH = "aic-tui.health-path"
LABEL_API = "aic-tui.api-path"
LABEL_PORT = "aic-tui.port"
LABEL_OWNER = "aic-tui.owner"
LABEL_DEPLOY_JOB = "aic-tui.deploy-job"
"""The job that made it, by which that job knows it again."""
CONTAINER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,62}")
_VOLUME = re.compile(r"(?P<source>[^:]+):(?P<target>/[^:]*)(?::(?P<mode>ro|rw))?")
_SIZE = re.compile(r"(\d+)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_RESTART = re.compile(r"no|always|unless-stopped|on-failure(?::[1-9]\d{0,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """`secret_names` are variables whose values come from the vault and stand in no line, label or job."""

    name: str
    image: str
    words: tuple[str, ...] = ()
    gpus: GpuRequest | None = None
    container_port: int | None = None
    host_port: int | None = None
    bind: str = "127.0.0.1"
    environment: tuple[tuple[str, str], ...] = ()
    secret_names: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    shm_bytes: int = 0
    shares_ipc: bool = False
    restart: str = "unless-stopped"
    memory_bytes: int = 0
    cpus: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()


def create_request(deployment: Deployment, secrets: Mapping[str, str]) -> JsonObject:
    """What the engine is asked for."""
    host: JsonObject = {"RestartPolicy": restart_policy(deployment.restart), "Binds": [*deployment.volumes]}
    request: JsonObject = {"Image": deployment.image, "Labels": dict(deployment.labels), "HostConfig": host}
    pairs = [*deployment.environment, *((name, secrets[name]) for name in deployment.secret_names)]
    request["Env"] = [f"{name}={value}" for name, value in pairs]
    if deployment.words:
        request["Cmd"] = [*deployment.words]
    if deployment.container_port is not None:
        inside = f"{deployment.container_port}/tcp"
        published = "" if deployment.host_port is None else str(deployment.host_port)
        request["ExposedPorts"] = {inside: {}}  # without it an older engine publishes nothing, and says nothing
        host["PortBindings"] = {inside: [{"HostIp": deployment.bind, "HostPort": published}]}
    if deployment.gpus is not None:
        host["DeviceRequests"] = [device_request(deployment.gpus)]
    if deployment.shm_bytes:
        host["ShmSize"] = deployment.shm_bytes
    if deployment.shares_ipc:
        host["IpcMode"] = "host"
    if deployment.memory_bytes:
        host["Memory"] = deployment.memory_bytes
    if deployment.cpus:
        host["NanoCpus"] = round(deployment.cpus * 1e9)
    return request


def device_request(gpus: GpuRequest) -> JsonObject:
    """Ids and a count together are refused by every engine."""
    asked: JsonObject = {"Driver": gpus.driver, "Capabilities": [["gpu"]]}
    if gpus.device_ids:
        return {**asked, "DeviceIDs": [*gpus.device_ids]}
    return {**asked, "Count": gpus.count}


def restart_policy(word: str) -> JsonObject:
    name, _, most = word.partition(":")
    count: Json = int(most) if most else 0
    return {"Name": name, "MaximumRetryCount": count}


def run_line(deployment: Deployment) -> str:
    """As a person would type it; a secret is taken from the variable of that name."""
    words = ["docker", "run", "-d", "--name", deployment.name]
    if deployment.restart != "no":
        words += ["--restart", deployment.restart]
    if deployment.gpus is not None:
        ids = ",".join(deployment.gpus.device_ids)
        words += ["--gpus", f'"device={ids}"' if ids else str(deployment.gpus)]
    if deployment.container_port is not None:
        published = "" if deployment.host_port is None else deployment.host_port
        words += ["-p", f"{deployment.bind}:{published}:{deployment.container_port}"]
    for volume in deployment.volumes:
        words += ["-v", volume]
    for name, value in deployment.environment:
        words += ["-e", f"{name}={value}"]
    for name in deployment.secret_names:
        words += ["-e", name]
    words += ["--shm-size", f"{deployment.shm_bytes}"] if deployment.shm_bytes else []
    words += ["--ipc", "host"] if deployment.shares_ipc else []
    words += ["--memory", f"{deployment.memory_bytes}"] if deployment.memory_bytes else []
    words += ["--cpus", f"{deployment.cpus:g}"] if deployment.cpus else []
    for name, value in deployment.labels:
        words += ["--label", f"{name}={value}"]
    return shlex.join([*words, deployment.image, *deployment.words])


def parse_gpus(text: str) -> GpuRequest | None:
    """`all`, a count, `none`, or ids with commas: `0,3`, `device=0`, `GPU-…`. Raises InvalidInput."""
    cleaned = text.strip().strip('"')
    if cleaned.lower() in {"none", "0"}:
        return None
    if cleaned.lower() == "all":
        return GpuRequest(count=-1)
    if cleaned.isdecimal() and len(cleaned) < 4:
        return GpuRequest(count=int(cleaned))
    ids = tuple(each.strip() for each in cleaned.removeprefix("device=").split(",") if each.strip())
    if not ids or not all(re.fullmatch(r"[A-Za-z0-9._:/=-]+", each) for each in ids):
        raise InvalidInput(f"“{text}” names no GPUs.", "Give all, a count, none, or ids like 0,3 or device=0.")
    return GpuRequest(device_ids=ids)


def parse_size(text: str, what: str) -> int:
    """Bytes of `512m`, `32g`. Raises InvalidInput."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or not int(found.group(1)):
        raise InvalidInput(f"“{text}” is not a size ({what}).", "Write it like 512m or 32g.")
    return int(found.group(1)) * _UNITS[found.group(2).lower()]


def size_word(size: int) -> str:
    """`1g`, `512m`: the largest unit it is a whole number of."""
    unit = next((letter for letter in "tgmk" if size and size % _UNITS[letter] == 0), "")
    return f"{size // _UNITS[unit]}{unit}"


def check_volume(text: str) -> str:
    """Raises InvalidInput for what is not NAME:/path or /path:/path, with :ro where it may only be read."""
    found = _VOLUME.fullmatch(text)
    source = found.group("source") if found else ""
    if found is None or not (source.startswith("/") or CONTAINER_NAME.fullmatch(source)):
        raise InvalidInput(
            f"“{text}” is not a volume.", "Write it like models:/data or /srv/models:/data:ro, the paths whole."
        )
    return text


def check_restart(text: str) -> str:
    if not _RESTART.fullmatch(text):
        raise InvalidInput(f"“{text}” is not a restart policy.", "Give no, always, unless-stopped or on-failure:3.")
    return text
