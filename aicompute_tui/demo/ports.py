"""Ports of loopback that nobody listens at."""

from __future__ import annotations

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """All different. They are free now; whoever takes one elsewhere in the meantime has it."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
