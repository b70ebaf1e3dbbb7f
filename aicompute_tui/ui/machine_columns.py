"""The columns of the machines and of the sightings table, and what a filter finds in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.domain.money import NANO_PER_USD
from aicompute_tui.domain.states import DesiredState, InstanceState
from aicompute_tui.services.attention import ENDING_SOON
from aicompute_tui.services.node_figures import (
    IDLE_SOON,
    failed_setup,
    idle_end,
    lost_link,
    next_end,
    searched_stage,
    stage_text,
)
from aicompute_tui.store.rows import InstanceRow, NodeRow, SightingRow
from aicompute_tui.ui.format import age, gpu, money, money_of_nano, price, sign, span, state_look
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.columns import Cell, Column
from aicompute_tui.ui.widgets.spark_line import spark_line

if TYPE_CHECKING:
    from aicompute_tui.ui.filter_language import Value

Now = Callable[[], float]
Nodes = Mapping[str, NodeRow]
"""What each machine last said, by machine."""
Use = tuple[float | None, ...]
"""Percent in use, minute by minute, the newest last."""
WORDED = 94
"""From this width on a state has a column for its word."""
WIDE = 114
"""From this width on every column has its full width."""
_RECORD_FIELDS = {
    "name": ("name", "state"), "type": ("instance_type", "market"), "gpu": ("gpu_name", "gpu_count", "gpu_memory_mib"),
    "where": ("region", "zone"), "account": ("account_id",), "up": ("uptime_seconds",),
    "price": ("price_usd_per_hour",), "cost": ("cost_usd",), "ends": ("expires_at",), "id": ("remote_id",),
    "use": (),
}  # fmt: skip
"""What of a machine's record stands in each column."""
_SETTLED = frozenset({InstanceState.READY, InstanceState.DEGRADED})


def shape_at(width: int) -> tuple[bool, bool]:
    """Windows of one shape show the same columns."""
    return width >= WORDED, width >= WIDE


def machine_columns(
    glyphs: Glyphs,
    now: Now,
    width: int,
    nodes: Nodes | None = None,
    *,
    use: Callable[[str], Use] | None = None,
    with_account: bool = False,
) -> list[Column[InstanceRow]]:
    """At 80 columns the state is the sign before the name, and its word stands under `ends` until it is ready.

    With `use` the use of the last minutes stands in place of the state of a machine that works.
    """
    worded, wide = shape_at(width)
    roomy = wide and not with_account
    cells = _MachineCells(glyphs, now, {} if nodes is None else nodes, use, wide=roomy, worded=worded)
    context = WIDE - 5 if with_account else 140
    columns = [
        Column(key="name", title="MACHINES", width=13, weight=3, most=32, cell=cells.name, sort=_lower, letter="N"),
        Column(key="type", title="type", width=13, needs=WIDE - 5, cell=_type, sort=_type, letter="T"),
        Column(key="gpu", title="GPU", width=13 if roomy else 10, needs=60, cell=cells.gpu, sort=_vram, letter="V"),
        Column(key="where", title="where", width=13, weight=2, most=15, needs=46, cell=_where, sort=_where, letter="W"),
        Column(key="account", title="account", width=8, weight=1, most=14, needs=context, cell=_account, sort=_account,
               letter="A"),
    ]  # fmt: skip
    doing = Column(key="state", title="state", width=11, needs=WORDED - 5, cell=cells.state, sort=_state, letter="S")
    figures = _figure_columns(cells, roomy=roomy)
    if use is None:
        columns += [doing, *figures]
    else:
        by_use = replace(doing, key="use", title="util 10 min", cell=cells.use, sort=cells.mean_use, descending=True)
        columns += [*figures, by_use]
    columns.append(
        Column(key="ends", title="ends", width=10 if worded else 12, cell=cells.ends, sort=cells.end, letter="E")
    )
    return [replace(each, fields=_RECORD_FIELDS.get(each.key, ())) for each in columns]


def _figure_columns(cells: _MachineCells, *, roomy: bool) -> list[Column[InstanceRow]]:
    """How long, at what price and what it has cost."""
    figures = [
        Column(key="up", title="up", width=5, needs=70, cell=cells.up, sort=cells.up_seconds, letter="U"),
        Column(key="price", title="price" if roomy else "per h", width=8 if roomy else 6, needs=30, cell=cells.price,
               sort=_price, letter="P"),
        Column(key="cost", title="cost", width=8 if roomy else 7, needs=70, cell=cells.cost, sort=cells.cost_nano,
               letter="C"),
    ]  # fmt: skip
    return [replace(figure, align="right", descending=True) for figure in figures]


