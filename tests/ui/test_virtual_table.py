"""The table: the cursor keeps its row, marks, sorting, filters, widths, and that only what changed is painted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from aicompute_tui.ui.widgets.columns import Cell, Column, fit, lay_out
from aicompute_tui.ui.widgets.table_model import TableModel
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class Item(NamedTuple):
    name: str
    price: float | None = None


COLUMNS: list[Column[Item]] = [
    Column(key="name", title="name", width=10, cell=lambda row: row.name, sort=lambda row: row.name, letter="N"),
    Column(
        key="price",
        title="price",
        width=8,
        align="right",
        cell=lambda row: Cell("–" if row.price is None else f"${row.price:.2f}", "dim"),
        sort=lambda row: row.price,
        letter="P",
        descending=True,
    ),
]
FAR_COLUMN: Column[Item] = Column(key="far", title="far away", width=40, cell=lambda row: f"far {row.name}")


class Watched(VirtualTable[Item]):
    """Remembers which regions were asked to be painted again."""

    def __init__(self, columns: list[Column[Item]]) -> None:
        self.painted: list[Region] = []
        self.opened: list[str] = []
        super().__init__(columns, empty_message="Nothing yet.")

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Watched:
        self.painted += regions or [Region(0, 0, 0, 0)]
        super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        return self


class TableApp(App[None]):
    def __init__(self, columns: list[Column[Item]]) -> None:
        super().__init__()
        self.table = Watched(columns)

    def compose(self) -> ComposeResult:
        yield self.table

    def on_virtual_table_row_opened(self, event: VirtualTable.RowOpened) -> None:
        self.table.opened.append(event.row_id)


@asynccontextmanager
async def shown(
    count: int = 5, *, size: tuple[int, int] = (40, 10), columns: list[Column[Item]] | None = None
) -> AsyncIterator[tuple[Watched, Pilot[None]]]:
    app = TableApp(columns or COLUMNS)
    async with app.run_test(size=size) as pilot:
        app.table.set_rows({f"id{n}": Item(f"row{n}", float(n)) for n in range(count)})
        await pilot.pause()
        yield app.table, pilot


def painted(table: VirtualTable[Item], y: int) -> str:
    return table.render_line(y).text


Change = tuple[str, dict[str, Item], set[str]]
IDS = st.sampled_from([f"id{n}" for n in range(12)])
ITEMS = st.builds(Item, st.text(max_size=4), st.none() | st.floats(0, 9))
CHANGES = st.tuples(st.sampled_from(["update", "replace", "sort", "filter"]), st.dictionaries(IDS, ITEMS), st.sets(IDS))


@given(st.dictionaries(IDS, ITEMS, min_size=1), st.integers(0, 11), st.lists(CHANGES, max_size=8))
@settings(max_examples=200)
def test_the_cursor_stays_on_its_row_for_as_long_as_that_is_shown(
    first: dict[str, Item], line: int, changes: list[Change]
) -> None:
    model: TableModel[Item] = TableModel()
    model.replace(dict(first))
    model.go_to(line)
    for kind, present, removed in changes:
        held, height = model.cursor_id, model.cursor
        if kind == "update":
            model.update(present, removed)
        elif kind == "replace":
            model.replace(present)
        elif kind == "sort":
            model.sort = (COLUMNS[len(present) % 2], bool(removed))
            model.reorder()
        else:
            model.predicate = (lambda row: row.price is not None) if present else None
            model.reorder()
        assert sorted(model.order) == sorted(
            row_id for row_id, row in model.rows.items() if model.predicate is None or model.predicate(row)
        )
        if held in model.order:
            assert model.cursor_id == held
        elif model.order:
            assert model.cursor == min(height, len(model.order) - 1)
        else:
            assert model.cursor_id is None
        assert model.cursor_id is None or model.order[model.cursor] == model.cursor_id


@given(st.dictionaries(IDS, ITEMS), st.booleans())
def test_unknown_values_come_last_in_both_directions(rows: dict[str, Item], descending: bool) -> None:
    model: TableModel[Item] = TableModel()
    model.sort = (COLUMNS[1], descending)
    model.replace(rows)
    prices = [rows[row_id].price for row_id in model.order]
    known = [price for price in prices if price is not None]
    assert prices[: len(known)] == sorted(known, reverse=descending)


@given(st.text(max_size=40), st.integers(1, 30), st.sampled_from(["left", "right"]), st.sampled_from(["start", "end"]))
def test_text_fills_its_width_to_the_cell(text: str, width: int, align: str, cut: str) -> None:
    cut_text = fit(text, width, align=align, cut=cut)
    assert cell_len(cut_text) == width
    assert "\n" not in cut_text


@pytest.mark.parametrize(
    ("text", "cut", "result"),
    [
        ("llama70-california", "end", "llama70…"),
        ("i-0123456789abcdef", "start", "…9abcdef"),
        ("数据处理机器", "end", "数据处 …"),
        ("数据处理机器", "start", "… 理机器"),
        ("שלום-עולם-רחב", "end", "שלום-עו…"),
        ("evil\u202egnp.exe", "end", "evilgnp…"),
        ("tab\tand\nline", "end", "tab and…"),
    ],
)
def test_what_does_not_fit_is_cut_from_the_end_that_matters_least(text: str, cut: str, result: str) -> None:
    assert fit(text, 8, cut=cut) == result


@given(st.integers(10, 200))
def test_columns_never_take_more_than_there_is_once_they_fit(width: int) -> None:
    columns: list[Column[Item]] = [
        Column(key="a", title="a", width=10, weight=3, most=30, cell=lambda row: row.name),
        Column(key="b", title="b", width=8, weight=1, cell=lambda row: row.name),
        Column(key="c", title="c", width=6, cell=lambda row: row.name, needs=60),
    ]
    layout = lay_out(columns, width, 2)
    total = sum(each for _, each in layout) + 2 * (len(layout) - 1)
    assert total == max(width, 20 + (8 if width >= 60 else 0))
    assert all(each >= column.width for column, each in layout)


@pytest.mark.asyncio
async def test_keys_move_mark_and_open() -> None:
    async with shown() as (table, pilot):
        await pilot.press("down", "j", "enter")
        assert table.cursor_id == "id2"
        assert table.opened == ["id2"]
        await pilot.press("space", "space", "up")
        assert table.selected_ids() == ["id2", "id3"]
        assert "✓" in painted(table, 3)
        await pilot.press("G")
        assert table.cursor_id == "id4"
        await pilot.press("g")
        assert table.cursor_id == "id0"


@pytest.mark.asyncio
async def test_shift_and_a_letter_sorts_and_the_same_again_turns_it_round() -> None:
    async with shown() as (table, pilot):
        await pilot.press("P")
        assert list(table.order) == ["id4", "id3", "id2", "id1", "id0"]
        assert table.cursor_id == "id0"
        assert "price▾" in painted(table, 0)
        await pilot.press("P")
        assert table.order[0] == "id0"


@pytest.mark.asyncio
async def test_the_mouse_moves_sorts_marks_opens_and_scrolls() -> None:
    async with shown(50) as (table, pilot):
        await pilot.click(Watched, offset=(6, 4))
        assert table.cursor_id == "id3"
        await pilot.click(Watched, offset=(0, 4))
        assert table.marked_ids == {"id3"}
        await pilot.click(Watched, offset=(6, 6), times=2)
        assert table.opened == ["id5"]
        await pilot.click(Watched, offset=(17, 0))
        assert table.sorted_by == ("price", True)
        table.scroll_down(animate=False)
        await pilot.pause()
        assert table.scroll_offset.y > 0


@pytest.mark.asyncio
async def test_only_the_lines_that_changed_are_painted_again() -> None:
    async with shown(50) as (table, pilot):
        await pilot.pause()
        table.painted.clear()
        table.update_rows({"id2": Item("other", 2.0), "id40": Item("hidden", 40.0), "id3": Item("row3", 3.0)})
        assert [region.y for region in table.painted if region.height] == [3]
        table.painted.clear()
        table.refresh_texts()
        assert table.painted == []
        await pilot.pause()
        assert "other" in painted(table, 3)


@pytest.mark.asyncio
async def test_cells_that_look_alike_are_sent_in_one_run() -> None:
    async with shown(columns=[*COLUMNS, FAR_COLUMN], size=(40, 10)) as (table, _):
        line = table.render_line(2)
        assert all(one.style != next_one.style for one, next_one in pairwise(line))


@pytest.mark.asyncio
async def test_the_row_under_the_cursor_keeps_its_height_when_rows_come_above_it() -> None:
    async with shown(50) as (table, pilot):
        await pilot.press(*["down"] * 20)
        height = table.order.index("id20") - table.scroll_offset.y
        table.set_rows({**{f"new{n}": Item(f"new{n}") for n in range(5)}, **dict(table.rows)})
        await pilot.pause()
        assert table.cursor_id == "id20"
        assert table.order.index("id20") - table.scroll_offset.y == height


@pytest.mark.asyncio
async def test_columns_that_do_not_fit_are_paged_and_the_first_one_stays() -> None:
    async with shown(columns=[*COLUMNS, FAR_COLUMN], size=(40, 10)) as (table, pilot):
        assert painted(table, 0).rstrip().endswith("›")
        assert "$0.00" in painted(table, 1)
        await pilot.press("right", "right", "right")
        assert "row0" in painted(table, 1)
        assert "$0.00" not in painted(table, 1)
        assert not painted(table, 0).rstrip().endswith("›")
        await pilot.press("left", "left", "left")
        assert "$0.00" in painted(table, 1)


@pytest.mark.asyncio
@pytest.mark.parametrize("width", range(24, 70, 5))
async def test_a_figure_is_shown_whole_or_not_at_all_wherever_the_view_ends(width: int) -> None:
    def figure(n: int) -> Column[Item]:
        return Column(key=f"n{n}", title=f"n{n}", width=7, align="right", cell=lambda _: f"{n}12.34k")

    figures = [figure(n) for n in range(1, 8)]
    async with shown(columns=[COLUMNS[0], *figures], size=(width, 10)) as (table, pilot):
        seen: set[str] = set()
        for _ in range(8):
            words = painted(table, 1).replace("▸", "").split()
            assert words[0] == "row0"
            assert all(word.endswith("12.34k") for word in words[1:]), words
            seen.update(words[1:])
            await pilot.press("right")
        assert len(seen) == len(figures)
        last = painted(table, 1)
        await pilot.press("right")
        assert painted(table, 1) == last
        await pilot.press(*["left"] * 8)
        assert "112.34k" in painted(table, 1)


@pytest.mark.asyncio
async def test_an_empty_table_says_what_to_do_and_survives_every_key() -> None:
    async with shown(0) as (table, pilot):
        assert "Nothing yet." in painted(table, 2)
        await pilot.press("up", "down", "enter", "space", "pagedown", "end", "home", "N", "left", "right")
        assert table.selected_ids() == []
        table.set_rows({"a": Item("a")})
        assert table.selected_ids() == ["a"]


@pytest.mark.asyncio
async def test_wide_and_right_to_left_names_never_move_the_columns() -> None:
    async with shown() as (table, pilot):
        names = ["数据处理机器数据", "שלום עולם", "👩‍🚀 crew", "plain", "e\u0301tude"]
        table.set_rows({name: Item(name, 1.0) for name in names})
        await pilot.pause()
        for line in range(1, 6):
            text = painted(table, line)
            assert cell_len(text[: text.index("$1.00")]) == cell_len("  ") + 10 + 2 + 3
            assert cell_len(text) == 40


@pytest.mark.asyncio
async def test_marks_of_rows_that_are_gone_are_gone() -> None:
    async with shown() as (table, pilot):
        await pilot.press("space", "space")
        table.update_rows({}, ["id0"])
        assert table.marked_ids == {"id1"}
        table.set_filter(lambda row: row.name == "row4")
        assert table.selected_ids() == ["id1"], "a filter hides a mark and does not take it"


@pytest.mark.asyncio
async def test_a_row_that_changes_after_a_change_of_style_is_painted() -> None:
    """A dialog that opens over the table restyles it, and Textual then shows lines it kept, without asking for them."""
    async with shown() as (table, _):
        table.notify_style_update()
        table.painted.clear()
        table.set_rows(dict(table.rows) | {"id1": Item("renamed", 1.0)})
        assert [region.y for region in table.painted] == [2]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("kinds", [3, 400])
def test_rows_of_few_or_many_values_sort_alike(kinds: int, descending: bool) -> None:
    rows = {f"id{place}": Item(f"kind{place * 7919 % kinds:03}", float(place)) for place in range(400)}
    model: TableModel[Item] = TableModel()
    model.sort = (COLUMNS[0], descending)
    model.replace(rows)
    assert model.order == sorted(rows, key=lambda row_id: rows[row_id].name, reverse=descending)


@pytest.mark.asyncio
async def test_ten_thousand_rows_of_fifty_that_change_at_once_leave_cursor_marks_and_height() -> None:
    async with shown(50_000, size=(40, 12)) as (table, pilot):
        table.move_to_row("id30000")
        await pilot.press("space")
        await pilot.pause()
        height = table.order.index("id30001") - table.scroll_offset.y
        table.painted.clear()
        table.update_rows({f"id{n}": Item(f"row{n}", float(-n)) for n in range(25_000, 35_000)})
        assert {region.y for region in table.painted if region.height} <= set(range(1, 12)), "only lines in view"
        assert table.cursor_id == "id30001"
        assert table.marked_ids == {"id30000"}
        table.sort_by("price")
        await pilot.pause()
        assert table.cursor_id == "id30001"
        assert table.order.index("id30001") - table.scroll_offset.y == height
        table.update_rows({}, [f"id{n}" for n in range(10_000)])
        await pilot.pause()
        assert len(table.order) == 40_000
        assert table.order.index("id30001") - table.scroll_offset.y == height


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "name", ["数" * 200, "ש" * 200, "a\u202eb" * 100, "\u200f" * 200, "e\u0301" * 200, "👩‍🚀" * 100]
)
async def test_a_name_of_two_hundred_wide_or_turned_letters_stays_in_its_column(name: str) -> None:
    async with shown() as (table, pilot):
        table.set_rows({"a": Item(name, 1.0), "b": Item("plain", 1.0)})
        await pilot.pause()
        first, second = painted(table, 1), painted(table, 2)
        assert cell_len(first) == cell_len(second) == 40
        assert cell_len(first[: first.index("$1.00")]) == cell_len(second[: second.index("$1.00")])
        assert not {"\u202e", "\u200f"} & set(first)
