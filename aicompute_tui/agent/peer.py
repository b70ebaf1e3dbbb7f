"""Who is at the other end of a socket, and whether the folder it lies in is ours alone."""

from __future__ import annotations

import os
import socket
import stat
import struct
from pathlib import Path

from aicompute_tui.domain.errors import NotConfigured, Refused

_CREDENTIALS = struct.Struct("3i")


def peer_uid(connection: socket.socket) -> int | None:
    """The user id of the process at the other end, None where the system cannot say."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(raw)[1])


def is_ours(connection: socket.socket) -> bool:
    """Where the system cannot say, the private folder is what keeps others out."""
    return peer_uid(connection) in {None, os.getuid()}


def check_private(folder: Path) -> None:
    """Raises Refused where others could put a socket of their own there, NotConfigured where there is no folder."""
    try:
        found = folder.lstat()
    except OSError as error:
        raise NotConfigured(
            f"{folder} cannot be used: {error.strerror}.", "Set AIC_TUI_HOME to a folder of yours."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Refused(
            f"{folder} is not a folder of yours.", "Remove it, or set TMPDIR or AIC_TUI_HOME to another place."
        )
    if found.st_mode & 0o022:
        raise Refused(f"Others may write to {folder}.", f"Take their right away: chmod 700 {folder}")
