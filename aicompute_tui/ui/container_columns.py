"""The columns of the containers table, what a filter finds in them, and which containers stand first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from aicompute_tui.services.container_trouble import WORST_FIRST, trouble
from aicompute_tui.services.host_age import unread_for
from aicompute_tui.store.rows import ContainerRow, HostRow
from aicompute_tui.ui.filter_language import CONTEXT, Value
from aicompute_tui.ui.format import StateLook, sign, span
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.row_records import gpu_text
from aicompute_tui.ui.widgets.columns import Cell, Column

Now = Callable[[], float]
Hosts = Mapping[str, HostRow]
"""Container hosts by id."""
WIDE = 100
"""From this width on every column has its full width and its place."""
FILTER_COLUMNS = (
    "name", "id", "host", "image", "state", "gpu", "port", "project", "restarts", "exit", "up",
)  # fmt: skip
_LOOKS: dict[str, StateLook] = {
    "running": StateLook("●", "*", "good"),
    "healthy": StateLook("●", "*", "good"),
    "starting": StateLook("◐", "%", "warn"),
    "unhealthy": StateLook("⚠", "^", "warn"),
    "restarting": StateLook("◑", "=", "bad"),
    "paused": StateLook("◔", ":", "warn"),
    "created": StateLook("◌", ".", "warn"),
    "exited": StateLook("■", "#", "dim"),
    "oom killed": StateLook("✕", "x", "bad"),
    "removing": StateLook("▿", "y", "warn"),
    "dead": StateLook("✕", "x", "bad"),
}
_UNKNOWN = StateLook("?", "?", "bad")
_FIRST, _LONG_AGO, _ALIVE, _ENDED, _UNSEEN = 0, 9, 10, 20, 30
_DIGEST = "sha256:"
_MOST_TEXTS = 20_000


def container_look(row: ContainerRow, host: HostRow | None, now: float) -> tuple[StateLook, str]:
    """How its state looks, and the word for it: `healthy`, `exited 137`, `unknown` where its host does not answer."""
    if is_unseen(host):
        return _UNKNOWN, "unknown"
    word = row.state
    if row.state == "running" and row.health in ("healthy", "starting", "unhealthy"):
        word = row.health
    elif row.state == "exited" and row.is_out_of_memory:
        word = "oom killed"
    look = _LOOKS.get(word, _UNKNOWN)
    if word == "created" and trouble(row, now) is None:
        look = look._replace(tone="dim")
    return look, f"{word} {row.exit_code}" if word == "exited" and row.exit_code else word


def is_unseen(host: HostRow | None) -> bool:
    """What is told of a container of such a host is what was seen last."""
    return host is not None and host.state == "down"


def host_down(host: HostRow, now: float) -> str:
    """How long: `14m`."""
    since = host.since if host.since is not None else host.read_at
    return "" if since is None else span(now - since)


def trouble_first(rows: Iterable[tuple[str, ContainerRow]], hosts: Hosts, now: float) -> dict[str, ContainerRow]:
    """What needs someone on top, then what runs, what has ended, and last what cannot be seen now."""

    def place(item: tuple[str, ContainerRow]) -> tuple[int, str, str]:
        row = item[1]
        host = hosts.get(row.host_id)
        return _rank(row, host, now), "" if host is None else host.name, row.name

    return dict(sorted(rows, key=place))


def _rank(row: ContainerRow, host: HostRow | None, now: float) -> int:
    if is_unseen(host):
        return _UNSEEN
    found = trouble(row, now)
    if found is not None:
        return _FIRST + WORST_FIRST.index(found.kind)
    if row.is_out_of_memory and not row.is_alive:
        return _LONG_AGO
    return _ALIVE if row.is_alive else _ENDED


def container_columns(glyphs: Glyphs, now: Now, width: int, hosts: Hosts) -> list[Column[ContainerRow]]:
    """At 80 columns the number of restarts waits beyond the edge, where paging sideways brings it."""
    wide = width >= WIDE
    cells = _ContainerCells(glyphs, now, hosts, wide=wide)
    own: list[Column[ContainerRow]] = [
        Column(key="name", title="name", width=13, weight=2, most=30, cell=cells.name, sort=_name, letter="N"),
        Column(key="host", title="host", width=8 if wide else 7, weight=1, most=14, cell=cells.host,
               sort=cells.host_name, letter="H"),
        Column(key="image", title="image", width=16 if wide else 13, weight=5, most=44, cell=cells.image,
               sort=lambda row: image_text(row.image), letter="I"),
        Column(key="state", title="state", width=12, cell=cells.state, sort=cells.state_word, letter="S",
               fields=("state", "health", "exit_code")),
        Column(key="gpu", title="GPU", width=5 if wide else 4, cell=cells.gpu, sort=gpu_text, letter="V",
               fields=("gpus",)),
        Column(key="ports", title="ports", width=13 if wide else 10, cell=cells.ports,
               sort=lambda row: port_text(row.ports), letter="O"),
    ]  # fmt: skip
    up: Column[ContainerRow] = Column(
        key="up", title="up", width=14 if wide else 5, align="right", cell=cells.up, sort=cells.up_seconds,
        letter="U", descending=True, fields=("up_seconds",),
    )  # fmt: skip
    restarts: Column[ContainerRow] = Column(
        key="restarts", title="restarts", width=8, align="right", cell=cells.restarts,
        sort=lambda row: row.restart_count, letter="E", descending=True, fields=("restart_count",),
    )  # fmt: skip
    return [*own, *([restarts, up] if wide else [up, restarts])]


class _ContainerCells:
    """Cells that need the clock, the glyphs or the host."""

    def __init__(self, glyphs: Glyphs, now: Now, hosts: Hosts, *, wide: bool) -> None:
        self._glyphs = glyphs
        self._now = now
        self._hosts = hosts
        self._wide = wide
        self._arrow = "→" if glyphs.unicode else ">"

    def name(self, row: ContainerRow) -> Cell:
        return Cell(row.name, "" if row.is_alive and not self._is_old(row) else "dim")

    def host(self, row: ContainerRow) -> Cell:
        return Cell(self.host_name(row), "dim" if self._is_old(row) else "")

    def host_name(self, row: ContainerRow) -> str:
        host = self._hosts.get(row.host_id)
        return self._glyphs.unknown if host is None else host.name

    def image(self, row: ContainerRow) -> Cell:
        image = image_text(row.image)
        return Cell(image if self._wide else image.rpartition("/")[2], "dim" if self._is_old(row) else "")

    def state(self, row: ContainerRow) -> Cell:
        look, word = container_look(row, self._hosts.get(row.host_id), self._now())
        if self._unseen(row):
            return Cell(word if self._wide else "host down", "dim", sign(look, self._glyphs), look.tone)
        if self._unread(row) is not None:
            return Cell(word if self._wide else "not read", "dim", sign(look, self._glyphs), "dim")
        return Cell(word, look.tone, sign(look, self._glyphs), look.tone)

    def state_word(self, row: ContainerRow) -> str:
        return container_look(row, self._hosts.get(row.host_id), self._now())[1]

    def gpu(self, row: ContainerRow) -> Cell:
        text = None if self._unseen(row) else gpu_text(row)
        return self._known(text)

    def ports(self, row: ContainerRow) -> Cell:
        text = "" if self._unseen(row) or not row.is_alive else port_text(row.ports)
        return self._known(text.replace("→", self._arrow))

    def restarts(self, row: ContainerRow) -> Cell:
        count = row.restart_count
        if count is None:
            return self._known("")
        return Cell(f"{count:,}", "warn" if count and row.state == "restarting" else "dim" if self._unseen(row) else "")

    def up(self, row: ContainerRow) -> Cell:
        """Of a host that does not answer or that nobody reads, for how long."""
        host = self._hosts.get(row.host_id)
        if host is not None and is_unseen(host):
            ago = host_down(host, self._now())
            return Cell(f"host down {ago}".rstrip() if self._wide else ago, "dim")
        unread = self._unread(row)
        if unread is not None:
            return Cell(f"not read {span(unread)}" if self._wide else span(unread), "dim")
        seconds = self.up_seconds(row)
        return self._known("" if seconds is None else span(seconds))

    def up_seconds(self, row: ContainerRow) -> float | None:
        if row.started_at is None or not row.is_alive or self._unseen(row):
            return None
        return self._now() - row.started_at

    def _known(self, text: str | None) -> Cell:
        return Cell(text) if text else Cell(self._glyphs.unknown, "dim")

    def _unseen(self, row: ContainerRow) -> bool:
        return is_unseen(self._hosts.get(row.host_id))

    def _unread(self, row: ContainerRow) -> float | None:
        return unread_for(self._hosts.get(row.host_id), self._now())

    def _is_old(self, row: ContainerRow) -> bool:
        return self._unseen(row) or self._unread(row) is not None


def _name(row: ContainerRow) -> str:
    return row.name.lower()


@lru_cache(maxsize=4_096)
def port_text(ports: str) -> str:
    """The published ones as `11434` or `3000→8080`, those of udp marked; each once, whatever the address."""
    found: dict[str, None] = {}
    for container_port, protocol, _, host_port in json.loads(ports) if ports else ():
        if host_port is not None:
            inside = "" if host_port == container_port else f"→{container_port}"
            found[f"{host_port}{inside}{'' if protocol == 'tcp' else f'/{protocol}'}"] = None
    return " ".join(found)


@lru_cache(maxsize=4_096)
def image_text(image: str) -> str:
    """Without the registry, which rarely tells images apart; one that lost its name by the beginning of its id."""
    if image.startswith(_DIGEST):
        return image.removeprefix(_DIGEST)[:12]
    registry, slash, rest = image.partition("/")
    return rest if slash and ("." in registry or ":" in registry or registry == "localhost") else image


# -- filter


def filter_value(now: Now, hosts: Hosts) -> Callable[[ContainerRow, str], Value]:
    """Times in seconds; `@` narrows by host, its owner and its kind."""

    def of(row: ContainerRow, column: str) -> Value:
        host = hosts.get(row.host_id)
        if column == "up":
            alive = row.is_alive and not is_unseen(host) and row.started_at is not None
            return now() - (row.started_at or 0.0) if alive else None
        if column == "state":
            return _state_words(row, host)
        if column == "host":
            return None if host is None else host.name
        if column == CONTEXT:
            return "" if host is None else f"{host.name} {host.kind} {host.owner}"
        return _PLAIN[column](row)

    return of


def _state_words(row: ContainerRow, host: HostRow | None) -> str:
    """As it is shown, and as the engine calls it."""
    word = container_look(row, host, 0.0)[1]
    if is_unseen(host):
        return f"{word} host down"
    return word if word.startswith(row.state) else f"{word} {row.state}"


_PLAIN: dict[str, Callable[[ContainerRow], Value]] = {
    "name": lambda row: row.name,
    "id": lambda row: row.id,
    "image": lambda row: row.image,
    "gpu": gpu_text,
    "port": lambda row: port_text(row.ports),
    "project": lambda row: row.project,
    "restarts": lambda row: row.restart_count,
    "exit": lambda row: row.exit_code,
}


class SearchedTexts:
    """What a plain word is looked for in; a container's text is made once, for every key looks through all of them."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._held: dict[str, tuple[ContainerRow, HostRow | None, str]] = {}

    def __call__(self, row: ContainerRow) -> str:
        host = self._hosts.get(row.host_id)
        held = self._held.get(row.key)
        if held is None or held[0] is not row or held[1] is not host:
            if len(self._held) >= _MOST_TEXTS:
                self._held.clear()
            held = self._held[row.key] = (row, host, _searched(row, host))
        return held[2]


def _searched(row: ContainerRow, host: HostRow | None) -> str:
    parts = (
        row.name, row.id, row.image, "" if host is None else host.name, _state_words(row, host), port_text(row.ports),
        row.project, row.command,
    )  # fmt: skip
    return "\n".join(part for part in parts if part).lower()
