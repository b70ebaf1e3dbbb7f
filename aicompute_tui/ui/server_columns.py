"""The columns of the model servers' table, what a filter finds in them, and which servers stand first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.store.rows import ServerRow
from aicompute_tui.ui.filter_language import CONTEXT, Known, Value, whole_words
from aicompute_tui.ui.format import StateLook, sign, span
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.state import ConsoleState
from aicompute_tui.ui.widgets.columns import Cell, Column

WIDE = 100
"""From this width on every column has its full width and its place."""
FILTER_COLUMNS = (
    "name", "id", "kind", "state", "version", "model", "tag", "host", "address", "running", "waiting", "cache",
    "speed", "first",
)  # fmt: skip
KIND_TITLES: Mapping[str, str] = {
    "ollama": "Ollama",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "llamacpp": "llama.cpp",
    "llamacpp-router": "llama.cpp router",
    "tgi": "TGI",
    "tei": "TEI",
    "tei-reranker": "TEI reranker",
    "infinity": "Infinity",
    "litellm": "LiteLLM",
    "comfyui": "ComfyUI",
    "openwebui": "Open WebUI",
    "mlflow": "MLflow",
    "http": "HTTP",
}
STATE_LOOKS: Mapping[str, StateLook] = {
    "offline": StateLook("✕", "x", "bad"),
    "degraded": StateLook("⚠", "^", "warn"),
    "unknown": StateLook("?", "?", "warn"),
    "online": StateLook("●", "*", "good"),
    "inactive": StateLook("■", "#", "dim"),
}
"""What needs someone first."""
_WORDS = {"up": "online", "degraded": "degraded", "down": "offline"}
_FIGURES = {
    "running": "requests_running",
    "waiting": "requests_waiting",
    "speed": "tokens_per_second",
    "first": "first_token_seconds",
}
_WITHOUT_MODELS = frozenset({"comfyui", "openwebui", "mlflow", "http"})
"""Kinds that tell of none."""
_PERCENT = 100
_SLOW_TOKENS, _SHORT_WAIT = 10, 10
HostOf = Callable[[ServerRow], str]
"""The name of what a server runs on; empty where it is not known."""
Now = Callable[[], float]
Unchecked = Callable[[ServerRow], float | None]
"""Seconds for which nobody has checked one that was well."""


def kind_title(kind: str) -> str:
    """A kind of a newer program goes by its own word."""
    return KIND_TITLES.get(kind, kind)


def state_word(row: ServerRow) -> str:
    """online, degraded, offline, unknown; inactive where nobody looks at it."""
    return _WORDS.get(row.state, "unknown") if row.is_active else "inactive"


def state_look(word: str) -> StateLook:
    return STATE_LOOKS.get(word) or STATE_LOOKS["unknown"]


@lru_cache(maxsize=4_096)
def models_of(models: str) -> tuple[JsonObject, ...]:
    """The models as the store keeps them; none where it never told."""
    found = json.loads(models) if models else []
    return tuple(each for each in found if isinstance(each, dict))


@lru_cache(maxsize=4_096)
def _figures(figures: str) -> Mapping[str, object]:
    found = json.loads(figures) if figures else {}
    return found if isinstance(found, dict) else {}


def figure(row: ServerRow, name: str) -> float | None:
    """What it said last; of one that does not answer that is no figure of now."""
    value = _figures(row.figures).get(name) if state_word(row) in ("online", "degraded") else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def place_of(state: ConsoleState, row: ServerRow) -> str:
    """`HOST/CONTAINER` or the machine that a server was made with; empty where a person gave its address."""
    kind, _, reference = (row.source or "").partition(":")
    machine = state.instances.get(reference)
    if kind == "instance" and machine is not None:
        return machine.name
    return state.title_of(reference) if kind == "container" else ""


def models_text(row: ServerRow) -> str:
    """The one it has, else how many, and how many of those are loaded: `3, 1 loaded`."""
    found = models_of(row.models)
    if len(found) == 1:
        return str(found[0].get("id") or "")
    loaded = sum(1 for each in found if each.get("state") == "loaded")
    if not found:
        return "" if row.read_at is None or row.kind in _WITHOUT_MODELS else "none"
    return f"{len(found)}" if loaded in (0, len(found)) else f"{len(found)}, {loaded} loaded"


def tokens_text(value: float) -> str:
    return f"{value:,.1f}" if 0 < value < _SLOW_TOKENS else f"{value:,.0f}"


def wait_text(seconds: float) -> str:
    """`0.24 s`, `14 s`"""
    return f"{seconds:.2f} s" if seconds < _SHORT_WAIT else f"{seconds:,.0f} s"


def trouble_first(rows: Iterable[ServerRow]) -> dict[str, ServerRow]:
    """By id: what does not answer on top, then what is not well, what nobody asked yet, and what is."""
    ranks = {word: place for place, word in enumerate(STATE_LOOKS)}
    ordered = sorted(rows, key=lambda row: (ranks[state_word(row)], row.name.lower()))
    return {row.id: row for row in ordered}


def server_columns(
    glyphs: Glyphs, now: Now, width: int, host_of: HostOf, unchecked: Unchecked
) -> list[Column[ServerRow]]:
    """At 80 columns version, address and host wait beyond the edge, where paging sideways brings them."""
    wide = width >= WIDE
    cells = _ServerCells(glyphs, now, host_of, unchecked, wide=wide)
    first: list[Column[ServerRow]] = [
        Column(key="name", title="name", width=14, weight=2, most=28, cell=cells.name,
               sort=lambda row: row.name.lower(), letter="N"),
        Column(key="kind", title="kind", width=12 if wide else 9, cell=cells.kind, letter="D",
               sort=lambda row: kind_title(row.kind).lower()),
        Column(key="state", title="state", width=14 if wide else 10, cell=cells.state, sort=cells.rank, letter="S"),
    ]  # fmt: skip
    version: Column[ServerRow] = Column(
        key="version", title="version", width=7, cell=lambda row: cells.known(row.server_version, row), letter="V",
        sort=lambda row: row.server_version or None, fields=("server_version",),
    )  # fmt: skip
    figures: list[Column[ServerRow]] = [
        Column(key="models", title="models", width=12, weight=3, most=40, cell=cells.models, letter="M",
               sort=lambda row: len(models_of(row.models))),
        Column(key="requests", title="run/wait", width=8, align="right", cell=cells.requests, letter="Q",
               sort=cells.busy, descending=True, fields=("requests_running", "requests_waiting")),
        Column(key="cache", title="KV %", width=4, align="right", cell=cells.cache, letter="C", descending=True,
               sort=lambda row: figure(row, "cache_share"), fields=("cache_share",)),
        Column(key="speed", title="tok/s", width=6, align="right", cell=cells.speed, letter="T", descending=True,
               sort=lambda row: figure(row, "tokens_per_second"), fields=("tokens_per_second",)),
        Column(key="first", title="TTFT", width=6, align="right", cell=cells.first, letter="F", descending=True,
               sort=lambda row: figure(row, "first_token_seconds"), fields=("first_token_seconds",)),
    ]  # fmt: skip
    where: list[Column[ServerRow]] = [
        Column(key="address", title="address", width=15 if wide else 24, weight=2, most=40, letter="A",
               cell=lambda row: cells.known(row.base_url.removeprefix("http://"), row),
               sort=lambda row: row.base_url, fields=("base_url",)),
        Column(key="host", title="host", width=10, weight=1, most=24, letter="H",
               cell=lambda row: cells.known(host_of(row), row), sort=lambda row: host_of(row) or None,
               fields=("source",)),
    ]  # fmt: skip
    return [*first, *([version, *figures] if wide else [*figures, version]), *where]


class _ServerCells:
    """Cells that need the clock, the glyphs or what the server runs on."""

    def __init__(self, glyphs: Glyphs, now: Now, host_of: HostOf, unchecked: Unchecked, *, wide: bool) -> None:
        self._glyphs = glyphs
        self._now = now
        self._host_of = host_of
        self._unchecked = unchecked
        self._wide = wide

    def name(self, row: ServerRow) -> Cell:
        return Cell(row.name, "dim" if not self._is_of_now(row) and state_word(row) != "unknown" else "")

    def kind(self, row: ServerRow) -> Cell:
        return Cell(kind_title(row.kind) if self._wide else kind_title(row.kind).replace("llama.cpp router", "router"))

    def state(self, row: ServerRow) -> Cell:
        word = state_word(row)
        look = state_look(word)
        unchecked = self._unchecked(row)
        if unchecked is not None:
            ago = f"{word} ·{span(unchecked)}" if self._wide else f"{span(unchecked)} ago"
            return Cell(ago, "dim", sign(look, self._glyphs), "dim")
        since = f" {span(self._now() - row.since)}" if word == "offline" and row.since is not None else ""
        return Cell(f"{word}{since if self._wide else ''}", look.tone, sign(look, self._glyphs), look.tone)

    @staticmethod
    def rank(row: ServerRow) -> int:
        return list(STATE_LOOKS).index(state_word(row))

    def models(self, row: ServerRow) -> Cell:
        return self.known(models_text(row), row)

    def requests(self, row: ServerRow) -> Cell:
        """`3/0`; a queue stands out."""
        running, waiting = figure(row, "requests_running"), figure(row, "requests_waiting")
        if running is None and waiting is None:
            return self.known("", row)
        told = "/".join(self._glyphs.unknown if each is None else f"{each:,.0f}" for each in (running, waiting))
        return Cell(told, ("warn" if waiting else "") if self._is_of_now(row) else "dim")

    @staticmethod
    def busy(row: ServerRow) -> float | None:
        told = [figure(row, name) for name in ("requests_running", "requests_waiting")]
        known = [each for each in told if each is not None]
        return sum(known) if known else None

    def cache(self, row: ServerRow) -> Cell:
        share = figure(row, "cache_share")
        return self.known("" if share is None else f"{share * _PERCENT:.0f}", row)

    def speed(self, row: ServerRow) -> Cell:
        speed = figure(row, "tokens_per_second")
        return self.known("" if speed is None else tokens_text(speed), row)

    def first(self, row: ServerRow) -> Cell:
        wait = figure(row, "first_token_seconds")
        return self.known("" if wait is None else wait_text(wait), row)

    def known(self, text: str, row: ServerRow) -> Cell:
        """What one that does not answer, or that nobody checks, said last is dim."""
        return Cell(text or self._glyphs.unknown, "" if text and self._is_of_now(row) else "dim")

    def _is_of_now(self, row: ServerRow) -> bool:
        return state_word(row) in ("online", "degraded") and self._unchecked(row) is None


# -- filter


def filter_value(host_of: HostOf) -> Callable[[ServerRow, str], Value]:
    """`cache` in percent, `first` in seconds; `@` narrows by host, owner and tag."""

    def of(row: ServerRow, column: str) -> Value:
        if column == "cache":
            share = figure(row, "cache_share")
            return None if share is None else share * _PERCENT
        if column in _FIGURES:
            return figure(row, _FIGURES[column])
        if column == CONTEXT:
            return f"{host_of(row)} {row.owner} {' '.join(tags_of(row))}"
        return _WHOLE[column](row) if column in _WHOLE else _texts(row, host_of)[column]

    return of


_WHOLE: Mapping[str, Callable[[ServerRow], Value]] = {
    "kind": lambda row: Known(row.kind, KIND_TITLES, f"{row.kind} {kind_title(row.kind)}"),
    "state": lambda row: whole_words(state_word(row)),
    "tag": lambda row: whole_words(*tags_of(row)),
}


def searched_text(row: ServerRow, host_of: HostOf) -> str:
    return "\n".join(_texts(row, host_of).values()).lower()


def tags_of(row: ServerRow) -> Sequence[str]:
    found = json.loads(row.tags) if row.tags else []
    return [str(each) for each in found] if isinstance(found, list) else []


def _texts(row: ServerRow, host_of: HostOf) -> dict[str, str]:
    return {
        "name": row.name,
        "id": row.id,
        "kind": f"{row.kind} {kind_title(row.kind)}",
        "state": state_word(row),
        "version": row.server_version,
        "model": " ".join(str(each.get("id") or "") for each in models_of(row.models)),
        "tag": " ".join(tags_of(row)),
        "host": host_of(row),
        "address": row.base_url,
    }
