"""Starts the demo's container host: `python -m aicompute_tui.demo.lab --port N --silent-port N --began SECONDS`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading

from aicompute_tui.demo.lab import hub, provider
from aicompute_tui.demo.lab.endpoint import Endpoints
from aicompute_tui.demo.lab.engine import Lab
from aicompute_tui.demo.lab.model_servers import listen
from aicompute_tui.demo.lab.routes import Door
from aicompute_tui.demo.lab.seeds import LAB, boxes

_LOOPBACK = "127.0.0.1"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aicompute_tui.demo.lab", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where the engine answers on loopback")
    parser.add_argument("--provider-port", type=int, default=0, help="where prompts are answered, 0 for nowhere")
    parser.add_argument("--hub-port", type=int, default=0, help="where the hub of models answers, 0 for nowhere")
    parser.add_argument("--silent-port", type=int, required=True, help="kept so that nobody answers there")
    parser.add_argument(
        "--began", type=float, required=True, help="seconds since 1970 at which the containers stand so"
    )
    parser.add_argument("--server-port", type=int, action="append", default=[], help="where a model server answers")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


async def _serve(arguments: argparse.Namespace) -> None:
    lab = Lab(LAB, boxes(LAB, arguments.began), Endpoints())
    lab.leave_over()
    server = await asyncio.start_server(Door(lab).take, _LOOPBACK, arguments.port)
    if arguments.provider_port:
        await provider.listen(arguments.provider_port)
    if arguments.hub_port:
        await hub.listen(arguments.hub_port)
    servers = await listen(arguments.server_port, arguments.began) if arguments.server_port else []
    async with server, contextlib.AsyncExitStack() as stack:
        for each in servers:
            await stack.enter_async_context(each)
        await server.serve_forever()


def main() -> int:
    arguments = _arguments()
    if arguments.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    with socket.socket() as silent:
        with contextlib.suppress(OSError):
            silent.bind((_LOOPBACK, arguments.silent_port))
        asyncio.run(_serve(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
