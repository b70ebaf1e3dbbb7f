"""Commands in a container of the demo: a few that people try first, in a shell that is hardly one."""

from __future__ import annotations

import asyncio
import shlex
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aicompute_tui.demo.lab.box import Box, base_name
from aicompute_tui.demo.lab.engine import GPUS
from aicompute_tui.demo.lab.exchange import Exchange

_NOT_FOUND, _INTERRUPTED = 127, 130
_SHELLS = frozenset({"sh", "bash", "ash"})
_PULL_SECONDS = 3.0
_FOLDERS = {
    "/": "bin  dev  etc  home  lib  proc  root  run  sys  tmp  usr  var",
    "/root": "",
    "/tmp": "",  # noqa: S108 - told, not used
    "/etc": "group  hostname  hosts  os-release  passwd  resolv.conf",
}
_HELP = "a stand-in of the demo: ls pwd cd cat echo env ps uname date hostname whoami nvidia-smi ollama exit"
_ESCAPE, _BACKSPACES, _ENTERS = 0x1B, {0x08, 0x7F}, {0x0A, 0x0D}
_CTRL_C, _CTRL_D, _CTRL_L, _CTRL_U = 0x03, 0x04, 0x0C, 0x15


@dataclass(slots=True)
class Exec:
    """One command that was asked for, and how it stands."""

    id: str
    box: Box
    words: list[str]
    has_terminal: bool
    is_running: bool = False
    exit_code: int | None = None
    folder: str = "/"
    line: bytearray = field(default_factory=bytearray)
    in_escape: bool = False

    @property
    def is_shell(self) -> bool:
        """One that waits for what is typed."""
        name = self.words[0].rpartition("/")[2] if self.words else ""
        rest = self.words[1:]
        return name in _SHELLS and ("-c" not in rest or rest[-1].endswith("exec sh"))


async def carry_out(run: Exec, exchange: Exchange) -> None:
    """To its end, on a connection that was given over."""
    run.is_running = True
    try:
        if run.is_shell and run.has_terminal:
            await _talk(run, exchange)
        else:
            async for stream, text in _output(run, _plain_words(run)):
                await exchange.say(_framed(run, stream, text))
    finally:
        run.is_running = False
        run.exit_code = run.exit_code or 0


def _plain_words(run: Exec) -> list[str]:
    """Those inside `sh -c`."""
    name = run.words[0].rpartition("/")[2] if run.words else ""
    if name in _SHELLS:
        return _split(run.words[run.words.index("-c") + 1]) if "-c" in run.words[:-1] else ["true"]
    return run.words


def _framed(run: Exec, stream: int, text: str) -> bytes:
    data = text.encode()
    if run.has_terminal:
        return data.replace(b"\n", b"\r\n")
    return struct.pack(">BxxxI", stream, len(data)) + data


async def _talk(run: Exec, exchange: Exchange) -> None:
    await exchange.say(_prompt(run))
    while run.is_running and (data := await exchange.reader.read(4096)):
        for byte in data:
            await _typed(run, exchange, byte)
            if not run.is_running:
                return


async def _typed(run: Exec, exchange: Exchange, byte: int) -> None:
    if run.in_escape:
        run.in_escape = not (0x40 <= byte <= 0x7E and byte not in b"[O")
    elif byte == _ESCAPE:
        run.in_escape = True
    elif byte in _ENTERS:
        await exchange.say(b"\r\n")
        await _entered(run, exchange)
    elif byte in _BACKSPACES:
        if run.line:
            run.line.pop()
            await exchange.say(b"\b \b")
    elif byte == _CTRL_D and not run.line:
        await exchange.say(b"exit\r\n")
        run.is_running = False
    elif byte in {_CTRL_C, _CTRL_U, _CTRL_L}:
        run.line.clear()
        await exchange.say({_CTRL_C: b"^C\r\n", _CTRL_L: b"\x1b[H\x1b[2J"}.get(byte, b"\r\x1b[K") + _prompt(run))
    elif byte >= 0x20:
        run.line.append(byte)
        await exchange.say(bytes([byte]))


async def _entered(run: Exec, exchange: Exchange) -> None:
    line = run.line.decode(errors="replace")
    run.line.clear()
    words = _split(line)
    if words and words[0] in {"exit", "logout"}:
        run.exit_code = int(words[1]) if words[1:] and words[1].isdecimal() else 0
        run.is_running = False
        return
    if words:
        async for _, text in _output(run, words):
            await exchange.say(text.encode().replace(b"\n", b"\r\n"))
    await exchange.say(_prompt(run))


def _prompt(run: Exec) -> bytes:
    return f"root@{run.box.id[:12]}:{run.folder}# ".encode()


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


async def _output(run: Exec, words: Sequence[str]) -> AsyncIterator[tuple[int, str]]:
    """What a command prints, with 1 or 2 for where; its exit code is the run's afterwards."""
    run.exit_code = 0
    name, rest = words[0].rpartition("/")[2], list(words[1:])
    if name == "ollama" and base_name(run.box.image) == "ollama":
        async for text in _ollama(run, rest):
            yield 2 if run.exit_code else 1, text
        return
    if name == "sleep" and rest:
        await asyncio.sleep(min(600.0, float(rest[0]) if rest[0].replace(".", "", 1).isdecimal() else 0.0))
        return
    said = _COMMANDS[name](run, rest) if name in _COMMANDS else _plain(name, run, rest)
    if said is None:
        run.exit_code = _NOT_FOUND
        missing = f'exec: "{words[0]}": executable file not found in $PATH'
        yield (
            (2, f"sh: {words[0]}: not found\n")
            if run.is_shell
            else (1, f"OCI runtime exec failed: {missing}: unknown\n")
        )
    elif said:
        yield 1, f"{said}\n"


