"""Price feeds at a loopback address, with manners that a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Manner:
    """What a path answers. `cut` bytes of the body are promised and not sent."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0


@dataclass
class FeedServer:
    """`asked` holds the path and the headers of every request, by small names."""

    url: str
    manners: dict[str, Manner] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def conditional(self, path: str) -> list[str]:
        """What each request for a path named as the version it knows."""
        return [headers.get("if-none-match", "") for asked, headers in self.asked if asked == path]


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.asked.append((self.path.strip("/"), headers))
            manner = made.manners.get(self.path.strip("/"), Manner(b"404: Not Found", 404))
            etag = manner.headers.get("ETag")
            if etag and headers.get("if-none-match") == etag:
                self.send_response(304)
                self.send_header("ETag", etag)
                self.end_headers()
                return
            self.send_response(manner.status)
            for name, value in manner.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(manner.body)))
            self.end_headers()
            self.wfile.write(manner.body[: len(manner.body) - manner.cut])
            self.close_connection = bool(manner.cut)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made = FeedServer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
