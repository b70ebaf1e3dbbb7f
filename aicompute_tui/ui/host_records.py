"""Container hosts as a list: their columns, and one of them in full with its problem, its facts and its verdicts."""

from __future__ import annotations

from textual.content import Content

from aicompute_tui.domain.host import gpus_told
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.services.host_age import UNREAD_STEP
from aicompute_tui.ui.format import StateLook, sign, span, this_minute
from aicompute_tui.ui.record_lines import Field, field_lines, label_width_of
from aicompute_tui.ui.records import RecordList, RowColumn, number, text, verdict_cell
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column, Tone, plain

FOUND = "found"
_LOOKS: dict[str, StateLook] = {
    "up": StateLook("●", "*", "good"),
    "down": StateLook("✕", "x", "bad"),
    "waiting": StateLook("◌", ".", "warn"),
    FOUND: StateLook("○", "o", "dim"),
}
_ORDER = ("down", "waiting", "up", FOUND)
_STYLES: dict[Tone, str] = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}
_GIB = 1 << 30


def host_columns(session: Session) -> list[RowColumn]:
    unknown = session.glyphs.unknown

    def known(row: JsonObject, value: str) -> Cell:
        """What an engine that does not answer, or that nobody reads, said last is dim."""
        is_old = row.get("state") == "down" or "unread_seconds" in row
        return Cell(value or unknown, "dim" if not value or is_old else "")

    def state(row: JsonObject) -> Cell:
        word = text(row, "state")
        look = _LOOKS.get(word, _LOOKS["waiting"])
        unread = number(row, "unread_seconds")
        if unread is not None:
            return Cell(f"{word} ·{span(unread)}", "dim", sign(look, session.glyphs), "dim")
        return Cell(f"{word} {_down_for(session, row)}".rstrip(), look.tone, sign(look, session.glyphs), look.tone)

    def running(row: JsonObject) -> str:
        return "" if row.get("containers") is None else f"{text(row, 'running') or unknown}/{text(row, 'containers')}"

    def disk(row: JsonObject) -> str:
        free = number(row, "free_disk_bytes")
        return "" if free is None else f"{free / _GIB:,.0f}"

    return [
        Column(key="name", title="name", width=12, weight=2, most=28, letter="N", sort=lambda row: text(row, "name"),
               cell=lambda row: Cell(text(row, "name"), "dim" if row.get("state") == FOUND else "")),
        Column(key="state", title="state", width=11, cell=state, letter="S", sort=_rank),
        Column(key="engine", title="engine", width=14, weight=1, most=20, cell=lambda row: known(row, _engine(row)),
               letter="E", sort=_engine, fields=("engine", "engine_version", "api_version")),
        Column(key="gpus", title="GPUs", width=11, weight=1, most=22, letter="V",
               cell=lambda row: known(row, gpu_names(session, row)),
               sort=lambda row: gpu_names(session, row)),
        Column(key="runtimes", title="runtimes", width=12, weight=1, most=20, needs=90,
               cell=lambda row: known(row, _words(row.get("runtimes"))), sort=lambda row: _words(row.get("runtimes"))),
        Column(key="disk", title="free GiB", width=8, align="right", cell=lambda row: known(row, disk(row)), letter="D",
               sort=lambda row: number(row, "free_disk_bytes"), fields=("free_disk_bytes",)),
        Column(key="containers", title="running", width=7, align="right", cell=lambda row: known(row, running(row)),
               letter="C", sort=lambda row: number(row, "running"), fields=("running", "containers")),
        Column(key="url", title="address", width=16, weight=2, most=44, needs=90, letter="A",
               cell=lambda row: Cell(text(row, "url"), "dim"), sort=lambda row: text(row, "url")),
    ]  # fmt: skip


def _rank(row: JsonObject) -> int:
    word = text(row, "state")
    return _ORDER.index(word) if word in _ORDER else len(_ORDER)


def _down_for(session: Session, row: JsonObject) -> str:
    """How long it has not answered: `14m`."""
    when = parse_moment(text(row, "since"))
    if row.get("state") != "down" or when is None:
        return ""
    return span(this_minute(session.now()) - when.timestamp())