async def _ollama(run: Exec, rest: Sequence[str]) -> AsyncIterator[str]:
    verb = rest[0] if rest else "help"
    if verb == "pull" and rest[1:]:
        yield "pulling manifest\n"
        await asyncio.sleep(_PULL_SECONDS)
        if "nope" in rest[1]:
            run.exit_code = 1
            yield "Error: pull model manifest: file does not exist\n"
            return
        if rest[1] not in run.box.models:
            run.box.models.append(rest[1])
        yield "verifying sha256 digest\nwriting manifest\nsuccess\n"
    elif verb in {"list", "ls"}:
        rows = [f"{name:<24}{run.box.id[:12]:<16}4.9 GB    2 days ago" for name in run.box.models]
        yield "\n".join([f"{'NAME':<24}{'ID':<16}SIZE      MODIFIED", *rows]) + "\n"
    elif verb == "ps":
        yield f"{'NAME':<24}{'ID':<16}SIZE      PROCESSOR    UNTIL\n"
    else:
        yield "Usage: ollama [serve|pull|list|ps]\n"


def _gpus(run: Exec) -> list[tuple[int, str]]:
    ids = run.box.gpu_ids
    return [(place, name) for place, name in enumerate(GPUS) if "all" in ids or str(place) in ids]


def _nvidia_smi(run: Exec, rest: Sequence[str]) -> str | None:
    """None where the container was given no GPU, and so has no such program."""
    found = _gpus(run)
    if not found:
        return None
    if "-L" in rest:
        return "\n".join(f"GPU {place}: {name} (UUID: GPU-{place}f1c92aa-5d30-4be7-8f4e-demo)" for place, name in found)
    query = next((word.partition("=")[2] for word in rest if word.startswith("--query-gpu=")), "index,name")
    return "\n".join(", ".join(_asked(name, place, title, run) for name in query.split(",")) for place, title in found)


def _asked(name: str, place: int, title: str, run: Exec) -> str:
    busy = min(98.0, run.box.cpu_percent / 3)
    known = {
        "index": str(place),
        "name": title,
        "utilization.gpu": f"{busy:.0f}",
        "memory.used": "19114",
        "memory.total": "24564",
        "temperature.gpu": str(52 + 3 * place),
        "power.draw": "212.40",
        "uuid": f"GPU-{place}f1c92aa-5d30-4be7-8f4e-demo",
    }
    return known.get(name.strip(), "[N/A]")


def _ls(run: Exec, rest: Sequence[str]) -> str:
    place = next((word for word in rest if not word.startswith("-")), run.folder)
    return _FOLDERS.get(place.rstrip("/") or "/", "")


def _cd(run: Exec, rest: Sequence[str]) -> str:
    place = rest[0] if rest else "/root"
    if place == "..":
        run.folder = run.folder.rpartition("/")[0] or "/"
    else:
        run.folder = place if place.startswith("/") else f"{run.folder.rstrip('/')}/{place}"
    return ""


def _cat(run: Exec, rest: Sequence[str]) -> str:
    files = {"/etc/hostname": run.box.id[:12], "/etc/os-release": 'PRETTY_NAME="Ubuntu 24.04.3 LTS"\nID=ubuntu'}
    return "\n".join(files.get(each, f"cat: {each}: No such file or directory") for each in rest)


def _env(run: Exec, rest: Sequence[str]) -> str:  # noqa: ARG001
    own = [str(each) for each in run.box.request.get("Env") or []]
    return "\n".join(["PATH=/usr/local/bin:/usr/bin:/bin", f"HOSTNAME={run.box.id[:12]}", *own, "HOME=/root"])


def _ps(run: Exec, rest: Sequence[str]) -> str:  # noqa: ARG001
    began = datetime.fromtimestamp(run.box.began or time.time(), UTC)
    words = " ".join(str(word) for word in run.box.request.get("Cmd") or [])
    main = f"{base_name(run.box.image)} {words}".strip()
    rows = [f"    1 root     {began:%H:%M} {main}", f"   84 root     {datetime.now(UTC):%H:%M} sh"]
    return "\n".join(["  PID USER     STIME COMMAND", *rows])


def _plain(name: str, run: Exec, rest: Sequence[str]) -> str | None:
    """Commands of one line; None for one there is not."""
    short = run.box.id[:12]
    known = {
        "true": "",
        "clear": "\x1b[H\x1b[2J",
        "pwd": run.folder,
        "echo": " ".join(rest),
        "whoami": "root",
        "id": "uid=0(root) gid=0(root) groups=0(root)",
        "hostname": short,
        "uname": f"Linux {short} 6.8.0-87-generic x86_64 GNU/Linux" if rest else "Linux",
        "date": f"{datetime.now(UTC):%a %b %e %H:%M:%S UTC %Y}",
        "help": _HELP,
    }
    return known.get(name)


_COMMANDS: dict[str, Callable[[Exec, Sequence[str]], str | None]] = {
    "nvidia-smi": _nvidia_smi,
    "ls": _ls,
    "cd": _cd,
    "cat": _cat,
    "env": _env,
    "ps": _ps,
}
