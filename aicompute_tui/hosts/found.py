"""Hosts that are there without anybody having added them: sockets, docker contexts, and variables that name one."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.host import HOST_NAME, FoundHost, HostKind, check_url
from aicompute_tui.domain.json import Json
from aicompute_tui.hosts.answers import text

PORTAINER_TOKEN = "PORTAINER_API_TOKEN"  # noqa: S105 - a name
_TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


def found_hosts(environment: Mapping[str, str], home: Path, uid: int) -> list[FoundHost]:
    """Each address once, the first name it has. Reads files; run it in a thread."""
    found: dict[str, FoundHost] = {}
    for each in (*_variable(environment), *_contexts(environment, home), *_sockets(environment, home, uid)):
        key = str(Path(each.url.removeprefix("unix://")).resolve()) if each.url.startswith("unix://") else each.url
        found.setdefault(key, each)
    names: dict[str, FoundHost] = {}
    for each in [*found.values(), *_portainer(environment)]:
        names.setdefault(each.name, each)
    return list(names.values())


def _variable(environment: Mapping[str, str]) -> Iterator[FoundHost]:
    """`DOCKER_HOST`, with its certificates where `DOCKER_TLS_VERIFY` is set."""
    url = _usable(environment.get("DOCKER_HOST", ""))
    if not url:
        return
    folder = environment.get("DOCKER_CERT_PATH", "") if environment.get("DOCKER_TLS_VERIFY") else ""
    ca, cert, key = (str(Path(folder) / name) for name in _TLS_FILES) if folder else (None, None, None)
    yield FoundHost(name="docker-host", url=url, source="DOCKER_HOST", tls_ca=ca, tls_cert=cert, tls_key=key)


def _contexts(environment: Mapping[str, str], home: Path) -> Iterator[FoundHost]:
    folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "contexts"
    for file in sorted(folder.glob("meta/*/meta.json")):
        try:
            told = cast("Json", json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue
        name, url = text(told, "Name"), _usable(text(told, "Endpoints", "docker", "Host"))
        if not url or not HOST_NAME.fullmatch(name):
            continue
        tls = folder / "tls" / file.parent.name / "docker"
        ca, cert, key = (str(tls / each) if (tls / each).is_file() else None for each in _TLS_FILES)
        source = f"the docker context {name}"
        yield FoundHost(name=name, url=url, source=source, tls_ca=ca, tls_cert=cert, tls_key=key)


def _sockets(environment: Mapping[str, str], home: Path, uid: int) -> Iterator[FoundHost]:
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{uid}")
    places = (
        ("local", Path("/var/run/docker.sock")),
        ("rootless", runtime / "docker.sock"),
        ("desktop", home / ".docker" / "run" / "docker.sock"),
        ("desktop", home / ".docker" / "desktop" / "docker.sock"),
        ("podman", runtime / "podman" / "podman.sock"),
        ("podman-root", Path("/run/podman/podman.sock")),
    )
    for name, path in places:
        try:
            is_socket = stat.S_ISSOCK(path.stat().st_mode)
        except OSError:
            continue
        if is_socket:
            yield FoundHost(name=name, url=f"unix://{path}", source=str(path))


def _portainer(environment: Mapping[str, str]) -> Iterator[FoundHost]:
    url = environment.get("PORTAINER_URL", "").rstrip("/")
    if url and environment.get(PORTAINER_TOKEN):
        yield FoundHost(name="portainer", url=url, source="PORTAINER_URL", kind=HostKind.PORTAINER)


def _usable(url: str) -> str:
    """Empty for what names no engine we can talk to, as a named pipe of Windows."""
    try:
        return check_url(url, HostKind.DOCKER) if url else ""
    except InvalidInput:
        return ""
