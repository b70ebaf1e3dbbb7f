"""Starts the machines: `python -m aicompute_tui.demo.nodes --home DIR --world-port-file FILE --port N`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from aicompute_tui.demo.nodes.setting_up import WHOLE_SECONDS
from aicompute_tui.settings.places import Places, places_from

_WORLD_SECONDS = 60.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aicompute_tui.demo.nodes", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the state home whose key is let in")
    parser.add_argument("--world-port-file", type=Path, required=True, help="where the world's port stands")
    parser.add_argument("--port", type=int, required=True, help="port of ssh at every machine's address")
    parser.add_argument("--set-up-seconds", type=float, default=WHOLE_SECONDS, help="of a whole set-up")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def _world_port(file: Path) -> int:
    """Waits for the world. Raises TimeoutError where it never answers."""
    deadline = time.monotonic() + _WORLD_SECONDS
    while not file.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{file} does not appear")
        time.sleep(0.05)
    return int(file.read_text(encoding="ascii"))


def _keep(arguments: argparse.Namespace, places: Places) -> None:
    world_port = _world_port(arguments.world_port_file)
    from aicompute_tui.demo.nodes.facts import Roster
    from aicompute_tui.demo.nodes.keeping import Keeper
    from aicompute_tui.services.own_key import own_public_key

    places.ensure()
    own_public_key(places)
    roster = Roster(world_port, places.database_file)
    public_key = places.ssh_key.with_name(f"{places.ssh_key.name}.pub")
    asyncio.run(Keeper(roster, arguments.port, public_key, arguments.set_up_seconds).run())


def main() -> int:
    arguments = _arguments()
    logging.disable(logging.CRITICAL)
    if arguments.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    _keep(arguments, places_from({"AIC_TUI_HOME": str(arguments.home)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
