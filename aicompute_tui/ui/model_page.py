"""What the page of one model says: its facts, where it fits, its variants and files, and all that is told about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.ui.format import StateLook, days_old, gpus, sign
from aicompute_tui.ui.model_records import (
    age_of,
    context_word,
    days,
    gib,
    seconds_since,
    short_count,
    task_word,
    title_of,
)
from aicompute_tui.ui.record_lines import Field, field_lines
from aicompute_tui.ui.records import RowColumn, number, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column, plain
from aicompute_tui.ui.widgets.text_line import spread

_DIM = "$foreground-muted"
VERDICT_LOOKS = {
    "FITS": StateLook("●", "*", "good"),
    "TIGHT": StateLook("⚠", "^", "warn"),
    "NO": StateLook("✕", "x", "bad"),
    "UNKNOWN": StateLook("?", "?", "dim"),
}
_LABEL = 9


def listed(row: JsonObject, key: str) -> list[JsonObject]:
    found = row.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


# -- facts


def headline(row: JsonObject, session: Session, width: int) -> Content:
    """Its name, and how old what is told of it is."""
    seconds = age_of(session, row)
    told = "" if seconds is None else f"known {days(seconds)} ago"
    kept = bool(row.get("problem"))
    name, model = title_of(row), text(row, "id")
    also = "" if model.endswith(name) else f"  {name}"
    left = Content.assemble((plain(model), "bold"), (plain(also), _DIM))
    return spread(left, Content.styled(told, "$warning" if kept else _DIM), width, session.glyphs.more)


def fact_lines(row: JsonObject, session: Session, width: int) -> list[Content]:
    """A line or two each, those that someone has to act on in a tone."""
    lines = [headline(row, session, width)]
    if row.get("problem"):
        lines += Content.styled(f"{text(row, 'problem')} {text(row, 'next_step')}".strip(), "$warning").wrap(width)
    return [*lines, *field_lines(_facts(row, session), width, _LABEL)]


def _facts(row: JsonObject, session: Session) -> Iterator[Field]:
    yield Field("what", ", ".join(_what(row, session)))
    yield Field("made for", ", ".join(_made_for(row, session)))
    licence, style = _licence(row)
    yield Field("licence", licence, style)
    needs, basis = number(row, "vram_bytes"), text(row, "vram_basis")
    if needs is not None:
        yield Field("needs", format_bytes(int(needs)) + (f" ({basis})" if basis else ""))
    yield Field("runs with", _runs_with(row))
    yield Field("used", ", ".join(_used(row, session)))


def _what(row: JsonObject, session: Session) -> Iterator[str]:
    if word := task_word(row):
        yield word
    if (parameters := number(row, "parameters")) is not None:
        yield f"{short_count(parameters, session.glyphs)} parameters"
    if (size := number(row, "size_bytes")) is not None:
        stored = text(row, "quantisation") or text(row, "dtype")
        yield format_bytes(int(size)) + (f" in {stored}" if stored else "")
    if library := text(row, "library"):
        yield library


def _made_for(row: JsonObject, session: Session) -> Iterator[str]:
    tokens = number(row, "context_length")
    yield f"{context_word(tokens, session.glyphs)} tokens of context" if tokens else "a context that is not known"
    if architecture := text(row, "architecture"):
        yield architecture
    template = row.get("chat_template")
    if template is not None:
        yield "with a chat template" if template else "no chat template"


def _licence(row: JsonObject) -> tuple[str, str]:
    """With how to get at one that is gated, and the style that says whether someone has to."""
    licence, gated = text(row, "licence") or "not told", text(row, "gated")
    found = row.get("access")
    access = found if isinstance(found, dict) else {}
    how = text(access, "how")
    if gated in ("", "no"):
        return (licence if not gated else f"{licence}, open to all"), ""
    by = "its authors let people in by hand" if gated == "manual" else "gated: its licence has to be accepted"
    if access.get("granted") is True:
        return f"{licence}, {by}; your token opens it", ""
    return f"{licence}, {by}. {how}".rstrip(), "$warning"


def _runs_with(row: JsonObject) -> str:
    parts = []
    for each in listed(row, "advice"):
        title, model = text(each, "title") or text(each, "framework"), text(each, "model")
        parts.append(f"{title} as {model}" if model and model != text(row, "id") else title)
    return ", ".join(parts)


def _used(row: JsonObject, session: Session) -> Iterator[str]:
    if (downloads := number(row, "downloads")) is not None:
        yield f"{short_count(downloads, session.glyphs)} downloads in 30 days"
    if (likes := number(row, "likes")) is not None:
        yield f"{short_count(likes, session.glyphs)} likes"
    if (since := seconds_since(session, row, "updated_at")) is not None:
        yield f"updated {days(since)} ago"


# -- where it fits


def place_columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def verdict(row: JsonObject) -> Cell:
        word = text(row, "verdict") or "UNKNOWN"
        look = VERDICT_LOOKS.get(word, VERDICT_LOOKS["UNKNOWN"])
        return Cell(word, look.tone, sign(look, glyphs), look.tone)

    def gpu(row: JsonObject) -> str:
        count = number(row, "gpu_count")
        return gpus(count, text(row, "gpu_name"), glyphs) if count != 0 and row.get("gpu_name") else glyphs.unknown

    def price(row: JsonObject) -> Cell:
        usd = number(row, "usd_per_hour")
        if row.get("where") == "host":
            return Cell("yours", "dim")
        return Cell(glyphs.unknown, "dim") if usd is None else Cell(f"${usd:,.2f}")

    def longest(row: JsonObject) -> Cell:
        tokens = number(row, "max_context")
        if text(row, "verdict") in ("NO", "UNKNOWN") and not tokens:
            return Cell(glyphs.unknown, "dim")
        return Cell("any" if tokens is None else context_word(tokens, glyphs))

    return [
        Column(key="name", title="machine or host", width=16, weight=2, most=28, letter="N",
               cell=lambda row: text(row, "name"), sort=lambda row: text(row, "name")),
        Column(key="cloud", title="cloud", width=6, letter="C", cell=lambda row: text(row, "cloud"),
               sort=lambda row: text(row, "cloud") or None),
        Column(key="gpu", title="GPU", width=12, weight=1, most=20, letter="G", cell=gpu,
               sort=lambda row: (text(row, "gpu_name"), number(row, "gpu_count") or 0),
               fields=("gpu_name", "gpu_count")),
        Column(key="usd_per_hour", title="$/h", width=7, align="right", letter="U", cell=price,
               sort=lambda row: number(row, "usd_per_hour")),
        Column(key="verdict", title="fits", width=9, letter="F", cell=verdict, sort=_verdict_rank),
        Column(key="max_context", title="up to", width=5, align="right", letter="X", cell=longest, descending=True,
               sort=lambda row: number(row, "max_context")),
        Column(key="why", title="why", width=14, weight=3, most=44, needs=96,
               cell=lambda row: Cell(text(row, "why"), "dim")),
        Column(key="region", title="region", width=14, letter="R", needs=100, cell=lambda row: text(row, "region"),
               sort=lambda row: text(row, "region") or None),
        Column(key="age", title="age", width=4, align="right", letter="A", needs=110, cell=_list_age,
               sort=lambda row: number(row, "read_days_ago"), fields=("read_days_ago",)),
    ]  # fmt: skip


def _verdict_rank(row: JsonObject) -> int:
    words = list(VERDICT_LOOKS)
    return words.index(text(row, "verdict")) if text(row, "verdict") in words else len(words)


def _list_age(row: JsonObject) -> Cell:
    """Of the price list."""
    days_ago = number(row, "read_days_ago")
    return Cell("" if days_ago is None else days_old(days_ago), "dim")


def price_told(row: JsonObject) -> str:
    """Where a machine's price is from, and how old it is."""
    source, days_ago = text(row, "source"), number(row, "read_days_ago")
    if not source:
        return ""
    where = " ".join(filter(None, (text(row, "region"), text(row, "market"))))
    return f"{where}: {source}" + ("" if days_ago is None else f", {days_old(days_ago)} old")


