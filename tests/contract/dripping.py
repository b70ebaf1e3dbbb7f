"""A server on loopback that sends what it is told byte by byte, or without end, to whoever connects."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

BYTE_SECONDS = 0.1
_WAIT_SECONDS = 10.0


@contextmanager
def dripping(at_once: bytes, then: bytes = b"", *, host: str = "127.0.0.1") -> Iterator[str]:
    """Its address. `at_once` goes out whole, `then` a byte at a time until the asker leaves."""
    with _listening([at_once], then, host) as url:
        yield url


@contextmanager
def pouring(*parts: bytes) -> Iterator[str]:
    """Its address; sends the parts as fast as they are taken."""
    with _listening(parts, b"", "127.0.0.1") as url:
        yield url


@contextmanager
def _listening(parts: Sequence[bytes], slowly: bytes, host: str) -> Iterator[str]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as door:
        door.bind((host, 0))
        door.listen(16)
        ended = threading.Event()
        threading.Thread(target=_serve, args=(door, parts, slowly, ended), daemon=True).start()
        try:
            port = door.getsockname()[1]
            yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        finally:
            ended.set()


def _serve(door: socket.socket, parts: Sequence[bytes], slowly: bytes, ended: threading.Event) -> None:
    door.settimeout(0.1)
    while not ended.is_set():
        try:
            asker, _ = door.accept()
        except TimeoutError:
            continue
        except OSError:
            return
        threading.Thread(target=_answer, args=(asker, parts, slowly, ended), daemon=True).start()


def _answer(asker: socket.socket, parts: Sequence[bytes], slowly: bytes, ended: threading.Event) -> None:
    with asker, suppress(OSError):
        asker.settimeout(_WAIT_SECONDS)
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += asker.recv(65_536)
        for part in parts:
            asker.sendall(part)
        for byte in slowly:
            if ended.wait(BYTE_SECONDS):
                return
            asker.sendall(bytes([byte]))
        if slowly:
            ended.wait(_WAIT_SECONDS)
        else:
            asker.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + _WAIT_SECONDS
            while time.monotonic() < deadline and asker.recv(65_536):
                pass
