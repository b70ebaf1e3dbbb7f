"""The operator's public address, or nothing where it cannot be known for certain."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from aicompute_tui.clouds.public_address import public_address
from tests.world import OPERATOR_ADDRESS, World


@contextmanager
def answering(body: bytes, status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.asyncio
async def test_the_address_is_read(world: World) -> None:
    assert await public_address(world.environment()["AIC_TUI_CHECKIP_URL"]) == OPERATOR_ADDRESS
    with answering(b"2001:db8::7\n") as url:
        assert await public_address(url) == "2001:db8::7"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>Please log in</html>", 200),
        (b"203.0.113.7", 503),
        (b"", 200),
        (b"203.0.113.7/0", 200),
        (b"\xff\xfe", 200),
        (b" " * 100_000, 200),
    ],
)
async def test_anything_but_an_address_is_no_address(body: bytes, status: int) -> None:
    with answering(body, status) as url:
        assert await public_address(url) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "http://[broken"])
async def test_out_of_reach_is_no_address(url: str) -> None:
    assert await public_address(url) is None


@pytest.mark.asyncio
async def test_a_silent_service_does_not_hold_a_launch_up(world: World) -> None:
    """A listener that never answers: the backlog takes the connection."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert await public_address(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.2) is None
