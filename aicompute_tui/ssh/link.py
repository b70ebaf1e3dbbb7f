"""One authenticated ssh connection to one machine, and the commands and tunnels on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from aicompute_tui.domain.errors import BadAnswer, Unreachable
from aicompute_tui.ssh import host_keys
from aicompute_tui.ssh.base import Finished, NodeAddress, RunningCommand
from aicompute_tui.ssh.command import MOST_PACKET_BYTES, WINDOW_BYTES, Session
from aicompute_tui.ssh.failures import FAILURES, bad_key, broken, connect_failed, key_changed, no_session
from aicompute_tui.ssh.guard import guarded, plain

CONNECT_SECONDS = 10.0
_KEEPALIVE_SECONDS = 5.0
_KEEPALIVES_UNANSWERED = 2
"""After so many the next one, unsent, ends the connection: a frozen link is noticed within 15 s."""
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr")
_HOST_KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)
_LONGEST_GOODBYE_SECONDS = 1.0

asyncssh.set_log_level("ERROR")


class _Client(asyncssh.SSHClient):
    """Says yes to a first key, and tells when the connection is gone."""

    def __init__(self, knows_key: bool) -> None:
        self._knows_key = knows_key
        self.on_lost: Callable[[], None] = lambda: None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        return not self._knows_key

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.on_lost()


class Link:
    """`uses` counts the commands and tunnels on it; the pool closes it when there were none for a while."""

    def __init__(self, connection: asyncssh.SSHClientConnection, client: _Client, address: NodeAddress) -> None:
        self._connection = connection
        self.address = address
        self.uses = 0
        self.is_open = not connection.is_closed()
        self._watchers: dict[object, Callable[[], None]] = {}
        client.on_lost = self._lost

    def watch_break(self, on_break: Callable[[], None]) -> Callable[[], None]:
        token = object()
        self._watchers[token] = on_break

        def take_back() -> None:
            self._watchers.pop(token, None)

        return take_back

    def _lost(self) -> None:
        self.is_open = False
        watchers, self._watchers = list(self._watchers.values()), {}
        for on_break in watchers:
            on_break()

    async def run(self, command: str, stdin: bytes, timeout_seconds: float, most_bytes: int) -> Finished:
        """Without input it is guarded. With input it ends by itself: the channel's end is the end of what it reads."""
        session = await self._session(plain(command) if stdin else guarded(command))
        stderr = bytearray()
        output = bytearray()

        def take(data: bytes) -> None:
            stderr.extend(data[: most_bytes - len(stderr)])

        session.on_stderr = take
        writing = asyncio.create_task(session.write(stdin)) if stdin else None
        try:
            async with asyncio.timeout(timeout_seconds):
                async for chunk in session.chunks():
                    output += chunk
                    if len(output) > most_bytes:
                        raise BadAnswer(f"A command on {self.address.title} printed more than {most_bytes:,} bytes.")
        except TimeoutError:
            raise Unreachable(
                f"A command on {self.address.title} did not end within {timeout_seconds:g} s.",
                "The machine may be overloaded: try again in a minute.",
            ) from None
        finally:
            if writing is not None:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
            await session.end(kill=True)
        return Finished(session.exit_code or 0, bytes(output), bytes(stderr))

    @asynccontextmanager
    async def open(self, command: str) -> AsyncIterator[RunningCommand]:
        session = await self._session(guarded(command))
        try:
            yield session
        finally:
            await session.end()

    async def dial(self, port: int) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
        """A connection from the machine to a port of its own loopback. Raises asyncssh's own errors."""
        async with asyncio.timeout(CONNECT_SECONDS):
            return await self._connection.open_connection("127.0.0.1", port, encoding=None, window=WINDOW_BYTES)

    async def forward_path(self, local_path: Path, remote_path: str) -> asyncssh.SSHListener:
        """Listens at a socket here and leads each connection to one there. Raises asyncssh's own errors."""
        return await self._connection.forward_local_path(str(local_path), remote_path)

    async def _session(self, command: str) -> Session:
        session = Session(lambda details="": broken(self.address, details))
        try:
            async with asyncio.timeout(CONNECT_SECONDS * 2):
                await self._connection.create_session(
                    lambda: session, command, encoding=None, window=WINDOW_BYTES, max_pktsize=MOST_PACKET_BYTES
                )
        except FAILURES as error:
            await session.end(kill=True)
            if self.is_open and not isinstance(error, TimeoutError):
                raise no_session(error, self.address) from error
            raise broken(self.address, str(error)) from error
        except asyncio.CancelledError:
            await session.end(kill=True)
            raise
        return session

    async def close(self) -> None:
        if not self._connection.is_closed():
            self._connection.abort()
        try:
            async with asyncio.timeout(_LONGEST_GOODBYE_SECONDS):
                await self._connection.wait_closed()
        except TimeoutError:
            return


