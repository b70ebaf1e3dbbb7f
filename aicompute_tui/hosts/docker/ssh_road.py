"""The way to an engine over ssh: its socket there is found, and led to one of this host's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aicompute_tui.domain.errors import AicError, AuthFailed, NotAllowed, NotConfigured, Refused, Unreachable
from aicompute_tui.domain.host import Host
from aicompute_tui.ssh.base import Boxes, NodeAddress, SocketForward

_FIND = """
for each in {given} /var/run/docker.sock "${{XDG_RUNTIME_DIR:-/run/user/$(id -u)}}/docker.sock" \
"${{XDG_RUNTIME_DIR:-/run/user/$(id -u)}}/podman/podman.sock" /run/podman/podman.sock; do
    [ -S "$each" ] || continue
    if [ -w "$each" ]; then printf 'socket %s\\n' "$each"; exit 0; fi
    printf 'denied %s\\n' "$each"
done
"""
_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
_LONGEST_SOCKET_PATH = 100


class SshRoad:
    """Opened at the first need, and again where it broke."""

    def __init__(self, host: Host, boxes: Boxes, folder: Path, *, login: str, home: Path, agent_socket: str) -> None:
        """`folder` is the owner's alone; `login` is taken where the address names none."""
        self.host = host
        self.address = _address(host, login, home, agent_socket)
        self._boxes = boxes
        self._local_path = folder / f"{host.id[-12:]}-{os.getpid()}.sock"
        self._forward: SocketForward | None = None

    async def socket_path(self) -> Path:
        """This end. Raises as the connection does, NotFound's like where there is no socket at the other end."""
        if self._forward is not None and self._forward.is_open:
            return self._local_path
        await self.aclose()
        if len(os.fsencode(self._local_path)) > _LONGEST_SOCKET_PATH:
            raise NotConfigured(f"The path {self._local_path} is too long for a socket.", "Set TMPDIR to a short one.")
        try:
            remote = await self._remote_socket()
            self._forward = await self._boxes.forward_socket(self.address, remote, self._local_path)
        except AicError as error:
            raise _of_a_host(error, self.host) from error
        return self._local_path

    async def _remote_socket(self) -> str:
        given = unquote(urlsplit(self.host.url).path)
        words = shlex.quote(given) if given not in {"", "/"} else ""
        done = await self._boxes.run(self.address, _FIND.format(given=words))
        lines = [line.split(" ", 1) for line in done.stdout.decode(errors="replace").splitlines() if " " in line]
        if words and lines and lines[0][1] != given:
            lines = []
        for verdict, path in lines:
            if verdict == "socket":
                return path
        if lines:
            raise NotAllowed(
                f"{self.address.login} may not use {lines[0][1]} on {self.host.name}.",
                f"Put that login into its group there: `sudo usermod -aG docker {self.address.login}`.",
            )
        where = given if words else "at the usual places"
        raise Unreachable(
            f"There is no engine's socket {where} on {self.host.name}.",
            "Start Docker there, or name its socket: ssh://user@box/run/user/1000/docker.sock.",
        )

    async def run(self, command: str) -> str:
        """What a command there prints; for what the engine does not tell of its machine."""
        try:
            done = await self._boxes.run(self.address, command)
        except AicError as error:
            raise _of_a_host(error, self.host) from error
        return done.stdout.decode(errors="replace")

    async def aclose(self) -> None:
        forward, self._forward = self._forward, None
        if forward is not None:
            with contextlib.suppress(AicError, OSError):
                await asyncio.shield(forward.aclose())


def _address(host: Host, login: str, home: Path, agent_socket: str) -> NodeAddress:
    parts = urlsplit(host.url)
    keys = (Path(host.ssh_key),) if host.ssh_key else tuple(home / ".ssh" / name for name in _KEYS)
    return NodeAddress(
        instance_id=host.id,
        host=parts.hostname or "",
        port=parts.port or 22,
        login=unquote(parts.username) if parts.username else login,
        name=host.name,
        key_files=keys,
        agent_socket=agent_socket,
    )


def _of_a_host(error: AicError, host: Host) -> AicError:
    """The same failure with the next step of a host instead of a rented machine's."""
    steps = {
        AuthFailed: "Let one of your keys in there (`ssh-copy-id`), or name another with --ssh-key.",
        Refused: f"Only if it was set up anew: `aic-tui host forget-key {host.name}`, then try again.",
    }
    step = steps.get(type(error))
    if step is None and isinstance(error, Unreachable) and "allow-ssh" in error.next_step:
        step = "Check its address and the network, then try again."
    return error if step is None else type(error)(error.message, step, error.details)
