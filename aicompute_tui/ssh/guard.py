"""How commands are sent: always to a POSIX shell, and so that a followed one ends with its channel."""

from __future__ import annotations

import shlex

GUARD = """exec 3<&0
(while read -r _; do :; done; kill -TERM 0) <&3 >/dev/null 2>&1 &
guard=$!
/bin/sh -c "$1" </dev/null
code=$?
kill "$guard" 2>/dev/null
exit "$code"
"""
"""Its standard input ends when the channel or the connection does; then the whole process group is ended.

sshd itself ends nothing that has no terminal: a `tail -f` of a quiet file would stay for ever.
Descriptor 3 is left open for the command, so that a part of it with other rights (sudo) can guard itself likewise.
"""


def plain(command: str) -> str:
    """Whatever the login shell is."""
    return f"exec /bin/sh -c {shlex.quote(command)}"


def guarded(command: str) -> str:
    """`command` gets no standard input, and no process of it outlives the channel."""
    return f"exec /bin/sh -c {shlex.quote(GUARD)} aic-tui {shlex.quote(command)}"
