"""Starts the world: `python -m aicompute_tui.demo.world --port 0 --port-file FILE`."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

from aicompute_tui.demo.fleet import nobodys_fleet
from aicompute_tui.demo.world.images import moto_images


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aicompute_tui.demo.world", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1, 0 for any free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once the world answers")
    parser.add_argument("--boot-seconds", type=float, default=0.0, help="time from launch to running")
    parser.add_argument("--seed-machines", action="store_true", help="begin with a few machines")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input ends")
    return parser.parse_args()


def _prepare_moto() -> None:
    """Moto reads its list of images when it is imported, from a file."""
    descriptor, name = tempfile.mkstemp(suffix=".json")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(moto_images(), file)
    os.environ["MOTO_AMIS_PATH"] = name
    try:
        import moto.ec2.models  # noqa: F401
    finally:
        Path(name).unlink()


def _end_with_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main() -> int:
    arguments = _arguments()
    logging.disable(logging.CRITICAL)
    if arguments.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    _prepare_moto()
    from aicompute_tui.demo.world.control import Control
    from aicompute_tui.demo.world.seeding import plant
    from aicompute_tui.demo.world.server import Application, World, listen

    world = World(boot_seconds=arguments.boot_seconds)
    application = Application(world, Control(world))
    if arguments.seed_machines:
        for seed in nobodys_fleet(datetime.now(UTC)):
            plant(world, seed)
    server = listen(application, arguments.port)
    if arguments.port_file is not None:
        partial = arguments.port_file.with_suffix(".partial")
        partial.write_text(f"{server.server_port}\n", encoding="ascii")
        partial.replace(arguments.port_file)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
