"""The ssh of one machine of the demo: who is let in, what a session gets, where forwards lead."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncssh

from aicompute_tui.demo.nodes.box import Box
from aicompute_tui.demo.nodes.endpoint import Endpoint
from aicompute_tui.demo.nodes.sessions import Process, serve

Reader = asyncssh.SSHReader[bytes]
Writer = asyncssh.SSHWriter[bytes]
_LOGIN = "ubuntu"
_LOGIN_SECONDS = 30.0


class Door:
    """One listener. The host key is made here and is the same for as long as the machine exists."""

    def __init__(self, address: str, port: int, public_key: Path) -> None:
        self._address = address
        self._port = port
        self._public_key = public_key
        self._host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._acceptor: asyncssh.SSHAcceptor | None = None
        self._connections: set[asyncssh.SSHServerConnection] = set()

    @property
    def is_open(self) -> bool:
        return self._acceptor is not None

    async def open(self, box: Box) -> None:
        """Raises OSError where the address cannot be listened at."""

        def session(process: Process) -> Awaitable[None]:
            return serve(box, process)

        self._acceptor = await asyncssh.create_server(
            lambda: _Visitor(box, self._public_key, self._connections),
            self._address,
            self._port,
            server_host_keys=[self._host_key],
            process_factory=session,
            encoding="utf-8",
            errors="replace",
            password_auth=False,
            kbdint_auth=False,
            gss_auth=False,
            gss_kex=False,
            login_timeout=_LOGIN_SECONDS,
            max_line_length=4096,
        )

    async def close(self) -> None:
        """The machine is off: nobody gets in, and who was in is cut off."""
        acceptor, self._acceptor = self._acceptor, None
        if acceptor is not None:
            acceptor.close()
            await acceptor.wait_closed()
        for connection in tuple(self._connections):
            connection.abort()


class _Visitor(asyncssh.SSHServer):
    def __init__(self, box: Box, public_key: Path, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._box = box
        self._public_key = public_key
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._connection is not None:
            self._connections.discard(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """The key this home has now: it may be younger than the machine."""
        if username != _LOGIN:
            return False
        try:
            text = await asyncio.to_thread(self._public_key.read_bytes)
            own = asyncssh.import_public_key(text)
        except (OSError, asyncssh.KeyImportError):
            return False
        return hmac.compare_digest(own.public_data, key.public_data)

    def connection_requested(
        self,
        dest_host: str,
        dest_port: int,
        orig_host: str,  # noqa: ARG002
        orig_port: int,  # noqa: ARG002
    ) -> Callable[[Reader, Writer], Awaitable[None]] | bool:
        """Its model server's port on its own loopback, nothing else."""
        endpoint = Endpoint(self._box)
        if dest_host not in {"127.0.0.1", "localhost", "::1"} or not endpoint.listens_at(dest_port):
            return False
        return endpoint.serve
