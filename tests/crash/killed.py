"""Runs one command of the product with the points watched, and dies or freezes at one of them where asked."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from tests import entry
from tests.crash.points import install


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("clock", type=Path)
    parser.add_argument("points", type=Path)
    parser.add_argument("--kill-at")
    parser.add_argument("--freeze-at")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    wanted = {options.kill_at: signal.SIGKILL, options.freeze_at: signal.SIGSTOP}
    install(options.points, {point: number for point, number in wanted.items() if point is not None})
    return entry.main([str(options.clock), *(word for word in options.command if word != "--")])


if __name__ == "__main__":
    sys.exit(main())
