"""From a host to its engine: the one place that knows every kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aicompute_tui.domain.host import Host, HostKind
from aicompute_tui.hosts.base import Engine
from aicompute_tui.ssh.base import Boxes


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a way to an engine may need of this process."""

    boxes: Boxes
    socket_folder: Path
    """The owner's alone."""
    login: str
    home: Path
    agent_socket: str


def open_engine(host: Host, around: Surroundings, token: str = "") -> Engine:
    """Nothing is asked yet. `token` is what a Portainer server is shown.

    Imports what that kind needs: call it in a thread the first time.
    """
    from aicompute_tui.hosts.docker.endpoint import portainer_endpoint
    from aicompute_tui.hosts.docker.engine import DockerEngine
    from aicompute_tui.hosts.docker.ssh_road import SshRoad
    from aicompute_tui.hosts.docker.wire import Wire

    if host.kind is HostKind.PORTAINER:
        return DockerEngine(host, Wire(host, endpoint=lambda: portainer_endpoint(host, token)))
    if host.scheme != "ssh":
        return DockerEngine(host, Wire(host))
    road = SshRoad(
        host,
        around.boxes,
        around.socket_folder,
        login=around.login,
        home=around.home,
        agent_socket=around.agent_socket,
    )
    return DockerEngine(host, Wire(host, road), road)