def places_by_key(rows: Sequence[JsonObject]) -> dict[str, JsonObject]:
    return {f"{text(row, 'where')} {text(row, 'cloud')} {text(row, 'name')}": row for row in rows}


# -- variants and files


def variant_columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def known(key: str) -> RowColumn:
        return Column(key=key, title=key if key != "quantisation" else "quant", width=12, letter=key[0].upper(),
                      cell=lambda row: text(row, key) or Cell(glyphs.unknown, "dim"),
                      sort=lambda row: text(row, key) or None)  # fmt: skip

    def size(key: str, title: str, letter: str) -> RowColumn:
        return Column(key=key, title=title, width=7, align="right", letter=letter, descending=True,
                      cell=lambda row: gib(number(row, key), glyphs), sort=lambda row: number(row, key))  # fmt: skip

    def count(row: JsonObject) -> str:
        files = row.get("files")
        return str(len(files)) if isinstance(files, list) else text(row, "files") or glyphs.unknown

    return [
        Column(key="name", title="variant", width=22, weight=2, most=60, letter="N",
               cell=lambda row: text(row, "name"), sort=lambda row: text(row, "name").lower()),
        known("quantisation"), known("format"), size("size_bytes", "size G", "Z"),
        size("vram_bytes", "VRAM G", "V"),
        Column(key="files", title="files", width=5, align="right", cell=count),
    ]  # fmt: skip


