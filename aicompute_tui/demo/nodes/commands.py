"""What a command sent to a machine of the demo answers: the product's own commands, and a few that people type."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aicompute_tui.demo.nodes.box import Box
from aicompute_tui.demo.nodes.gpus import asked_fields
from aicompute_tui.demo.nodes.journal import Entry, Journal
from aicompute_tui.demo.nodes.setting_up import model_gib
from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.moments import parse_moment

FILES = {
    "/var/log/aic-tui/setup.log": "setup",
    "/var/log/cloud-init-output.log": "cloud-init",
}
_SECRETS = "/etc/aic-tui/secrets.env"
_WATCH = "@aic-tui 1"
_HALF_A_MICROSECOND = 5e-7
_WORDS_THAT_LEAD = frozenset({"exec", "sudo", "-n", "command", "nohup", "LC_ALL=C", "--"})


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Lines of one log. `stamped` puts docker's time before each."""

    source: str
    tail: int | None
    since: float | None
    follow: bool
    stamped: bool = False

    async def lines(self, journal: Journal) -> AsyncIterator[list[str]]:
        if not self.follow:
            yield [self._line(entry) for entry in journal.last(self.tail, self.since)]
            return
        async for entries in journal.follow(self.tail, self.since):
            yield [self._line(entry) for entry in entries]

    def _line(self, entry: Entry) -> str:
        return f"{_docker_time(entry.at)} {entry.text}" if self.stamped else entry.text


def is_watch(command: str) -> bool:
    return _WATCH in command


def is_secrets(command: str) -> bool:
    return _SECRETS in command and not command.startswith("cat ")


def watch_interval(command: str) -> float | None:
    """Seconds between two rounds, None for a single one."""
    found = re.search(r"\bsleep ['\"]?([0-9.]+)", command)
    return float(found[1]) if found else None


def watch_round(box: Box, now: float) -> str:
    """One answer of the watch."""
    gpus = box.gpus.lines()
    lines = [f"{_WATCH} {int(now)}", "@progress", *box.progress(now), "@activity", *box.activity(now)]
    lines += ["@gpu 0", *gpus] if gpus else ["@gpu 127", "sh: nvidia-smi: not found"]
    return "\n".join((*lines, "@end", ""))


def take_secrets(box: Box, text: str, now: float) -> None:
    """What the machine is given for its model server; nobody ever reads it from there again."""
    given = (line.partition("=") for line in text.splitlines() if "=" in line)
    box.secrets = {name: value for name, _, value in given if value}
    names = ", ".join(sorted(box.secrets)) or "nothing"
    box.log(now, "aic-tui-setup", f"secrets were delivered: {names}")


def unwrapped(command: str) -> str:
    """The command inside `exec /bin/sh -c …`, with which the product sends every one."""
    if not command.startswith("exec /bin/sh -c "):
        return command
    words = shlex.split(command)
    return words[5] if len(words) > 5 else words[3]


def log_request(command: str, now: float) -> LogRequest | None:
    """The log that a typed `command` reads, None where it reads none."""
    for part in re.split(r"\|\||&&|;|\n", command):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        while words and words[0] in _WORDS_THAT_LEAD:
            words = words[1:]
        found = _of_words(words, now)
        if found is not None:
            return found
    return None


def _of_words(words: Sequence[str], now: float) -> LogRequest | None:
    if words[:2] == ["docker", "logs"]:
        return _docker_logs(words[2:], now)
    if words[:1] == ["journalctl"]:
        return _journal(words[1:], now)
    if words[:1] == ["tail"] and any(word in FILES for word in words):
        return _tail(words[1:])
    if words[:1] == ["cat"] and any(word in FILES for word in words):
        return LogRequest(FILES[next(word for word in words if word in FILES)], None, None, follow=False)
    return None


def _options(words: Sequence[str], with_value: str) -> dict[str, str]:
    """Options by name; those in `with_value` take the next word or what follows `=`."""
    wanted = with_value.split()
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, sign, value = word.partition("=")
        if name in wanted:
            found[name] = value if sign else (rest.pop(0) if rest else "")
        elif word[:2] in wanted and len(word) > 2 and not word.startswith("--"):
            found[word[:2]] = word[2:]
        elif word.startswith("-"):
            found[word] = ""
    return found


def _tail(words: Sequence[str]) -> LogRequest:
    options = _options(words, "-n --lines -c --bytes")
    follow = bool({"-f", "-F", "--follow"} & set(options))
    count = options.get("-n", options.get("--lines", "10"))
    source = FILES[next(word for word in words if word in FILES)]
    return LogRequest(source, None if count.startswith("+") else _count(count), None, follow)


def _docker_logs(words: Sequence[str], now: float) -> LogRequest:
    options = _options(words, "-n --tail --since")
    count = options.get("--tail", options.get("-n", "all"))
    since = since_moment(options.get("--since"), now)
    stamped = bool({"-t", "--timestamps"} & set(options))
    follow = bool({"-f", "--follow"} & set(options))
    return LogRequest("framework", None if count == "all" else _count(count), since, follow, stamped)