async def connect(address: NodeAddress, key_file: Path, known_hosts: Path) -> Link:
    """A new connection; the host key is written down at the first one and held to afterwards."""
    alias = host_keys.alias_of(address.instance_id)
    keys = await _keys(address, key_file)
    pinned = await asyncio.to_thread(host_keys.keys_of, known_hosts, alias)
    client = _Client(bool(pinned))
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await _dial(address, keys, pinned, client)
    except FAILURES as error:
        raise connect_failed(error, address, known_hosts) from error
    link = Link(connection, client, address)
    try:
        await _hold_to_key(link, connection, pinned, known_hosts)
    except BaseException:
        await link.close()
        raise
    return link


async def _dial(
    address: NodeAddress, keys: list[asyncssh.SSHKey], pinned: list[str], client: _Client
) -> asyncssh.SSHClientConnection:
    """Nothing is taken from the person's own ssh but the keys that `address` names: no configuration, no passwords."""
    trusted = [asyncssh.import_public_key(text) for text in pinned]
    types = dict.fromkeys([name for each in trusted for name in _algorithms(each)] + list(_HOST_KEY_TYPES))
    return await asyncssh.connect(
        address.host,
        address.port,
        config=None,
        username=address.login,
        client_keys=keys,
        agent_path=address.agent_socket or None,
        preferred_auth=("publickey",),
        gss_host=None,
        gss_kex=False,
        gss_auth=False,
        known_hosts=(trusted, [], []),
        server_host_key_algs=list(types),
        client_factory=lambda: client,
        encryption_algs=list(_CIPHERS),
        compression_algs=None,
        keepalive_interval=_KEEPALIVE_SECONDS,
        keepalive_count_max=_KEEPALIVES_UNANSWERED,
        tcp_keepalive=True,
        encoding=None,
    )


def _algorithms(key: asyncssh.SSHKey) -> list[str]:
    name = key.get_algorithm()
    return ["rsa-sha2-512", "rsa-sha2-256"] if name == "ssh-rsa" else [name]


async def _hold_to_key(
    link: Link, connection: asyncssh.SSHClientConnection, pinned: list[str], known_hosts: Path
) -> None:
    if pinned:
        return
    shown = connection.get_server_host_key()
    assert shown is not None
    text = " ".join(shown.export_public_key("openssh").decode("ascii").split()[:2])
    alias = host_keys.alias_of(link.address.instance_id)
    if text not in await asyncio.to_thread(host_keys.pin, known_hosts, alias, text):
        raise key_changed(link.address, known_hosts, "another process saw another key at the same moment")


async def _private_key(file: Path) -> asyncssh.SSHKey:
    try:
        return await asyncio.to_thread(asyncssh.read_private_key, file)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, OSError, ValueError) as error:
        raise bad_key(error, file) from error


async def _keys(address: NodeAddress, key_file: Path) -> list[asyncssh.SSHKey]:
    """Ours, and those the person has that can be used as they are; ours may be absent where there are others."""
    found = []
    for file in address.key_files:
        with contextlib.suppress(asyncssh.KeyImportError, asyncssh.KeyEncryptionError, OSError, ValueError):
            found.append(await asyncio.to_thread(asyncssh.read_private_key, file))
    if (found or address.agent_socket) and not await asyncio.to_thread(key_file.exists):
        return found
    return [await _private_key(key_file), *found]
