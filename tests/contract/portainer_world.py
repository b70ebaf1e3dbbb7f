"""A stand-in for a Portainer server, with its documented bad manners; what is Docker's it passes to real engines."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.contract.engines import RealEngine

USER, PASSWORD = "admin", "correct horse battery"
JWT = "eyJ.a-login.of-eight-hours"
COOKIE = "portainer_api_key"
_DOCKER = re.compile(r"/api/endpoints/(\d+)/docker(/.*)")
_CHUNK = 64 << 10


@dataclass
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    rest: str = ""


@dataclass
class Portainer:
    """`engines` are the environments by number; one without an engine is down."""

    engines: dict[int, RealEngine | None]
    tokens: set[str] = field(default_factory=lambda: {"ptr_first"})
    port: int = 0
    logins: int = 0
    cookies_sent: int = 0
    open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environments(self) -> list[dict[str, Any]]:
        docker: list[dict[str, Any]] = [
            {
                "Id": number,
                "Name": f"gpu box {number}" if engine else "dead",
                "Type": 1 if engine else 2,
                "URL": "unix:///var/run/docker.sock",
                "PublicURL": "10.0.0.9" if number == 1 else "",
                "Status": 1 if engine else 2,
                "Snapshots": [],
                "Gpus": None,
            }
            for number, engine in self.engines.items()
        ]
        return [*docker, {"Id": 99, "Name": "cluster", "Type": 5, "URL": "", "Status": 1, "Snapshots": []}]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection, as many a proxy does it."""
        task = asyncio.current_task()
        assert task is not None
        self.open.add(task)
        task.add_done_callback(self.open.discard)
        try:
            asked = await _read(reader)
            if asked is not None:
                await self._answer(asked, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if COOKIE in asked.headers.get("cookie", ""):
            self.cookies_sent += 1
            if asked.method != "GET":
                return _say(writer, 403, {"message": "Forbidden - CSRF token invalid"})
        if asked.path == "/api/system/status":
            return _say(writer, 200, {"Version": "2.23.0", "InstanceID": "one"})
        if asked.path == "/api/auth":
            return self._login(asked, writer)
        key, bearer = asked.headers.get("x-api-key", ""), asked.headers.get("authorization", "")
        if key and bearer:
            words = "api key and auth header are not allowed at the same time"
            return _say(writer, 403, {"message": words})
        if key not in self.tokens and bearer != f"Bearer {JWT}":
            return _say(writer, 401, {"message": "Invalid API key", "details": "unauthorized"})
        return await self._known(asked, reader, writer, is_login=bool(bearer))

    def _login(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.logins += 1
        given = json.loads(asked.body)
        if (given.get("Username"), given.get("Password")) != (USER, PASSWORD):
            return _say(writer, 422, {"message": "Invalid credentials", "details": "Unauthorized"})
        return _say(writer, 200, {"jwt": JWT}, {"Set-Cookie": f"{COOKIE}={JWT}; Path=/"})

    async def _known(
        self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_login: bool
    ) -> None:
        if asked.path == "/api/users/1/tokens" and is_login:
            self.tokens.add(made := f"ptr_made_{len(self.tokens)}")
            return _say(writer, 201, {"rawAPIKey": made, "apiKey": {}})
        plain: dict[str, Any] = {"/api/endpoints": self.environments(), "/api/users/me": {"Id": 1, "Role": 1}}
        if asked.path in plain:
            return _say(writer, 200, plain[asked.path])
        found = _DOCKER.fullmatch(asked.path)
        if found is None:
            return _say(writer, 404, {"message": "not found"})
        number = int(found.group(1))
        if number not in self.engines:
            words = "Unable to find an environment with the specified identifier inside the database"
            return _say(writer, 404, {"message": words, "details": "object not found inside the database"})
        engine = self.engines[number]
        if engine is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return None
        return await _pass_on(asked, found.group(2), engine, reader, writer)


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, rest = target.partition("?")
    return Asked(method, path, headers, body, f"?{rest}" if rest else "")


def _say(writer: asyncio.StreamWriter, status: int, answer: Any, more: Mapping[str, str] | None = None) -> None:
    body = json.dumps(answer).encode()
    headers = {"Content-Type": "application/json", "Content-Length": len(body), "Connection": "close", **(more or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body)


async def _pass_on(
    asked: Asked, path: str, engine: RealEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """The request without our credentials, and then every byte both ways."""
    try:
        far_reader, far_writer = await asyncio.open_unix_connection(str(engine.socket))
    except OSError:
        return _say(writer, 502, {"message": ""})
    is_upgrade = "upgrade" in asked.headers
    kept = {name: value for name, value in asked.headers.items() if name not in {"x-api-key", "connection", "host"}}
    kept |= {"host": "docker", "connection": "Upgrade" if is_upgrade else "close"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in kept.items())
    far_writer.write(f"{asked.method} {path}{asked.rest} HTTP/1.1\r\n{lines}\r\n".encode() + asked.body)
    both = [asyncio.create_task(_pump(reader, far_writer)), asyncio.create_task(_pump(far_reader, writer))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        far_writer.close()
    return None


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()


@asynccontextmanager
async def running_portainer(engines: dict[int, RealEngine | None]) -> AsyncIterator[Portainer]:
    made = Portainer(engines)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for task in list(made.open):
            task.cancel()
        await asyncio.gather(*made.open, return_exceptions=True)
