"""The filter over columns takes the rows that the same words take one by one, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.ui.column_filter import filter_mask
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.offer_sheet import CONTEXT, SEARCHED, OfferSheet
from tests.ui.offers_world import many

TABLE: OfferTable = many(300)
SHEET = OfferSheet(TABLE, 1.8e9)
_TERMS = (
    "aws", "h100", "gpu:a10", "cloud:vast", "region=us-east-1", "spot<0.2", "list>=0.5", "count=4", "vram>90",
    "ends<10", "gib_hour<0.01", "saves>30", "/^l4/", "-f eu1", "@us-", "zone:b", "age>2d", "price<0.15", "vcpu>8",
)  # fmt: skip


def taken(text: str) -> list[int]:
    mask = filter_mask(parse_filter(text, SHEET.fields), SHEET.fields, SEARCHED, CONTEXT)
    return list(range(len(TABLE))) if mask is None else [row for row in range(len(TABLE)) if mask[row]]


def one_by_one(text: str) -> list[int]:
    """By the rows' own words and figures, as any other table is filtered."""

    def text_of(row: int) -> str:
        return "\n".join(str(SHEET.fields[name](row) or "") for name in SEARCHED).lower()

    def value_of(row: int, name: str) -> str | float | None:
        value = SHEET.fields[CONTEXT if name == "@" else name](row)
        return round(value, 9) if isinstance(value, float) else value

    predicate = parse_filter(text, SHEET.fields).predicate(text_of, value_of)
    return [row for row in range(len(TABLE)) if predicate is None or predicate(row)]


@given(some.lists(some.tuples(some.sampled_from(_TERMS), some.booleans()), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_masks_take_what_a_predicate_takes(terms: list[tuple[str, bool]]) -> None:
    words = [("!" if inverse else "") + term for term, inverse in terms]
    alone = [word for word in words if "/" in word or "-f" in word]
    text = alone[0] if alone else " ".join(words)
    assert taken(text) == one_by_one(text)


@pytest.mark.parametrize("text", ["", "   "])
def test_nothing_typed_takes_all(text: str) -> None:
    assert len(taken(text)) == 300


def test_a_figure_is_found_as_it_is_written() -> None:
    assert taken("spot:0.11") == [row for row in range(300) if f"{SHEET.fields['spot'](row):.2f}" == "0.11"]


def test_rows_are_found_by_what_they_are_called() -> None:
    fresh = OfferSheet(TABLE, 0)
    assert [fresh.row_of(TABLE.row_id(row)) for row in (0, 17, 299)] == [0, 17, 299]
    assert fresh.row_of("aws/nowhere/a10g.0") is None
    assert fresh.row_of("aws/us-east-1/nothing") is None
