"""The four logs of a machine over ssh: how each is read there, and what is said where there is none yet."""

from __future__ import annotations

import shlex
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import BadAnswer, InvalidInput
from aicompute_tui.domain.framework import CONTAINER_NAME
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.log_pipeline import Opening, ReadSoFar, follow_source
from aicompute_tui.ssh.base import NodeAddress, Nodes
from aicompute_tui.ssh.guard import GUARD

MOST_TAIL = 1_000_000
FILES = {"cloud-init": "/var/log/cloud-init-output.log", "setup": "/var/log/aic-tui/setup.log"}
SOURCES = (*FILES, "framework", "node")
DATED = frozenset({"framework", "node"})
"""Sources that can be read from a moment on."""

_SAY = """say() { printf '%s%s\\n' "$token" "$*"; }
as_root() { exec sudo -n /bin/sh -c "$guard" aic-tui "$1" <&3; }
"""

_FILE = """
told=
until [ -e "$file" ]; do
    [ -n "$told" ] || say "note $file is not there yet."
    told=1
    [ -n "$follow" ] || exit 0
    sleep 1
done
if ! [ -r "$file" ]; then
    [ "$(id -u)" -ne 0 ] && sudo -n true 2>/dev/null && as_root "$self"
    say "stop $file may not be read by this login."
    exit 0
fi
found=$(stat -L -c '%i %s' -- "$file") || exit 1
size=${found#* } start=0 state=first
if [ -z "$inode" ]; then
    if [ -n "$told" ]; then :
    elif [ "$lines" -eq 0 ]; then start=$size
    else
        bytes=$(tail -n "$lines" -- "$file" | wc -c)
        now=$(stat -L -c %s -- "$file")
        # It grew in between: counted again on what stood there first.
        [ "$now" = "$size" ] || bytes=$(head -c "$size" -- "$file" | tail -n "$lines" | wc -c)
        start=$((size - bytes))
    fi
elif [ "$inode" != "${found% *}" ]; then state=rotated
elif [ "$size" -lt "$offset" ]; then state=truncated
else state=same start=$offset
fi
inode=${found% *}
say "file $inode $start $state"
if [ -z "$follow" ]; then
    tail -c "+$((start + 1))" -- "$file" | head -c "$((size - start))"
    exit 0
fi
tail -c "+$((start + 1))" -f -- "$file" 3<&- &
reader=$!
while sleep 2 && kill -0 "$reader" 2>/dev/null; do
    now=$(stat -L -c '%i %s' -- "$file" 2>/dev/null) || break
    [ "${now% *}" = "$inode" ] && [ "${now#* }" -ge "$size" ] || break
    size=${now#* }
done
kill "$reader" 2>/dev/null
exit 0
"""
"""Ends when another file stands in its place or it became shorter; it is opened again then."""

_FRAMEWORK = """
hold() {
    [ "$told" = "$*" ] || say "note $*"
    told=$*
    [ -n "$follow" ] || exit 0
    sleep 2
}
say log
told=
while :; do
    if ! command -v docker >/dev/null 2>&1; then hold "Docker is not installed yet."; continue; fi
    state=$(docker inspect --type container -f '{{.State.Status}}' "$container" 2>&1)
    case $state in
        created) hold "The container was made and has not started yet."; continue ;;
        running|restarting|paused|exited|dead|removing) ;;
        *[Nn]o\\ such*) hold "There is no container $container yet."; continue ;;
        *[Pp]ermission\\ denied*)
            [ "$(id -u)" -ne 0 ] && sudo -n true 2>/dev/null && as_root "$self"
            say "stop Docker may not be used by this login."
            exit 0 ;;
        *) hold "Docker does not answer yet: $(printf %s "$state" | tail -n 1 | cut -c 1-200)"; continue ;;
    esac
    if [ "$state" = exited ] && [ -n "$ended" ]; then sleep 2; continue; fi
    told=
    set -- --timestamps --tail "$lines"
    [ -z "$since" ] || set -- "$@" --since "$since"
    [ -z "$follow" ] || set -- "$@" --follow
    docker logs "$@" "$container" 2>&1
    [ -n "$follow" ] || exit 0
    ended=1 lines=all since=$(date +%s)
    say "note The container ended; what it prints when it starts again follows here."
    sleep 2
done
"""

