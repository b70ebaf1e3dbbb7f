"""One container of the demo: what it was made from, how it stands, and how an engine tells of it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aicompute_tui.domain.json import Json, JsonObject

NEVER = "0001-01-01T00:00:00Z"
_HOUR, _DAY = 3_600, 86_400


@dataclass(slots=True)
class Run:
    """From a start to the end, None while it lasts."""

    began: float
    ended: float | None = None


@dataclass(slots=True, kw_only=True)
class Box:
    """`request` is what it was created with, in the engine's own words."""

    id: str
    name: str
    request: dict[str, Any]
    created: float
    status: str = "created"
    health: str = ""
    """Empty where it has no check."""
    runs: list[Run] = field(default_factory=list)
    exit_code: int = 0
    error: str = ""
    is_out_of_memory: bool = False
    restarts: int = 0
    cpu_percent: float = 2.0
    memory_mib: float = 300.0
    models: list[str] = field(default_factory=list)
    """Those pulled into it."""
    is_published: bool = False
    """Whether something really answers at its ports."""

    @property
    def image(self) -> str:
        return str(self.request.get("Image", ""))

    @property
    def host_config(self) -> dict[str, Any]:
        found = self.request.get("HostConfig")
        return found if isinstance(found, dict) else {}

    @property
    def labels(self) -> dict[str, str]:
        return {str(key): str(value) for key, value in (self.request.get("Labels") or {}).items()}

    @property
    def is_alive(self) -> bool:
        return self.status in {"running", "paused"}

    @property
    def began(self) -> float | None:
        return self.runs[-1].began if self.runs else None

    @property
    def ended(self) -> float | None:
        return self.runs[-1].ended if self.runs else None

    @property
    def has_terminal(self) -> bool:
        return self.request.get("Tty") is True

    @property
    def gpu_ids(self) -> tuple[str, ...]:
        """The GPUs it may use; `all` for all of them."""
        for asked in self.host_config.get("DeviceRequests") or []:
            ids = asked.get("DeviceIDs") or []
            count = int(asked.get("Count") or 0)
            return tuple(ids) or (("all",) if count < 0 else tuple(str(each) for each in range(count)))
        return ()

    def published(self) -> list[tuple[int, str, str, int]]:
        """(port inside, protocol, address, port of the host)."""
        return [
            (int(name.partition("/")[0]), name.partition("/")[2] or "tcp", str(each.get("HostIp") or ""), int(port))
            for name, bindings in (self.host_config.get("PortBindings") or {}).items()
            for each in bindings or []
            if (port := str(each.get("HostPort") or "")).isdecimal() and int(port)
        ]

    def start(self, now: float) -> None:
        self.status, self.error, self.exit_code, self.is_out_of_memory = "running", "", 0, False
        self.runs.append(Run(now))
        del self.runs[:-3]

    def end(self, now: float, exit_code: int) -> None:
        self.status, self.exit_code = "exited", exit_code
        if self.health:
            self.health = "unhealthy"
        if self.runs:
            self.runs[-1].ended = now

    def listed(self, now: float) -> JsonObject:
        """As one entry of the list of containers."""
        ports: list[Json] = [
            {"PrivatePort": inside, "PublicPort": port, "Type": protocol, **({"IP": address} if address else {})}
            for inside, protocol, address, port in (self.published() if self.is_alive else [])
        ]
        told = {inside for inside, *_ in self.published()}
        for name in self.request.get("ExposedPorts") or {}:
            inside, _, protocol = name.partition("/")
            if self.is_alive and int(inside) not in told:
                ports.append({"PrivatePort": int(inside), "Type": protocol or "tcp"})
        return {
            "Id": self.id,
            "Names": [f"/{self.name}"],
            "Image": self.image,
            "ImageID": image_id(self.image),
            "Command": " ".join(self._words()),
            "Created": int(self.created),
            "Ports": ports,
            "Labels": {**self.labels},
            "State": self.status,
            "Status": self._status_words(now),
            "HostConfig": {"NetworkMode": "bridge"},
            "Mounts": [*self._mounts()],
        }

    def inspected(self) -> JsonObject:
        """As an inspection tells of it."""
        words = self._words()
        state: JsonObject = {
            "Status": self.status,
            "Running": self.is_alive,
            "Paused": self.status == "paused",
            "Restarting": False,
            "OOMKilled": self.is_out_of_memory,
            "Dead": False,
            "Pid": 0 if not self.is_alive else 2_000 + int(self.id[:3], 16),
            "ExitCode": self.exit_code,
            "Error": self.error,
            "StartedAt": stamp(self.began),
            "FinishedAt": stamp(self.ended),
        }
        if self.health:
            state["Health"] = {"Status": self.health, "FailingStreak": int(self.health == "unhealthy"), "Log": []}
        config = {key: value for key, value in self.request.items() if key not in {"HostConfig", "NetworkingConfig"}}
        return {
            "Id": self.id,
            "Created": stamp(self.created),
            "Path": words[0] if words else "",
            "Args": [*words[1:]],
            "State": state,
            "Image": image_id(self.image),
            "Name": f"/{self.name}",
            "RestartCount": self.restarts,
            "Driver": "overlay2",
            "Platform": "linux",
            "Mounts": [*self._mounts()],
            "HostConfig": {"NetworkMode": "bridge", **self.host_config},
            "Config": {"Hostname": self.id[:12], "Env": [], "Tty": False, "WorkingDir": "/", **config},
            "NetworkSettings": {"Ports": self._network_ports(), "IPAddress": self._address()},
        }

    def _words(self) -> list[str]:
        entry = self.request.get("Entrypoint") or ENTRY_POINTS.get(base_name(self.image), ["/entrypoint.sh"])
        words = self.request.get("Cmd") or (
            [] if self.request.get("Entrypoint") else USUAL_WORDS.get(base_name(self.image), [])
        )
        return [*([entry] if isinstance(entry, str) else entry), *([words] if isinstance(words, str) else words)]

    def _network_ports(self) -> JsonObject:
        if not self.is_alive:
            return {}
        found: dict[str, Any] = dict.fromkeys(self.request.get("ExposedPorts") or {})
        for inside, protocol, address, port in self.published():
            binding = {"HostIp": address or "0.0.0.0", "HostPort": str(port)}  # noqa: S104 - told, not listened at
            found[f"{inside}/{protocol}"] = [*(found.get(f"{inside}/{protocol}") or []), binding]
        return found

    def _mounts(self) -> list[JsonObject]:
        mounts: list[JsonObject] = []
        for bind in self.host_config.get("Binds") or []:
            source, _, rest = str(bind).partition(":")
            target, _, mode = rest.partition(":")
            is_volume = not source.startswith("/")
            mounts.append(
                {
                    "Type": "volume" if is_volume else "bind",
                    **({"Name": source} if is_volume else {}),
                    "Source": f"/var/lib/docker/volumes/{source}/_data" if is_volume else source,
                    "Destination": target,
                    "Mode": mode or "z",
                    "RW": mode != "ro",
                }
            )
        return mounts

    def _address(self) -> str:
        return f"172.17.0.{2 + int(self.id[:2], 16) % 200}" if self.is_alive else ""

    def _status_words(self, now: float) -> str:
        if self.status == "created":
            return "Created"
        if not self.is_alive:
            return f"Exited ({self.exit_code}) {_ago(now - (self.ended or now))} ago"
        words = f"Up {_ago(now - (self.began or now))}"
        if self.health:
            words += f" ({'health: starting' if self.health == 'starting' else self.health})"
        return f"{words} (Paused)" if self.status == "paused" else words


ENTRY_POINTS = {
    "ollama": ["/bin/ollama"],
    "vllm-openai": ["vllm", "serve"],
    "open-webui": ["bash", "start.sh"],
    "text-embeddings-inference": ["text-embeddings-router"],
    "comfyui-boot": ["bash", "/runner-scripts/entrypoint.sh"],
    "qdrant": ["./entrypoint.sh"],
    "redis": ["docker-entrypoint.sh"],
}
USUAL_WORDS = {"ollama": ["serve"], "redis": ["redis-server"]}
"""By the last part of an image's name."""


def base_name(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def image_id(image: str) -> str:
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def container_id(host: str, name: str) -> str:
    return hashlib.sha256(f"{host}/{name}".encode()).hexdigest()


def stamp(moment: float | None) -> str:
    """With nine digits, as engines write it."""
    if moment is None:
        return NEVER
    whole = datetime.fromtimestamp(int(moment), UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{int((moment % 1) * 1e9):09d}Z"


def now_stamp() -> str:
    return stamp(time.time())


def _ago(seconds: float) -> str:
    for size, word in ((_DAY, "days"), (_HOUR, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {word}"
    return f"{max(1, int(seconds))} seconds"