class _MachineCells:
    """Cells that need the clock or the glyphs."""

    def __init__(
        self,
        glyphs: Glyphs,
        now: Now,
        nodes: Nodes,
        use: Callable[[str], Use] | None,
        *,
        wide: bool,
        worded: bool,
    ) -> None:
        self._glyphs = glyphs
        self._now = now
        self._nodes = nodes
        self._use = use
        self._wide = wide
        self._worded = worded

    def name(self, row: InstanceRow) -> Cell:
        look = state_look(row.state)
        return Cell(row.name, "dim" if row.is_final else "", sign(look, self._glyphs), look.tone)

    def gpu(self, row: InstanceRow) -> str:
        return gpu(row, self._glyphs, tight=not self._wide)

    def state(self, row: InstanceRow) -> Cell:
        """What is wrong with it, else how far its set-up is, else its state's word."""
        trouble = self._trouble(row)
        text = stage_text(row, self._nodes.get(row.id)) or row.state
        return trouble or Cell(text, state_look(row.state).tone)

    def use(self, row: InstanceRow) -> Cell:
        """A bar for each minute; the state's word before it works, while it does not, and where nothing is measured."""
        minutes = self._minutes(row)
        if row.state not in _SETTLED or not any(each is not None for each in minutes):
            return self.state(row)
        return self._trouble(row) or Cell(spark_line(minutes, len(minutes), self._glyphs), "accent")

    def mean_use(self, row: InstanceRow) -> float | None:
        known = [each for each in self._minutes(row) if each is not None]
        return sum(known) / len(known) if known else None

    def _minutes(self, row: InstanceRow) -> Use:
        return self._use(row.id) if self._use is not None else ()

    def _trouble(self, row: InstanceRow) -> Cell | None:
        """`✕ no model` where the set-up failed, `✕ no ssh` where it cannot be reached."""
        node = self._nodes.get(row.id)
        step = failed_setup(row, node)
        if step is None and not lost_link(row, node):
            return None
        return Cell(f"no {step.stage}" if step is not None else "no ssh", "bad", self._glyphs.failed, "bad")

    def up(self, row: InstanceRow) -> str:
        seconds = self.up_seconds(row)
        return self._glyphs.unknown if seconds is None else span(seconds)

    def up_seconds(self, row: InstanceRow) -> float | None:
        if row.launched_at is None:
            return None
        return (self._now() if row.ended_at is None else row.ended_at) - row.launched_at

    def price(self, row: InstanceRow) -> Cell:
        unknown = row.price_usd_per_hour is None
        text = (price if self._wide else money)(row.price_usd_per_hour, self._glyphs)
        return Cell(text, "dim" if unknown else "")

    def cost_nano(self, row: InstanceRow) -> int | None:
        return row.cost_nano_usd(self._now())

    def cost(self, row: InstanceRow) -> str:
        return money_of_nano(self.cost_nano(row), self._glyphs)

    def end(self, row: InstanceRow) -> float | None:
        found = next_end(row, self._nodes.get(row.id))
        return None if found is None else found.at

    def ends(self, row: InstanceRow) -> Cell:
        """When it ends by itself, at 80 columns the state's word until it is ready; trouble before an end far off."""
        if row.is_final or (not self._worded and row.state not in _SETTLED):
            return Cell("ended", state_look(row.state).tone) if row.is_final and self._worded else self.state(row)
        if row.desired_state == DesiredState.TERMINATED:
            return Cell("now", "warn")
        found = next_end(row, self._nodes.get(row.id))
        left = None if found is None else found.at - self._now()
        trouble = None if self._worded or (left is not None and left <= ENDING_SOON) else self._trouble(row)
        if trouble is not None or found is None or left is None:
            return trouble or Cell("never", "bad")
        if found.is_idle:
            return Cell(f"{span(max(0.0, left))} idle", "warn" if left <= IDLE_SOON else "")
        if left <= 0:
            return Cell(f"late {span(-left)}", "bad")
        return Cell(span(left), "warn" if left <= ENDING_SOON else "")


