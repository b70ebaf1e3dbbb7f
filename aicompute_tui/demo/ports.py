"""Ports and addresses of loopback that can be listened at."""

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


def has_many_addresses() -> bool:
    """Whether all of 127.0.0.0/8 is this computer, as on Linux; elsewhere it is one address alone."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.1.1", 0))
        except OSError:
            return False
    return True
