"""The prices of every cloud in the console: ranked, narrowed, compared, and a launch that begins from one."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.offer_table import table_of
from aicompute_tui.ui.offer_sheet import OfferSheet
from tests.ui import offers_world
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest


def prices(
    session: FullSession | None = None, *, size: tuple[int, int] = (120, 40), read_only: bool = False
) -> AbstractAsyncContextManager[Console]:
    return console(fleet(), session=session or FullSession(read_only=read_only), size=size)


async def opened(world: Console) -> None:
    await world.press("6")
    await rest(world)


def offers_shown(world: Console) -> list[str]:
    table = world.view.active_table
    assert table is not None
    return [row_id.rpartition("/")[2] for row_id in table.order]


@pytest.mark.asyncio
async def test_six_shows_what_machines_cost_with_source_and_age() -> None:
    async with prices() as world:
        await opened(world)
        assert world.view.crumbs == ("Prices",)
        assert "gpu_1x_a10" in world.shown
        assert "1 × A10G" in world.shown
        assert "$0.42" in world.shown
        assert "spot $0.4200/h in ca-central-1b, read 1d02 ago: snapshot" in world.shown
        assert "skypilot-catalog" in world.shown
        assert "<5% of these are taken back in a month" in world.shown
        assert "4 offers" in world.shown


@pytest.mark.asyncio
async def test_what_costs_least_comes_first_and_columns_page_sideways() -> None:
    async with prices(size=(80, 24)) as world:
        await opened(world)
        assert offers_shown(world)[0] == "g5.xlarge"
        assert "GiB/h" not in world.shown
        await world.press(*["right"] * 4)
        await rest(world)
        assert "price from" in world.shown
        assert "g5.xlarge" in world.shown


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gpu:h100", ["8x_H100-SXM_SECURE"]),
        ("vram>90", ["g5.12xlarge", "8x_H100-SXM_SECURE"]),
        ("spot<1", ["g5.xlarge"]),
        ("price<0.9", ["g5.xlarge", "gpu_1x_a10"]),
        ("!cloud:aws", ["gpu_1x_a10", "8x_H100-SXM_SECURE"]),
        ("ends<10 saves>60", ["g5.xlarge"]),
        ("@us-east", ["gpu_1x_a10", "g5.12xlarge"]),
        ("a10 count=1", ["g5.xlarge", "gpu_1x_a10"]),
        ("/^g5/", ["g5.xlarge", "g5.12xlarge"]),
        ("age>2d", []),
        ("list=5.67", ["g5.12xlarge"]),
    ],
)
async def test_a_filter_compares_figures_and_looks_into_words(text: str, found: list[str]) -> None:
    async with prices() as world:
        await opened(world)
        world.view._filter(text)
        assert offers_shown(world) == found


@pytest.mark.asyncio
async def test_a_column_that_is_not_there_is_said() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("slash", *"vrm", "greater_than_sign", "2", "enter")
        shown = await rest(world)
        assert "There is no column “vrm” here. Did you mean vram?" in shown


@pytest.mark.asyncio
async def test_keys_narrow_to_the_cloud_the_gpu_and_the_market_and_escape_widens_again() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("o")
        await rest(world)
        assert offers_shown(world) == ["g5.xlarge", "g5.12xlarge"]
        assert "2 of 4 offers" in world.shown
        await world.press("m")
        await rest(world)
        assert world.view.crumbs == ("Prices", "aws", "spot")
        await world.press("m")
        await rest(world)
        assert world.view.crumbs == ("Prices", "aws", "on-demand")
        await world.press("escape")
        await rest(world)
        assert len(offers_shown(world)) == 4
        assert "spot" not in world.header.partition("$")[0]
        await world.press("u")
        await rest(world)
        assert offers_shown(world) == ["g5.xlarge", "g5.12xlarge"]


@pytest.mark.asyncio
async def test_the_market_decides_what_ranks_and_what_is_shown() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("m")
        await rest(world)
        assert "gpu_1x_a10" not in offers_shown(world), "it has no spot price"
        await world.press("m")
        await rest(world)
        assert offers_shown(world)[0] == "gpu_1x_a10", "on demand it costs least"


@pytest.mark.asyncio
async def test_sorting_puts_what_is_not_known_last_either_way() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("S")
        await rest(world)
        assert offers_shown(world) == ["g5.xlarge", "g5.12xlarge", "8x_H100-SXM_SECURE", "gpu_1x_a10"]
        await world.press("S")
        await rest(world)
        assert offers_shown(world) == ["8x_H100-SXM_SECURE", "g5.12xlarge", "g5.xlarge", "gpu_1x_a10"]


@pytest.mark.asyncio
async def test_the_cursor_and_the_marks_stay_on_their_offers_when_prices_are_read_anew() -> None:
    session = FullSession()
    async with prices(session) as world:
        await opened(world)
        await world.press("down", "space")
        session.known_offers = table_of(
            [offers_world.offer("vast", "Texas", "4090", "RTX4090", spot="0.1")]
            + [session.known_offers.offer(row) for row in range(4)]
        )
        await world.press("ctrl+r")
        await world.until(lambda: "5 offers" in world.shown)
        table = world.view.active_table
        assert table is not None
        assert table.cursor_id == "aws/us-east-1/g5.12xlarge"
        assert table.marked_ids == {"lambda/us-east-1/gpu_1x_a10"}


@pytest.mark.asyncio
async def test_enter_begins_a_launch_of_what_can_be_launched() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("enter")
        await rest(world)
        assert world.view.crumbs[0] == "Launch"
        form = world.view.form  # type: ignore[attr-defined]
        assert (form["type"], form["region"], form["market"]) == ("g5.xlarge", "ca-central-1", "spot")


@pytest.mark.asyncio
async def test_enter_on_a_cloud_without_launches_says_so_and_stays() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("down", "enter")
        await rest(world)
        assert world.view.crumbs == ("Prices",)
        assert "Nothing is launched at lambda from here." in world.shown


@pytest.mark.asyncio
async def test_read_only_shows_the_record_instead_of_a_launch() -> None:
    async with prices(read_only=True) as world:
        await opened(world)
        await world.press("enter")
        await rest(world)
        assert '"usd_per_vram_gib_hour"' in world.shown


@pytest.mark.asyncio
async def test_marked_offers_stand_side_by_side() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("space", "space", "v")
        await rest(world)
        assert "g5.xlarge ca-central-1" in world.shown
        assert "2 compared" in world.header
        assert "0.42" in world.shown
        assert "0.86" in world.shown


@pytest.mark.asyncio
async def test_columns_are_chosen_and_ordered() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("f")
        await rest(world)
        assert "where it stands" in world.shown
        await world.press("down", "space", "down", "right", "enter")
        await rest(world)
        table = world.view.active_table
        assert table is not None
        titles = [column.title for column in table.columns]
        assert titles[:3] == ["type", "GPU", "region"]
        assert "cloud" not in titles


@pytest.mark.asyncio
async def test_arguments_of_the_list_become_facets_and_a_filter() -> None:
    async with prices() as world:
        world.app.open_view("price.list", {"gpu": "a10g", "cloud": ["aws"], "vram": "90", "market": "spot"})
        await rest(world)
        assert offers_shown(world) == ["g5.12xlarge"]
        assert world.view.crumbs == ("Prices", "aws", "spot")
        assert "gpu:a10g vram>=90" in world.header


@pytest.mark.asyncio
async def test_a_placement_score_and_a_refresh_are_told_in_one_line() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("p")
        await rest(world)
        assert "Placement score of g5.xlarge now, of 10: ca-central-1b 9, ca-central-1a 3" in world.jobs
        await world.press("r")
        await rest(world)
        assert "1 of 2 price feeds are up to date." in world.jobs
        assert "AWS spot advisor: It did not answer within 10 s." in world.jobs


@pytest.mark.asyncio
async def test_no_placement_score_is_asked_of_aws_for_another_cloud() -> None:
    async with prices() as world:
        await opened(world)
        await world.press("down", "p")
        await rest(world)
        assert "lambda gives no placement score." in world.shown
        assert "Placement score" not in world.jobs


@pytest.mark.asyncio
async def test_without_an_agent_the_prices_stand_all_the_same() -> None:
    session = FullSession()
    session.answers.clear()
    async with prices(session) as world:
        await opened(world)
        assert "g5.xlarge" in world.shown
        await world.press("p")
        await rest(world)
        assert "No agent is running." in world.jobs


@pytest.mark.asyncio
async def test_what_the_quota_leaves_stands_beside_the_offers_of_aws() -> None:
    session = FullSession()
    row: JsonObject = {"region": "ca-central-1", "market": "spot", "family": "G/VT", "free_vcpus": 13}
    session.answers["quota.list"] = [row, {**row, "region": "us-east-1", "free_vcpus": None}]
    async with prices(session) as world:
        await opened(world)
        table = world.view.active_table
        assert table is not None
        left = {row_id: (world.view.record_of(row_id) or {})["quota_machines"] for row_id in table.order}
        assert left == {
            "aws/ca-central-1/g5.xlarge": 3.0, "lambda/us-east-1/gpu_1x_a10": None, "aws/us-east-1/g5.12xlarge": None,
            "runpod/CA/8x_H100-SXM_SECURE": None,
        }  # fmt: skip
        assert "quota of account" not in world.shown


@pytest.mark.asyncio
async def test_of_several_accounts_it_is_said_whose_quota_stands_there() -> None:
    session = FullSession()
    row: JsonObject = {
        "region": "ca-central-1",
        "market": "spot",
        "family": "G/VT",
        "free_vcpus": 13,
        "account": "1111",
    }
    session.answers["quota.list"] = [row, {**row, "free_vcpus": 40, "account_id": "2222"}]
    async with prices(session) as world:
        await opened(world)
        assert (world.view.record_of("aws/ca-central-1/g5.xlarge") or {})["quota_machines"] == 10.0
        assert "quota of account 2222, which has the most left" in world.shown
        await world.press("down")
        assert "quota of account" not in world.shown


@pytest.mark.asyncio
async def test_a_share_of_a_gpu_stands_as_one_and_is_never_ranked_as_a_whole() -> None:
    session = FullSession()
    session.known_offers = table_of(offers_world.shares())
    async with prices(session, size=(160, 40)) as world:
        await opened(world)
        assert offers_shown(world) == ["g6f.large", "g9f.large", "g6.xlarge"], "as machines go, they cost least"
        for name, gpu in (("g6f.large", "1/8 × L4"), ("g9f.large", "– × L4"), ("g6.xlarge", "1 × L4")):
            assert any(name in line and f" {gpu} " in line for line in world.shown.splitlines()), name
        await world.press("U")
        await rest(world)
        assert offers_shown(world) == ["g6.xlarge", "g6f.large", "g9f.large"], "$0.40, $0.64 and unknown"
        for text, found in (
            ("count=1", ["g6.xlarge"]),
            ("count<1", ["g6f.large"]),
            ("vram<3", ["g6f.large", "g9f.large"]),
        ):
            world.view._filter(text)
            assert offers_shown(world) == found, text
    assert [*OfferSheet(session.known_offers, 0).fields["gpus"].vector] == [1, 0, 2], "unknown, an eighth, the whole"