def sighting_columns(glyphs: Glyphs, now: Now) -> list[Column[SightingRow]]:
    def seen(row: SightingRow) -> str:
        return age(row.launched_at or row.first_seen_at, now(), glyphs)

    def name(row: SightingRow) -> Cell:
        orphan = row.ownership == "orphan"
        mark = glyphs.failed if orphan else glyphs.hollow
        return Cell(row.name or row.remote_id, "", mark, "bad" if orphan else "dim")

    def ends(row: SightingRow) -> Cell:
        moment = parse_moment(row.expires_at)
        if moment is None:
            return Cell("never" if row.expires_at else glyphs.unknown, "bad" if row.expires_at else "dim")
        return Cell(span(max(0.0, moment.timestamp() - now())))

    def cost(row: SightingRow) -> str:
        return price(row.price_usd_per_hour, glyphs)

    columns = [
        Column(key="name", title="WITHOUT A ROW", width=14, weight=3, most=32, cell=name),
        Column(key="ownership", title="whose", width=8, cell=lambda row: row.ownership),
        Column(key="owner", title="owner", width=8, needs=WIDE - 5, cell=lambda row: row.owner),
        Column(key="id", title="id", width=19, cut="start", needs=130, cell=lambda row: row.remote_id),
        Column(key="type", title="type", width=13, needs=90, cell=lambda row: row.instance_type),
        Column(key="where", title="where", width=13, weight=1, most=16, cell=lambda row: row.zone or row.region),
        Column(key="state", title="state", width=11, cell=lambda row: row.state),
        Column(key="up", title="up", width=5, align="right", cell=seen),
        Column(key="price", title="price", width=8, align="right", needs=90, cell=cost),
        Column(key="ends", title="ends", width=6, cell=ends),
    ]
    return [replace(each, fields=_RECORD_FIELDS.get(each.key, ())) for each in columns]


_MOST_TEXTS = 50_000
FILTER_COLUMNS = (
    "name", "id", "type", "gpu", "vram", "gpus", "region", "zone", "where", "account", "owner", "state", "market",
    "model", "up", "price", "cost", "ends", "stage", "idle",
)  # fmt: skip


class SearchedTexts:
    """What a plain word is looked for in; a row's text is made once, for every key looks through all of them."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[InstanceRow, str]] = {}

    def __call__(self, row: InstanceRow) -> str:
        held = self._held.get(row.id)
        if held is None or held[0] is not row:
            if len(self._held) >= _MOST_TEXTS:
                self._held.clear()
            held = self._held[row.id] = (row, searched_text(row))
        return held[1]


def searched_text(row: InstanceRow) -> str:
    """What a plain word is looked for in."""
    parts = (
        row.name, row.id, row.remote_id, row.instance_type, row.gpu_name, row.zone or row.region, row.account_id,
        row.credential_id, row.owner, row.state, row.market, row.framework, row.models,
    )  # fmt: skip
    return "\n".join(part for part in parts if part).lower()


def filter_value(now: Now, nodes: Nodes | None = None) -> Callable[[InstanceRow, str], Value]:
    """Times in seconds, money in dollars, memory in GiB of all GPUs; `idle` is the time left until idleness ends it."""
    known = {} if nodes is None else nodes

    def of(row: InstanceRow, column: str) -> Value:
        found = _PLAIN.get(column)
        return found(row) if found is not None else _timed(row, known.get(row.id), column, now())

    return of


def _timed(row: InstanceRow, node: NodeRow | None, column: str, now: float) -> Value:
    if column == "stage":
        return searched_stage(row, node)
    if column == "up":
        return None if row.launched_at is None else now - row.launched_at
    if column == "ends":
        return None if (end := next_end(row, node)) is None else end.at - now
    if column == "idle":
        return None if (idle := idle_end(row, node)) is None else idle - now
    cost = row.cost_nano_usd(now)
    return None if cost is None else cost / NANO_PER_USD


_PLAIN: dict[str, Callable[[InstanceRow], Value]] = {
    "name": lambda row: row.name,
    "id": lambda row: f"{row.id} {row.remote_id or ''}",
    "type": lambda row: row.instance_type,
    "gpu": lambda row: row.gpu_name,
    "gpus": lambda row: row.gpu_count,
    "vram": lambda row: None if (memory := _vram(row)) is None else memory / 1024,
    "region": lambda row: row.region,
    "zone": lambda row: row.zone,
    "where": lambda row: row.zone or row.region,
    "account": lambda row: f"{row.account_id or ''} {row.credential_id}",
    "owner": lambda row: row.owner,
    "state": lambda row: row.state,
    "market": lambda row: row.market,
    "model": lambda row: row.models,
    "price": lambda row: row.price_usd_per_hour,
    "@": lambda row: f"{row.account_id or ''} {row.credential_id} {row.region} {row.owner}",
}


def _lower(row: InstanceRow) -> str:
    return row.name.lower()


def _type(row: InstanceRow) -> str:
    return row.instance_type


def _where(row: InstanceRow) -> str:
    return row.zone or row.region


def _account(row: InstanceRow) -> str:
    """By the name of what opens it, as people know their accounts."""
    return row.credential_id.rpartition(":")[2] or row.account_id or ""


def _state(row: InstanceRow) -> str:
    return row.state


def _price(row: InstanceRow) -> float | None:
    return row.price_usd_per_hour


def _vram(row: InstanceRow) -> int | None:
    return None if row.gpu_memory_mib is None else row.gpu_memory_mib * (row.gpu_count or 1)
