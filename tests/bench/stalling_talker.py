"""Model servers that answer prompts at length: `python -m tests.bench.stalling_talker` tells ports.

The first talks on, a piece each tenth of a second; the second says a piece each ten seconds; the third never a word.
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial

_MODELS = json.dumps({"object": "list", "data": [{"id": "tiny"}]}).encode()
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def _piece(text: str) -> bytes:
    chunk = {"model": "tiny", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


async def _talk(seconds: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
        if not path.endswith(b"/chat/completions"):
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(_MODELS) + _MODELS)
            await writer.drain()
            return
        writer.write(_HEAD + _piece("it begins "))
        while not writer.is_closing():
            await writer.drain()
            await asyncio.sleep(seconds)
            writer.write(_piece("and goes on "))
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.read(65_536):
            pass
    except OSError:
        pass
    finally:
        writer.close()


async def serve() -> None:
    takers = (partial(_talk, 0.1), partial(_talk, 10.0), _say_nothing)
    servers = [await asyncio.start_server(take, "127.0.0.1", 0) for take in takers]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