_NODE = """
if ! command -v journalctl >/dev/null 2>&1; then say "stop This machine keeps no journal."; exit 0; fi
if [ "$(id -u)" -ne 0 ] && ! id -nG | grep -qwE 'adm|systemd-journal|wheel'; then
    sudo -n true 2>/dev/null && as_root "$self"
    say "note Without membership in the group adm this login sees only a part of the journal."
fi
say log
set -- -q --no-pager -o short-iso -u 'aic-tui-*' -n "$lines"
[ -z "$since" ] || set -- "$@" --since "$since"
[ -z "$follow" ] || set -- "$@" -f
exec journalctl "$@" 3<&-
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLog:
    """Which log of a machine, and how much of it."""

    source: str
    tail: int = 200
    since_seconds: int | None = None
    follow: bool = False

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise InvalidInput(f"There is no log “{self.source}”.", f"Give one of {', '.join(SOURCES)}.")
        if not 0 <= self.tail <= MOST_TAIL:
            raise InvalidInput(f"A tail of {self.tail} lines is out of range.", f"Give 0 to {MOST_TAIL:,}.")
        if self.since_seconds is not None and self.source not in DATED:
            raise InvalidInput(f"The log of {self.source} carries no times to search by.", "Leave --since out.")


async def node_log_items(
    nodes: Nodes, find_address: Callable[[], Awaitable[NodeAddress]], log: NodeLog, *, clock: Clock
) -> AsyncGenerator[JsonObject]:
    """`find_address` is asked at each opening, for a machine may come back elsewhere; what it raises ends this."""

    @asynccontextmanager
    async def open_log(opening: Opening) -> AsyncIterator[AsyncIterator[bytes]]:
        async with nodes.open(await find_address(), log_command(log, opening)) as running:

            async def chunks() -> AsyncGenerator[bytes]:
                async for chunk in running.chunks():
                    yield chunk
                if running.exit_code:
                    raise BadAnswer(
                        f"The log of {log.source} could not be read (exit code {running.exit_code}).",
                        "Read the details, or open a shell on the machine.",
                        running.stderr_tail,
                    )

            yield chunks()

    items = follow_source(open_log, clock=clock, follow=log.follow)
    try:
        async for item in items:
            yield item
    finally:
        await items.aclose()


def log_command(log: NodeLog, opening: Opening) -> str:
    """POSIX sh that writes the log to its standard output, by the rules of `Opening`."""
    read = opening.read or ReadSoFar()
    words: dict[str, str | int] = {"token": opening.token, "follow": "1" if log.follow else "", "guard": GUARD}
    if log.source in FILES:
        words |= {"file": FILES[log.source], "lines": log.tail, "inode": read.inode, "offset": read.offset}
        return _script(words, _FILE)
    lines, since = _dated_start(log, read)
    body = _FRAMEWORK if log.source == "framework" else _NODE
    return _script({**words, "lines": lines, "since": since, "container": CONTAINER_NAME, "ended": ""}, body)


def _dated_start(log: NodeLog, read: ReadSoFar) -> tuple[str, str]:
    """How many lines, and from which moment on."""
    if read.stamp and log.source == "framework":
        return "all", read.stamp
    if read.stamp:
        return "all", f"@{int(_epoch(read.stamp))}"
    if log.since_seconds is None:
        return str(log.tail), ""
    return str(log.tail), f"{log.since_seconds}s" if log.source == "framework" else f"-{log.since_seconds}s"


def _epoch(stamp: str) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return 0.0


def _script(words: dict[str, str | int], body: str) -> str:
    """The script knows itself as `$self`, so that it can be begun again with other rights."""
    settings = "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in words.items())
    whole = f"{settings}\n{_SAY}{body}"
    return f"self={shlex.quote(whole)}\nexport self\n{whole}"