def _journal(words: Sequence[str], now: float) -> LogRequest:
    options = _options(words, "-n --lines -u --unit -o --output --since -S")
    count = options.get("-n", options.get("--lines", "all"))
    since = since_moment(options.get("--since", options.get("-S")), now)
    follow = bool({"-f", "--follow"} & set(options))
    return LogRequest("node", None if count == "all" else _count(count), since, follow)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else 10


def since_moment(text: str | None, now: float) -> float | None:
    """`90s`, `-90s`, `@1760000000`, `1760000000` or an ISO time as a moment."""
    if not text:
        return None
    moment = parse_moment(text) if "T" in text else None
    if moment is not None:
        return moment.timestamp() - _HALF_A_MICROSECOND
    plain = text.removeprefix("@")
    if re.fullmatch(r"\d{9,11}(\.\d+)?", plain):
        return float(plain)
    try:
        return now - parse_duration(text.removeprefix("-").replace("sec", "s").replace(" ago", ""))
    except InvalidInput:
        return None


def _docker_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def answer(box: Box, words: Sequence[str], now: float) -> tuple[str, int] | None:
    """What a plain command prints, and its exit code; None for a command there is not."""
    known = _PLAIN.get(words[0]) if words else None
    if known is not None:
        return known(box, words[1:], now)
    return None


def _nvidia_smi(box: Box, words: Sequence[str], now: float) -> tuple[str, int]:
    fields = asked_fields(" ".join(words))
    if not box.gpus.readings():
        return "nvidia-smi: command not found\n", 127
    stamp = datetime.fromtimestamp(now, UTC).strftime("%a %b %e %H:%M:%S %Y")
    lines = box.gpus.lines(fields) if fields else box.gpus.table(stamp)
    return "\n".join((*lines, "")), 0


def _docker(box: Box, words: Sequence[str], now: float) -> tuple[str, int]:
    if words[:1] != ["ps"]:
        return "The demo's docker knows: ps, logs\n", 1
    head = f"{'CONTAINER ID':<15}{'IMAGE':<32}{'STATUS':<16}{'PORTS':<32}NAMES\n"
    if box.framework is None or not box.answers(now):
        return head, 0
    ports = f"127.0.0.1:{box.framework.node_port}->{box.framework.container_port}/tcp"
    up = f"Up {int(now - box.booted_at) // 60} minutes"
    return f"{head}{'60e05f210007':<15}{box.framework.image[:30]:<32}{up:<16}{ports:<32}aic-tui-framework\n", 0


def _uptime(box: Box, _: Sequence[str], now: float) -> tuple[str, int]:
    minutes = int(now - box.booted_at) // 60
    load = 0.1 + box.work.running * 0.4
    stamp = datetime.fromtimestamp(now, UTC).strftime("%H:%M:%S")
    return f" {stamp} up {minutes // 60:>2}:{minutes % 60:02},  1 user,  load average: {load:.2f}, 0.40, 0.31\n", 0


def _df(box: Box, _: Sequence[str], now: float) -> tuple[str, int]:
    used = 41 + sum(model_gib(model) for model in box.models_here(now))
    share = round(100 * used / 116)
    return (
        "Filesystem      Size  Used Avail Use% Mounted on\n"
        f"/dev/root       116G  {used:>3.0f}G  {116 - used:>3.0f}G  {share:>2}% /\n"
        "tmpfs           7.8G  1.1M  7.8G   1% /run\n"
    ), 0


def _ls(_: Box, words: Sequence[str], now: float) -> tuple[str, int]:  # noqa: ARG001
    folder = next((word for word in words if not word.startswith("-")), "")
    names = sorted(path.rsplit("/", 1)[1] for path in FILES if path.rsplit("/", 1)[0] == folder.rstrip("/"))
    return "".join(f"{name}\n" for name in names) if folder else "".join(f"{path}\n" for path in FILES), 0


def _constant(text: Callable[[Box], str]) -> Callable[[Box, Sequence[str], float], tuple[str, int]]:
    return lambda box, words, now: (f"{text(box)}\n", 0)  # noqa: ARG005


def _cat(box: Box, words: Sequence[str], now: float) -> tuple[str, int]:
    texts = {"/run/aic-tui/progress": box.progress, "/run/aic-tui/activity": box.activity}
    path = words[0] if words else ""
    if path in texts:
        return "\n".join((*texts[path](now), "")), 0
    return f"cat: {path}: No such file or directory\n", 1


HELP = "help, ls, cat, tail, journalctl, nvidia-smi, docker ps, docker logs, uptime, df -h, hostname, whoami, exit"
_PLAIN: dict[str, Callable[[Box, Sequence[str], float], tuple[str, int]]] = {
    "nvidia-smi": _nvidia_smi,
    "docker": _docker,
    "uptime": _uptime,
    "df": _df,
    "ls": _ls,
    "cat": _cat,
    "hostname": _constant(lambda box: box.facts.name),
    "whoami": _constant(lambda box: "ubuntu"),  # noqa: ARG005
    "true": lambda box, words, now: ("", 0),  # noqa: ARG005
    "help": _constant(lambda box: f"This is the demo's machine; its shell knows: {HELP}"),  # noqa: ARG005
}