def _engine(row: JsonObject) -> str:
    """`Docker 29.1.3`; of an engine behind Portainer too."""
    version = text(row, "engine_version")
    return f"{text(row, 'engine') or 'engine'} {version}" if version else ""


def gpu_names(session: Session, row: JsonObject) -> str:
    """`4 × A10G`, `none` where there is surely none; empty where nobody can tell."""
    gpus = row.get("gpus")
    if not isinstance(gpus, list):
        return ""
    if not gpus:
        return "none"
    # An engine may tell only how a device is asked for: `nvidia.com/gpu=0`.
    names = sorted({str(each).removeprefix("NVIDIA ") for each in gpus if "=" not in str(each)})
    return f"{len(gpus)} {session.glyphs.times} {', '.join(names)}" if names else str(len(gpus))


def _words(value: Json) -> str:
    return " ".join(str(each) for each in value if "." not in str(each)) if isinstance(value, list) else ""


def host_lines(session: Session, row: JsonObject, width: int) -> list[Content]:
    """Its problem and what to do first, then the verdicts of a test, then what is known of it."""
    checks = [each for each in _list(row.get("checks")) if isinstance(each, dict)]
    is_told = any(each.get("reason") == row.get("problem") for each in checks)
    lines = [] if is_told else _problem_lines(session, row, width)
    lines += [line for check in checks for line in _check_lines(session, check, width)]
    fields = _fields(row)
    if lines and fields:
        lines.append(Content(""))
    return [*lines, *field_lines(fields, width, label_width_of(each.label for each in fields))]


def _problem_lines(session: Session, row: JsonObject, width: int) -> list[Content]:
    problem, step = text(row, "problem"), text(row, "next_step")
    if row.get("state") == FOUND:
        return Content.assemble(f"{problem}  ", ("enter adds it", "bold")).wrap(width)
    unread = number(row, "unread_seconds")
    if unread is not None:
        told = f"It was not read for {span(unread)}. {UNREAD_STEP}."
        return Content.styled(told, _STYLES["warn"]).wrap(width)
    if not problem:
        return []
    said = Content.styled(f"{session.glyphs.failed} {plain(problem)}", _STYLES["bad"]).wrap(width)
    return [*said, *(Content(plain(step)).wrap(width) if step else [])]


def _check_lines(session: Session, check: JsonObject, width: int) -> list[Content]:
    cell = verdict_cell(session, text(check, "verdict"))
    told = Content.assemble((f"{cell.text:<10}", _STYLES.get(cell.tone, "")), f"{plain(text(check, 'name'))}: ",
                            plain(text(check, "reason")))  # fmt: skip
    step = plain(text(check, "next_step"))
    return [*told.wrap(width), *(Content.styled(f"{'':<10}{step}", _STYLES["dim"]).wrap(width) if step else [])]


def _fields(row: JsonObject) -> list[Field]:
    cpus, memory, free = row.get("cpus"), number(row, "memory_bytes"), number(row, "free_disk_bytes")
    machine = [f"{cpus} CPUs" if cpus else "", f"{memory / _GIB:,.0f} GiB memory" if memory else ""]
    machine.append(f"{free / _GIB:,.0f} GiB disk free" if free is not None else "")
    engine = _engine(row)
    api = text(row, "api_version")
    kind = "through Portainer" if row.get("kind") == "portainer" else ""
    gpus = row.get("gpus")
    return [
        Field("address", " ".join(filter(None, (text(row, "url"), kind)))),
        Field("engine", ", ".join(filter(None, (engine, f"API {api}" if api else "")))),
        Field("system", " ".join(filter(None, (text(row, "operating_system"), text(row, "architecture"))))),
        Field("machine", ", ".join(filter(None, machine))),
        Field("GPUs", gpus_told([str(each) for each in gpus]) if isinstance(gpus, list) else ""),
        Field("runtimes", _words(row.get("runtimes"))),
        Field("images", text(row, "images")),
        Field("ports at", text(row, "address")),
    ]


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


HOSTS = RecordList(
    question="host.list", title="Hosts", key="id", columns=host_columns, lines=host_lines, scope="hosts",
    empty="No container host is known.  a adds one", opens="host.test", order=_rank, marks=False,
)  # fmt: skip
