"""The columns of the price explorer, and the row under its cursor in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from aicompute_tui.domain.durations import span
from aicompute_tui.ui.format import gpus, money
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.offer_sheet import ON_DEMAND, SPOT, OfferSheet
from aicompute_tui.ui.widgets.columns import Cell, Column, fit


class OfferColumn(NamedTuple):
    """`field` is what it sorts by; `record` the names under which programs see what stands in it."""

    key: str
    title: str
    told: str
    """What it says, where columns are chosen."""
    width: int
    letter: str
    record: tuple[str, ...]
    narrow: int = 0
    """Its width in a narrow table, where that is another one."""
    right: bool = True
    descending: bool = False


COLUMNS: tuple[OfferColumn, ...] = (
    OfferColumn("type", "type", "the cloud's name of the machine", 16, "T", ("type",), 12, right=False),
    OfferColumn("cloud", "cloud", "who rents it out", 6, "C", ("cloud",), right=False),
    OfferColumn("region", "region", "where it stands", 14, "R", ("region",), 12, right=False),
    OfferColumn("gpu", "GPU", "how many of which GPU", 17, "G", ("gpu_name", "gpu_count"), 11, right=False),
    OfferColumn("vram", "VRAM", "GiB of all its GPUs together", 4, "V", ("gpu_memory_mib",), descending=True),
    OfferColumn("spot", "spot/h", "USD an hour while the cloud can spare it", 7, "S", ("spot_usd_per_hour",), 6),
    OfferColumn("list", "list/h", "USD an hour on demand", 7, "L", ("on_demand_usd_per_hour",), 6),
    OfferColumn("age", "age", "how old the price is that ranks", 3, "A", ("age_seconds",)),
    OfferColumn("saves", "saves", "what spot costs less than on-demand", 5, "P", ("saving_percent",), descending=True),
    OfferColumn("ends", "taken", "share of spot machines taken back in a month", 6, "I", ("interruption_band",)),
    OfferColumn(
        "quota", "quota", "how many more of it the account's quota takes", 5, "Q", ("quota_machines",), descending=True
    ),
    OfferColumn("gpu_hour", "GPU/h", "USD for an hour of one whole GPU", 7, "U", ("usd_per_gpu_hour",)),
    OfferColumn("gib_hour", "GiB/h", "USD for an hour of one GiB of GPU memory", 7, "B", ("usd_per_vram_gib_hour",)),
    OfferColumn("vcpu", "vCPU", "virtual processors", 4, "N", ("vcpu_count",), descending=True),
    OfferColumn("ram", "RAM G", "GiB of memory", 6, "M", ("memory_mib",), descending=True),
    OfferColumn("zone", "zone", "where its spot price holds", 15, "Z", ("zone",), right=False),
    OfferColumn("arch", "arch", "what its processors are", 6, "H", ("architecture",), right=False),
    OfferColumn("source", "price from", "who says what it costs", 24, "", ("source",), right=False),
)
BY_KEY = {column.key: column for column in COLUMNS}
USUAL = tuple(BY_KEY)
_SORTED_BY = {"gpu": "gpus"}
FIRST = "type"
"""Stands at the left wherever one is, locked."""


def table_columns(sheet: OfferSheet, keys: Sequence[str], glyphs: Glyphs, *, narrow: bool) -> list[Column[int]]:
    """Those chosen, in their order."""
    cells = _Cells(sheet, glyphs).by_key
    columns = []
    for key in keys:
        made = BY_KEY[key]
        field = sheet.fields.get(_SORTED_BY.get(key, key))
        columns.append(
            Column(
                key=key, title=made.title, width=(narrow and made.narrow) or made.width, cell=cells[key],
                align="right" if made.right else "left", sort=field, letter=made.letter if field is not None else "",
                descending=made.descending, fields=made.record,
            )
        )  # fmt: skip
    return columns


class _Cells:
    """What each column says of a row."""

    def __init__(self, sheet: OfferSheet, glyphs: Glyphs) -> None:
        self._sheet = sheet
        self._table = sheet.table
        self._glyphs = glyphs
        self.by_key: dict[str, Callable[[int], Cell | str]] = {
            "type": self._word("machine_type"),
            "cloud": self._word("cloud"),
            "region": self._word("region"),
            "zone": self._word("zone"),
            "arch": self._word("architecture"),
            "gpu": lambda row: gpu_words(sheet, row, glyphs),
            "spot": self._price("spot", SPOT),
            "list": self._price("list", ON_DEMAND),
            "age": self._age,
            "ends": lambda row: self._table.word("interruption_band", row) or Cell(glyphs.unknown, "dim"),
            "source": lambda row: Cell(sheet.source(row), "dim"),
            "saves": self._figure("saves", "{:.0f}%"),
            "gpu_hour": self._figure("gpu_hour", "${:,.2f}"),
            "gib_hour": self._figure("gib_hour", "${:,.4f}"),
            **{key: self._figure(key, "{:.0f}") for key in ("vram", "vcpu", "ram", "quota")},
        }

    def _word(self, name: str) -> Callable[[int], Cell | str]:
        return lambda row: self._table.word(name, row) or Cell(self._glyphs.unknown, "dim")

    def _figure(self, key: str, shape: str) -> Callable[[int], Cell | str]:
        field, unknown = self._sheet.fields[key], Cell(self._glyphs.unknown, "dim")
        return lambda row: unknown if (figure := field(row)) is None else shape.format(figure)

    def _price(self, key: str, market: str) -> Callable[[int], Cell]:
        """The one that ranks stands out."""
        field, sheet = self._sheet.fields[key], self._sheet

        def cell(row: int) -> Cell:
            usd = field(row)
            if not isinstance(usd, float):
                return Cell(self._glyphs.unknown, "dim")
            return Cell(_short_money(usd, self._glyphs), "" if sheet.market_of(row) == market else "dim")

        return cell

    def _age(self, row: int) -> Cell:
        age = self._sheet.age(row)
        return Cell(self._glyphs.unknown if age < 0 else _short_age(age), "dim")


def _short_money(usd: float, glyphs: Glyphs) -> str:
    """Without cents where those say little."""
    return f"${usd:,.0f}" if usd >= 100 else money(usd, glyphs)


def _short_age(seconds: float) -> str:
    """In its largest unit: `12m`, `3h`, `40d`."""
    for unit, letter in ((86_400, "d"), (3_600, "h")):
        if seconds >= unit:
            return f"{seconds // unit:.0f}{letter}"
    return span(seconds)


def gpu_words(sheet: OfferSheet, row: int, glyphs: Glyphs) -> str:
    """`4 × A10G`"""
    return gpus(sheet.table.gpus(row), sheet.table.word("gpu_name", row), glyphs)


def offer_told(sheet: OfferSheet, row: int, width: int, glyphs: Glyphs) -> str:
    """Where each figure is from and how old it is, a line each."""
    table = sheet.table
    lines = []
    for word, prefix in ((SPOT, SPOT), ("list", "on_demand")):
        nano, at = table.figure(f"{prefix}_nano", row), table.figure(f"{prefix}_at", row)
        if nano is not None:
            source = table.word(f"{prefix}_source", row)
            zone = table.word("zone", row) if prefix == SPOT else ""
            place = f" in {zone}" if zone else ""
            old = _old(table.figure(f"{prefix}_dated", row), at, sheet)
            lines.append(f"{word} ${nano / 1e9:,.4f}/h{place}, {old}: {source}")
    band = table.word("interruption_band", row)
    if band:
        old = _old(1, table.figure("interruption_at", row), sheet)
        lines.append(f"{band} of these are taken back in a month, {old}: {table.word('interruption_source', row)}")
    return "\n".join(fit(line, width, more=glyphs.more).rstrip() for line in lines)


def _old(dated: int | None, at: int | None, sheet: OfferSheet) -> str:
    if at is None:
        return "of a day nobody told"
    age = span(max(0.0, sheet.now - at))
    return f"{age} old" if dated == 1 else f"read {age} ago"
