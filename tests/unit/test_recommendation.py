"""On which offers a model fits within a budget: what must hold for every model, use and list of prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.fit import ENGINES, Use, Verdict
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.model_shape import AttentionLayers, ModelShape
from aicompute_tui.domain.offer_rows import OfferRows
from aicompute_tui.domain.offer_table import OfferTable, table_of
from aicompute_tui.domain.recommendation import Suggestion, Version, Wish, suggestions
from aicompute_tui.services.rentable import rentable

GIB = 1 << 30
READ = datetime(2026, 11, 20, tzinfo=UTC)


def shape(weights_gib: int, *, layers: int = 32, kv_heads: int = 8, heads: int = 32) -> ModelShape:
    kept = AttentionLayers(count=layers, values_per_head=256, kv_heads=kv_heads)
    return ModelShape(name="m", layers=(kept,), heads=heads, weights_bytes=weights_gib * GIB, dtype="bfloat16")


def version(model: ModelShape, *, context: int = 8192, parallel: int = 1) -> Version:
    return Version(model=model, use=Use(engine=ENGINES["vllm"], context=context, parallel=parallel))


def offer(
    name: str, *, region: str = "ca-central-1", memory: int = 22_888, count: int = 1,
    spot: str | None = None, listed: str | None = "1.12", cloud: str = "aws",
) -> ListedOffer:  # fmt: skip
    return ListedOffer(
        cloud=cloud, region=region, machine_type=name, gpu_name="A10G", gpu_count=count, gpu_memory_mib=memory,
        vcpu_count=4, memory_mib=16_384, on_demand_usd_per_hour=None if listed is None else Decimal(listed),
        spot_usd_per_hour=None if spot is None else Decimal(spot), source="a list", read_at=READ,
    )  # fmt: skip


PRICES = st.one_of(st.none(), st.decimals(min_value="0.01", max_value="40", places=4))
OFFERS = st.lists(
    st.builds(
        lambda name, region, memory, count, spot, listed: replace(
            offer(name, region=region, memory=memory, count=count),
            spot_usd_per_hour=spot, on_demand_usd_per_hour=listed,
        ),
        name=st.sampled_from([f"t{number}" for number in range(6)]),
        region=st.sampled_from(["ca-central-1", "us-east-1", "eu-west-1"]),
        memory=st.sampled_from([16_384, 22_888, 45_776, 81_920]),
        count=st.sampled_from([1, 2, 4, 8]),
        spot=PRICES,
        listed=PRICES,
    ),
    max_size=24,
)  # fmt: skip
MODELS = st.builds(shape, weights_gib=st.integers(1, 300), layers=st.integers(1, 96), kv_heads=st.sampled_from([1, 8]))
WISHES = st.builds(Wish, market=st.one_of(st.none(), st.sampled_from(Market)))


def rows(offers: Sequence[ListedOffer]) -> OfferRows:
    return OfferRows(table_of(offers), range(len(offers)), [each.gpu_memory_mib for each in offers])


def types(found: Sequence[Suggestion]) -> set[str]:
    return {each.offer.machine_type for each in found}


@given(OFFERS, MODELS, WISHES, st.decimals("0.01", "40", places=2), st.decimals("0", "40", places=2))
def test_a_larger_budget_never_offers_less(
    offers: list[ListedOffer], model: ModelShape, wish: Wish, budget: Decimal, more: Decimal
) -> None:
    small = suggestions([version(model)], rows(offers), replace(wish, most_usd_per_hour=budget))
    large = suggestions([version(model)], rows(offers), replace(wish, most_usd_per_hour=budget + more))
    any_price = suggestions([version(model)], rows(offers), wish)
    assert types(small) <= types(large) <= types(any_price)
    assert all(each.usd_per_hour <= budget for each in small)


@given(OFFERS, MODELS, st.integers(1, 200_000), st.integers(0, 200_000), st.integers(1, 8), st.integers(0, 8))
def test_a_longer_context_or_more_at_once_never_makes_anything_fit(
    offers: list[ListedOffer], model: ModelShape, context: int, longer: int, parallel: int, more: int
) -> None:
    offers = [replace(each, region=each.machine_type, machine_type=f"{place}") for place, each in enumerate(offers)]
    less = suggestions([version(model, context=context, parallel=parallel)], rows(offers), Wish())
    greater = suggestions([version(model, context=context + longer, parallel=parallel + more)], rows(offers), Wish())
    verdicts = {each.offer.machine_type: each.fit.verdict for each in less}
    for each in greater:
        was = verdicts[each.offer.machine_type]
        assert was is Verdict.FITS or each.fit.verdict is Verdict.TIGHT


@given(OFFERS, MODELS, WISHES)
def test_what_is_offered_is_ranked_by_price_one_of_a_type_where_it_is_cheapest(
    offers: list[ListedOffer], model: ModelShape, wish: Wish
) -> None:
    found = suggestions([version(model)], rows(offers), wish)
    prices = [each.usd_per_hour for each in found]
    assert prices == sorted(prices)
    assert len(types(found)) == len(found)
    for each in found:
        assert each.fit.verdict in {Verdict.FITS, Verdict.TIGHT}
        assert each.offer.usd_per_hour(each.market) == each.usd_per_hour


def test_without_a_market_the_cheaper_one_counts_and_with_one_that_alone() -> None:
    offers = [offer("both", spot="0.42", listed="1.12"), offer("dear", spot="2.00", listed="0.90")]
    either = {each.offer.machine_type: each for each in suggestions([version(shape(8))], rows(offers), Wish())}
    assert (either["both"].market, either["both"].usd_per_hour) == (Market.SPOT, Decimal("0.42"))
    assert (either["dear"].market, either["dear"].usd_per_hour) == (Market.ON_DEMAND, Decimal("0.90"))
    spot = suggestions([version(shape(8))], rows([*offers, offer("list-only")]), Wish(market=Market.SPOT))
    assert [each.offer.machine_type for each in spot] == ["both", "dear"]


def test_a_share_of_a_gpu_is_judged_by_its_own_memory_and_at_aws_never_offered() -> None:
    shares = [
        replace(offer(name, cloud=cloud, memory=memory, listed="0.3"), gpu_name="A10", gpu_parts=parts)
        for name, cloud, memory, parts in (
            ("small", "azure", 4_096, 6), ("half", "azure", 12_288, 2), ("odd", "azure", 12_288, None),
            ("g9f.large", "aws", 12_288, 2), ("g9f.xlarge", "aws", 12_288, None),
        )
    ]  # fmt: skip
    found = suggestions([version(shape(6))], rentable(table_of(shares), None), Wish())
    assert {each.offer.machine_type: each.offer.gpus for each in found} == {"half": 0.5, "odd": None}


def test_what_has_no_price_is_not_offered() -> None:
    assert not suggestions([version(shape(8))], rows([offer("free", listed=None)]), Wish())


def test_the_first_version_that_fits_on_a_machine_is_taken_there() -> None:
    versions = [replace(version(shape(60)), quantisation="fp8"), replace(version(shape(16)), quantisation="awq")]
    offers = [offer("small", spot="0.4"), offer("large", memory=81_920, spot="2.0")]
    found = {each.offer.machine_type: each.version.quantisation for each in suggestions(versions, rows(offers), Wish())}
    assert found == {"small": "awq", "large": "fp8"}


def test_a_wish_finds_clouds_regions_and_gpus_however_they_are_written() -> None:
    offers = [
        replace(offer("p4de", region="us-east-1"), gpu_name="A100-80GB"),
        replace(offer("a10", cloud="lambda", region="europe-central-1"), gpu_name="A10"),
    ]
    assert Wish(gpu="a100 80gb").rows(rows(offers)) == [0]
    assert Wish(region="Central").rows(rows(offers)) == [1]
    assert Wish(clouds=frozenset({"lambda"})).rows(rows(offers)) == [1]


def test_of_a_whole_market_only_what_is_looked_at_becomes_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = OfferTable.offer

    def counted(table: OfferTable, row: int) -> ListedOffer:
        made.append(row)
        return make(table, row)

    monkeypatch.setattr(OfferTable, "offer", counted)
    offers = [offer(f"t{number}", spot=f"{1 + number / 1000:.3f}") for number in range(2_000)]
    found = suggestions([version(shape(8))], rows(offers), Wish())
    assert (len(found), made) == (2_000, [])
    assert [each.offer.machine_type for each in found[:3]] == ["t0", "t1", "t2"]
    assert found.easiest == found[0]
    assert len(made) == 5