def file_columns(session: Session) -> list[RowColumn]:
    def size(row: JsonObject) -> str:
        found = number(row, "size_bytes")
        return format_bytes(None if found is None else int(found), session.glyphs.unknown)

    return [
        Column(key="path", title="file", width=30, weight=1, most=90, letter="N", cut="start",
               cell=lambda row: text(row, "path"), sort=lambda row: text(row, "path").lower()),
        Column(key="size_bytes", title="size", width=9, align="right", letter="Z", descending=True, cell=size,
               sort=lambda row: number(row, "size_bytes")),
    ]  # fmt: skip


# -- all that is told


def about_lines(row: JsonObject, width: int) -> list[Content]:
    """What its authors say, then what is said of it, and where that is from."""
    description = text(row, "description")
    lines: list[Content] = []
    for paragraph in description.splitlines():
        lines += Content(plain(paragraph)).wrap(max(10, width)) if paragraph.strip() else [Content("")]
    if description:
        lines.append(Content(""))
    return [*lines, *field_lines(_about(row), width)]


def _about(row: JsonObject) -> Iterator[Field]:
    yield Field("quality", text(row, "quality"))
    yield Field("says", text(row, "quality_source"))
    for each in listed(row, "advice"):
        yield Field(text(each, "title") or text(each, "framework"), text(each, "why"))
    found = row.get("access")
    if isinstance(found, dict):
        yield Field("access", " ".join(filter(None, (text(found, "how"), text(found, "url")))))
    yield Field("licence at", text(row, "licence_url"))
    yield Field("built on", ", ".join(map(str, _texts(row, "base_models"))))
    yield Field("tags", ", ".join(map(str, _texts(row, "tags"))))
    yield Field("not known", ", ".join(map(str, _texts(row, "missing"))))
    yield Field("was called", text(row, "renamed_from"))
    yield Field("revision", text(row, "revision"))
    yield Field("known from", text(row, "source_note") or text(row, "source"))


def _texts(row: JsonObject, key: str) -> list[str]:
    found = row.get(key)
    return [str(each) for each in found] if isinstance(found, list) else []


# -- what its places are asked with, and what they fill in

_ENGINES = {
    "vllm": "vllm", "sglang": "sglang", "tgi": "tgi", "llamacpp": "llamacpp", "ollama": "ollama", "tei": "tei",
    "tei-reranker": "tei", "infinity": "tei",
}  # fmt: skip


def engine_of(row: JsonObject, variant: JsonObject) -> str:
    """The engine that would serve it: that of the variant's files, else the first of its advice."""
    if text(variant, "format") == "gguf":
        return "llamacpp"
    frameworks = [text(each, "framework") for each in listed(row, "advice")]
    return next((_ENGINES[each] for each in frameworks if each in _ENGINES), "")


def filled_by(row: JsonObject) -> tuple[str, JsonObject]:
    """Where a place is, and what of it stands in the wizard."""
    if row.get("where") == "host":
        return "host", {"host": text(row, "name")}
    market = text(row, "market") or "on-demand"
    return "offer", {"type": text(row, "name"), "region": text(row, "region"), "market": market}
