"""Offers as columns: the newest figure of each source, on disk and back, and files that cannot be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_merging import merged
from aicompute_tui.domain.offer_table import OfferTable, offer_view, table_of
from aicompute_tui.domain.price_feed import FeedState
from aicompute_tui.services.offers import offers_at, shipped_table
from aicompute_tui.store.offer_files import offers_file, read_feed, read_offers, write_feed, write_offers

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def offer(**changes: Any) -> ListedOffer:
    values: dict[str, Any] = {
        "cloud": "aws", "region": "ca-central-1", "machine_type": "g5.xlarge", "gpu_name": "A10G", "gpu_count": 1,
        "gpu_memory_mib": 22_888, "vcpu_count": 4, "memory_mib": 16_384, "on_demand_usd_per_hour": None,
        "spot_usd_per_hour": None, "source": "list", "read_at": NOW, "is_dated": True,
    }  # fmt: skip
    return ListedOffer(**{**values, **changes})


def view(*tables: OfferTable, market: Market | None = None) -> dict[str, Any]:
    table = merged(tables)
    assert len(table) == 1
    return dict(offer_view(table, 0, market, NOW))


def test_each_figure_is_the_newest_one_with_its_own_source_and_age() -> None:
    hour = timedelta(hours=1)
    catalogue = offer(source="catalogue", read_at=NOW - 9 * hour, spot_usd_per_hour=Decimal("0.5"), zone="cac1-az1",
                      on_demand_usd_per_hour=Decimal("1.1"))  # fmt: skip
    spot = offer(source="spot feed", read_at=NOW - hour, spot_usd_per_hour=Decimal("0.4"), gpu_name="")
    advisor = offer(source="advisor", read_at=NOW - 24 * hour, interruption_index=1, interruption_band="5-10%",
                    advised_saving_percent=60)  # fmt: skip
    for tables in ([catalogue, spot, advisor], [advisor, spot, catalogue]):
        row = view(*(table_of([each]) for each in tables))
        assert (row["spot_usd_per_hour"], row["spot_source"], row["spot_age_seconds"]) == (0.4, "spot feed", 3600)
        assert row["zone"] is None
        assert (row["on_demand_usd_per_hour"], row["on_demand_source"]) == (1.1, "catalogue")
        assert (row["interruption_band"], row["interruption_index"], row["interruption_source"]) == (
            "5-10%", 1, "advisor"
        )  # fmt: skip
        assert row["interruption_age_seconds"] == 86_400
        assert (row["source"], row["age_seconds"], row["as_of"]) == ("spot feed", 3600, "2026-11-21T11:00:00Z")
        assert row["gpu_name"] == "A10G"
        assert row["saving_percent"] == 64


def test_what_only_says_when_it_was_read_does_not_displace_what_is_dated() -> None:
    dated = offer(source="dated", read_at=NOW - timedelta(hours=2), spot_usd_per_hour=Decimal("0.4"))
    read = offer(source="read", read_at=NOW, is_dated=False, spot_usd_per_hour=Decimal("0.9"))
    old = offer(source="old", read_at=NOW - timedelta(hours=20), spot_usd_per_hour=Decimal("0.3"))
    assert view(table_of([dated]), table_of([read]))["spot_source"] == "dated"
    row = view(table_of([old]), table_of([read]))
    assert (row["spot_source"], row["spot_as_of"], row["spot_age_seconds"]) == ("read", None, 0)


def test_offers_without_a_price_are_none_and_the_cheapest_comes_first() -> None:
    table = merged([table_of([
        offer(region="a-1", on_demand_usd_per_hour=Decimal(3)), offer(region="b-1", interruption_index=2),
        offer(region="c-1", on_demand_usd_per_hour=Decimal(2), spot_usd_per_hour=Decimal(1)),
    ])])  # fmt: skip
    assert [table.row_id(row) for row in range(len(table))] == ["aws/c-1/g5.xlarge", "aws/a-1/g5.xlarge"]


def test_a_market_ranks_by_its_own_price_and_what_is_unknown_stays_so() -> None:
    row = view(
        table_of([offer(spot_usd_per_hour=Decimal("0.5"), vcpu_count=None, gpu_count=2)]), market=Market.ON_DEMAND
    )
    assert (row["usd_per_gpu_hour"], row["source"], row["as_of"], row["age_seconds"]) == (None, None, None, None)
    assert (row["vcpu_count"], row["interruption_band"], row["saving_percent"]) == (None, None, None)
    assert view(table_of([offer(spot_usd_per_hour=Decimal("0.5"), gpu_count=2)]))["usd_per_gpu_hour"] == 0.25


def test_what_a_share_of_unknown_size_costs_per_gpu_is_unknown_and_per_gib_is_not(tmp_path: Path) -> None:
    share = offer(spot_usd_per_hour=Decimal("0.5"), gpu_parts=None, gpu_memory_mib=2_048)
    row = view(table_of([share]))
    assert (row["gpu_count"], row["usd_per_gpu_hour"], row["vram_mib"]) == (None, None, 2_048)
    assert row["usd_per_vram_gib_hour"] == 0.25
    sixth = offer(spot_usd_per_hour=Decimal("0.5"), gpu_parts=6, region="b-1")
    write_offers(tmp_path, merged([table_of([share, sixth])]))
    back = offers_at(tmp_path)
    assert [back.offer(place).gpus for place in range(len(back))] == [pytest.approx(1 / 6), None]
    told = view(table_of([share]), table_of([offer(source="catalogue", gpu_parts=4)]))
    assert (told["gpu_count"], told["usd_per_gpu_hour"]) == (0.25, 2.0), "by the source that knows it"


def test_what_is_kept_comes_back_the_same(tmp_path: Path) -> None:
    table = shipped_table()
    write_offers(tmp_path, table)
    back = read_offers(tmp_path)
    assert back is not None
    assert back.count == table.count > 700
    assert all(back.offer(row) == table.offer(row) for row in range(len(table)))
    assert offers_at(tmp_path) == back
    state = FeedState(feed="aws-spot", etag='"x"', as_of=NOW, offers=3, problem="no.", wait_until=NOW)
    write_feed(tmp_path, state, table)
    assert read_feed(tmp_path, "aws-spot") == (state, back)


def test_many_words_need_wider_places(tmp_path: Path) -> None:
    table = table_of(offer(region=f"r-{number}", spot_usd_per_hour=Decimal(1)) for number in range(1000))
    assert table.column("region").codes.typecode == "H"
    write_offers(tmp_path, table)
    back = read_offers(tmp_path)
    assert back is not None
    assert back.word("region", 999) == "r-999"


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda content: content[:-9],
    "longer": lambda content: content + b"x",
    "another file": lambda content: b"SQLite format 3\0" + content,
    "no head": lambda content: content[:20],
    "words lost": lambda content: content.replace(b'"A10G"', b'"A10G", "A', 1),
    "a column lost": lambda content: content.replace(b'"spot_nano"', b'"sp0t_nano"', 1),
    "nothing": lambda content: b"",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_as_if_it_were_not_there(tmp_path: Path, how: str) -> None:
    write_offers(tmp_path, table_of([offer(spot_usd_per_hour=Decimal(1))]))
    path = offers_file(tmp_path)
    path.write_bytes(BROKEN[how](path.read_bytes()))
    assert read_offers(tmp_path) is None
    assert offers_at(tmp_path) is shipped_table()


@pytest.mark.parametrize(
    "head", [b'{"count": 1e999, "columns": []}', b"[" * 100_000, b'{"count": -1, "columns": []}', b"[1]"]
)
def test_a_head_that_no_one_wrote_is_as_if_it_were_not_there(tmp_path: Path, head: bytes) -> None:
    write_offers(tmp_path, shipped_table())
    path = offers_file(tmp_path)
    magic, _, rest = path.read_bytes().split(b"\n", 2)
    path.write_bytes(b"\n".join((magic, head, rest)))
    assert read_offers(tmp_path) is None


def test_words_that_are_gone_are_as_if_the_file_were_not_there(tmp_path: Path) -> None:
    write_offers(tmp_path, shipped_table())
    path = offers_file(tmp_path)
    magic, head, rest = path.read_bytes().split(b"\n", 2)
    told = json.loads(head)
    told["columns"][1]["words"] = []
    path.write_bytes(b"\n".join((magic, json.dumps(told).encode(), rest)))
    assert read_offers(tmp_path) is None


def test_what_is_known_of_a_feed_in_another_form_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    write_feed(tmp_path, FeedState(feed="aws", offers=3))
    (offers_file(tmp_path).parent / "aws.json").write_bytes(b"[" * 100_000)
    assert read_feed(tmp_path, "aws")[0] == FeedState(feed="aws")


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "prices").write_text("in the way")
    with pytest.raises(Refused, match="can be kept in"):
        write_offers(tmp_path, shipped_table())
