"""Small servers on loopback that answer prompts in each documented wire format, and have its bad days."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.contract.certificates import Certificates

KEY = "sk-plantedPLANTEDplanted0123456789"


class Reply(NamedTuple):
    """`parts` are sent one by one; `is_cut` ends the connection in the middle of the chunked body."""

    status: int = 200
    parts: tuple[bytes, ...] = ()
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    is_cut: bool = False
    stalls: bool = False
    """Says nothing after the first part until the test ends."""


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class LlmServer:
    """Answers each path as it was told to; anything else is a 404."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        self.scheme = "http" if certificates is None else "https"
        self.replies: dict[str, Reply] = {}
        self.asked: list[Asked] = []
        self.ended = threading.Event()
        self.client_left = threading.Event()
        self.server = _Server(("127.0.0.1", 0), partial(_Handler, self))
        if certificates is not None:
            secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            secure.load_cert_chain(certificates.server, certificates.server_key)
            self.server.socket = secure.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    def json(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        self.replies[path] = Reply(status, (json.dumps(body).encode(),), (("Content-Type", "application/json"), *given))

    def stream(self, path: str, *parts: bytes, is_cut: bool = False, stalls: bool = False) -> None:
        self.replies[path] = Reply(200, parts, (("Content-Type", "text/event-stream"),), is_cut, stalls)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, world: LlmServer, *args: Any) -> None:
        self.world = world
        super().__init__(*args)

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.world.asked.append(Asked(self.command, self.path, headers, body))
        reply = self.world.replies.get(self.path.partition("?")[0], Reply(404, (b'{"detail":"Not Found"}',)))
        self.send_response(reply.status)
        for name, value in (*reply.headers, ("Transfer-Encoding", "chunked"), ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        for part in reply.parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.flush()
            if reply.stalls:
                self._stall()
                return
        if not reply.is_cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def _stall(self) -> None:
        self.connection.settimeout(30)
        if self.connection.recv(1) == b"":
            self.world.client_left.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Says nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is no news."""


@contextmanager
def llm_server(certificates: Certificates | None = None) -> Iterator[LlmServer]:
    made = LlmServer(certificates)
    try:
        yield made
    finally:
        made.close()


def event(payload: Any, name: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def openai_piece(text: str | None = None, reason: str | None = None, usage: Any = None) -> bytes:
    """A chunk of a chat completion; with usage the last one, which has no choice."""
    delta = {} if text is None else {"content": text}
    choices = [] if usage else [{"index": 0, "delta": delta, "finish_reason": reason}]
    return event({"object": "chat.completion.chunk", "model": "tiny-2026", "choices": choices, "usage": usage})


OPENAI_USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 9,
    "total_tokens": 21,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 5},
}
DONE = b"data: [DONE]\n\n"


def openai_answer(server: LlmServer, path: str = "/v1/chat/completions") -> None:
    """With a comment and a first chunk without choices, as some providers send them."""
    server.stream(
        path,
        b": PROCESSING\n\n",
        event({"model": "tiny-2026", "choices": [], "usage": None}),
        openai_piece("Grüße,\u2028"),
        openai_piece(" you", "stop"),
        openai_piece(usage=OPENAI_USAGE),
        DONE,
    )


def anthropic_answer(server: LlmServer) -> None:
    """Usage comes twice, the second time as the whole."""
    server.stream(
        "/v1/messages",
        event(
            {
                "type": "message_start",
                "message": {
                    "model": "claude-x",
                    "usage": {
                        "input_tokens": 5,
                        "output_tokens": 1,
                        "cache_read_input_tokens": 100,
                        "cache_creation_input_tokens": 20,
                    },
                },
            },
            "message_start",
        ),
        event({"type": "ping"}, "ping"),
        event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}}, "content_block_delta"),
        event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo"}}, "content_block_delta"),
        event(
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 8}},
            "message_delta",
        ),
        event({"type": "message_stop"}, "message_stop"),
    )


def gemini_answer(server: LlmServer, model: str) -> None:
    """Usage with every piece; the last has an end and no parts."""
    counts = {"promptTokenCount": 7, "thoughtsTokenCount": 30, "cachedContentTokenCount": 2}
    server.stream(
        f"/v1beta/models/{model}:streamGenerateContent",
        event(
            {
                "candidates": [{"content": {"parts": [{"text": "thinking", "thought": True}, {"text": "Hi"}]}}],
                "usageMetadata": {**counts, "candidatesTokenCount": 1},
                "modelVersion": "gemini-x",
            }
        ),
        event(
            {
                "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
                "usageMetadata": {**counts, "candidatesTokenCount": 3},
            }
        ),
    )


def ollama_answer(server: LlmServer) -> None:
    lines = (
        {"model": "qwen:4b", "message": {"content": "Hal"}, "done": False},
        {"model": "qwen:4b", "message": {"content": "lo"}, "done": False},
        {
            "model": "qwen:4b",
            "message": {"content": ""},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 11,
            "eval_count": 2,
        },
    )
    server.stream("/api/chat", *(json.dumps(line).encode() + b"\n" for line in lines))
