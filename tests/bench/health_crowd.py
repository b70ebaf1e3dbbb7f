"""Model servers by the hundred in one process: `python -m tests.bench.health_crowd ANSWERING STALLING` tells ports."""

from __future__ import annotations

import asyncio
import json
import resource
import sys

_METRICS = b"""vllm:num_requests_running{model_name="tiny"} 2
vllm:num_requests_waiting{model_name="tiny"} 0
vllm:kv_cache_usage_perc{model_name="tiny"} 0.25
vllm:generation_tokens_total{model_name="tiny"} 1000
"""
_MODELS = json.dumps({"object": "list", "data": [{"id": "tiny", "max_model_len": 8192}]}).encode()
_BODIES = {b"/metrics": _METRICS, b"/v1/models": _MODELS, b"/version": b'{"version": "0.33.0"}'}


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
            body = _BODIES.get(path, b"")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says nothing, or a letter now and then."""
    try:
        while not reader.at_eof():
            writer.write(b"H")
            await writer.drain()
            await asyncio.sleep(1.0)
    except OSError:
        pass
    finally:
        writer.close()


async def serve(answering: int, stalling: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    servers = [await asyncio.start_server(_answer, "127.0.0.1", 0) for _ in range(answering)]
    servers += [await asyncio.start_server(_stall, "127.0.0.1", 0) for _ in range(stalling)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
