"""Home: figures at a glance, what needs a person as a list to act on, what runs, what was spent and what happened."""

from __future__ import annotations

from datetime import date

import pytest
from textual.content import Content
from textual.widget import Widget

from aicompute_tui.services import attention, retry
from aicompute_tui.store.rows import EventRow, Snapshot
from aicompute_tui.ui.glyphs import ASCII, UNICODE
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.dashboard import DashboardScreen
from aicompute_tui.ui.screens.detail import DetailScreen
from aicompute_tui.ui.screens.instances import InstancesScreen
from aicompute_tui.ui.widgets.card_line import CardLine
from aicompute_tui.ui.widgets.needs_list import NeedsList
from aicompute_tui.ui.widgets.spend_chart import SpendChart, chart_lines, tick
from tests.ui.console_world import (
    HOUR,
    MINUTE,
    NOW,
    Console,
    HeldSession,
    console,
    job,
    machine,
    node,
    reading,
    sighting,
)

IDLE = node("lab", idle_since=NOW - 24 * MINUTE, idle_ends_at=NOW + 6 * MINUTE)
FLEET = reading(
    [machine("lab"), machine("embed"), machine("old", state="terminated", ended_at=NOW - HOUR, billing_since=None)],
    [sighting("batch-7", "orphan", launched_at=NOW - 9 * HOUR, price_usd_per_hour=0.2)],
    nodes=[IDLE, node("embed")],
)
DOLLAR = 1_000_000_000


def needs(world: Console) -> NeedsList:
    return world.app.screen_stack[0].query_one(NeedsList)


def need_lines(world: Console) -> list[str]:
    return [world.line(needs(world), y) for y in range(1, len(needs(world).order) + 1)]


async def to_needs(world: Console, subject: str) -> None:
    """By keys, as a person goes there."""
    await world.press("shift+tab")
    assert needs(world).has_focus
    while needs(world).need is not None and needs(world).need.subject != subject:  # type: ignore[union-attr]
        await world.press("down")
    assert needs(world).has_focus


@pytest.mark.asyncio
async def test_home_is_the_dashboard_and_lists_what_lives() -> None:
    async with console(FLEET) as world:
        assert isinstance(world.view, DashboardScreen)
        assert sorted(world.names) == ["embed", "lab"]
        await world.press("2")
        assert isinstance(world.view, InstancesScreen)
        table = world.view.query_one("#machines")
        assert len(table.rows) == 3  # type: ignore[attr-defined]
        await world.press("1")
        assert isinstance(world.view, DashboardScreen)


@pytest.mark.asyncio
async def test_the_key_a_need_names_works_right_there() -> None:
    async with console(FLEET) as world:
        assert ["batch-7" in line for line in need_lines(world)] == [True, False]
        assert "+ extend" in need_lines(world)[1]
        world.machines.move_to_row("id-embed")
        await to_needs(world, "lab")
        assert "+ extend" in world.footer
        await world.press("plus")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][0] == "instance.extend"
        assert world.session.submitted[0][2] == "id-lab"


@pytest.mark.asyncio
async def test_an_orphan_is_adopted_from_its_line_and_enter_goes_to_its_row() -> None:
    async with console(FLEET) as world:
        await to_needs(world, "batch-7")
        assert "9h" in need_lines(world)[0]
        assert world.footer.strip().startswith("o adopt")
        assert world.footer.rstrip().endswith("? help")
        await world.press("o")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("escape")
        await world.press("enter")
        await world.until(lambda: isinstance(world.view, InstancesScreen))
        table = world.view.query_one("#sightings")
        await world.until(lambda: table.has_focus)
        assert "batch-7" in str(table.cursor_id)  # type: ignore[attr-defined]


@pytest.mark.asyncio
async def test_enter_on_a_need_opens_its_machine_and_arrows_walk_between_needs_and_machines() -> None:
    async with console(FLEET) as world:
        await world.press("home", "up")
        assert needs(world).has_focus
        await world.press("end", "down")
        assert world.machines.has_focus
        await to_needs(world, "lab")
        await world.press("enter")
        await world.until(lambda: isinstance(world.view, DetailScreen))
        assert "lab" in world.header
        await world.press("escape")
        assert isinstance(world.view, DashboardScreen)


@pytest.mark.asyncio
async def test_a_failed_job_is_retried_from_its_line() -> None:
    failed = job("instance.extend", "failed", subject="id-lab", error_message="No answer.", ended_at=NOW - 5 * MINUTE)
    async with console(FLEET._replace(jobs=[failed])) as world:
        await to_needs(world, "lab")
        while needs(world).need is None or needs(world).need.kind != "job-failed":  # type: ignore[union-attr]
            await world.press("down")
        assert "r retry" in need_lines(world)[needs(world)._model.cursor]
        await world.press("r")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][:2] == ("job.retry", {"id": failed.id})


def test_what_cannot_be_retried_is_what_the_service_refuses() -> None:
    assert retry.NOT_REPEATED.keys() == attention.NOT_RETRIED


@pytest.mark.asyncio
async def test_the_list_goes_with_its_last_line_and_the_focus_to_the_machines() -> None:
    async with console(FLEET) as world:
        await to_needs(world, "lab")
        world.session.hand_in(reading([machine("lab")], nodes=[node("lab")]))
        await world.until(lambda: not needs(world).display and world.machines.has_focus)


@pytest.mark.asyncio
async def test_names_of_needs_are_not_cut_before_their_texts() -> None:
    name = "a-machine-with-a-long-name"
    async with console(reading([machine(name, expires_at=None)]), size=(80, 24)) as world:
        assert name in need_lines(world)[0]
        assert "never ends" in need_lines(world)[0]


@pytest.mark.asyncio
async def test_figures_that_the_header_has_no_room_for_stand_among_the_cards() -> None:
    async with console(FLEET, size=(120, 40)) as world:
        cards = world.app.screen.query_one(CardLine)
        assert "2 running / 2" in cards.text
        assert "GPU hours" in cards.text
        assert "month $" in world.header
        assert "Month" not in cards.text
    async with console(FLEET, size=(60, 24)) as world:
        assert "month" not in world.header
        await world.until(lambda: "month $" in world.app.screen.query_one(CardLine).text)
        assert "2/2 machines" in world.app.screen.query_one(CardLine).text


@pytest.mark.asyncio
async def test_use_of_ten_minutes_stands_beside_a_machine_that_works_and_its_state_beside_one_that_does_not() -> None:
    use: dict[str, tuple[float | None, ...]] = {"id-lab": (0.0, 50.0, None, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0, 99.0)}
    rows = reading([machine("lab"), machine("new", state="booting"), machine("dark")])._replace(utilisation=use)
    async with console(rows) as world:
        lines = {name: world.line(world.machines, place) for place, name in enumerate(world.names, 1)}
        assert "▁▅ █▁▁▁▁▁█" in lines["lab"]
        assert "booting" in lines["new"]
        assert "ready" in lines["dark"]


@pytest.mark.asyncio
async def test_a_machine_that_is_gone_stays_a_few_minutes() -> None:
    gone = machine("lab", state="terminated", ended_at=NOW, billing_since=None, settled_nano_usd=DOLLAR)
    async with console(reading([gone])) as world:
        assert world.names == ["lab"]
        world.session.moved_clock.move(minutes=6)
        await world.until(lambda: world.names == [])


@pytest.mark.asyncio
async def test_spending_and_events_stand_below_where_there_is_room() -> None:
    events = [EventRow("e", NOW - MINUTE, "ana", "instance.ready", "instance", "id-lab", "lab", "lab is ready", "info")]
    rows = FLEET._replace(events=events)
    async with console(rows) as world:
        await world.until(lambda: "SPEND, last 14 days" in world.shown)
        assert "LAST EVENTS" in world.shown
        assert "lab  is ready" in world.shown
        assert "today" in world.shown
        await world.pilot.resize_terminal(80, 24)
        await world.until(lambda: "LAST EVENTS" not in world.shown)
        assert "SPEND" in world.shown, "few machines leave it room"
        await world.pilot.resize_terminal(80, 18)
        await world.until(lambda: "SPEND" not in world.shown)
        await world.pilot.resize_terminal(80, 40)
        await world.until(lambda: "SPEND" in world.shown)
        assert "LAST EVENTS" not in world.shown


@pytest.mark.asyncio
async def test_a_minute_that_passes_repaints_what_it_changed_and_lays_nothing_out() -> None:
    async with console(FLEET, size=(120, 40)) as world:

        def is_to_be_laid_out() -> bool:
            screen = world.app.screen
            return any(widget._layout_required for widget in (screen, *screen.walk_children(Widget)))

        await world.until(lambda: "SPEND, last 14 days" in world.shown and not is_to_be_laid_out())
        before = world.shown
        world.session.moved_clock.move(minutes=1)
        world.view.pass_minute()
        assert not is_to_be_laid_out()
        await world.until(lambda: world.shown != before)


@pytest.mark.asyncio
async def test_an_empty_store_invites_and_draws_no_empty_chart() -> None:
    async with console() as world:
        assert "n launches one" in world.shown
        await world.until(lambda: bool(world.app.screen.query("#glance")))
        assert not world.app.screen.query_one(SpendChart).display
        assert "NEEDS YOU" not in world.shown


@pytest.mark.asyncio
async def test_a_store_that_cannot_be_read_any_more_is_the_first_need() -> None:
    async with console(FLEET) as world:
        world.session.hand_in(Snapshot(0, "", 0, [], [], [], [], [], {}, [], "The database file is damaged."))
        await world.until(lambda: "The database file is damaged." in "".join(need_lines(world)))
        assert sorted(world.names) == ["embed", "lab"], "the rows are those of the last good reading"


@pytest.mark.asyncio
async def test_what_nobody_has_looked_at_for_long_stands_with_its_age() -> None:
    async with console(reading([machine("lab", last_seen_at=NOW - 2 * HOUR)])) as world:
        assert "$0.42/h ·2h" in world.header
    async with console(reading([machine("lab", last_seen_at=NOW - MINUTE)])) as world:
        assert "·" not in world.header


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
async def test_wide_and_right_to_left_names_leave_every_line_within_the_window(size: tuple[int, int]) -> None:
    rows = reading([machine("数据" * 40, expires_at=None), machine("מכונה-אחת", state="lost")])
    async with console(rows, size=size) as world:
        await world.pilot.pause()
        assert all(strip.cell_length <= size[0] for strip in world.app.screen._compositor.render_strips())


def plain(lines: list[Content]) -> list[str]:
    return [line.plain for line in lines]


def test_the_chart_scales_to_its_largest_day_and_says_the_sum() -> None:
    days = [0, 12 * DOLLAR, 6 * DOLLAR, *[0] * 10, 3 * DOLLAR]
    lines = plain(chart_lines(days, date(2026, 11, 20), 4, UNICODE))
    assert lines[0] == "SPEND, last 14 days  $21.00"
    assert [line.split()[0] for line in lines[1:6]] == ["$12", "$9", "$6", "$3", "$0"]
    assert [line.count("█") for line in lines[1:5]] == [2, 2, 4, 6]
    assert lines[6].split() == ["7", "Nov", "today"]
    high = plain(chart_lines(days, date(2026, 11, 20), 8, UNICODE))
    assert [line.split()[0] for line in high[1:9]] == ["$12", "│", "$9", "│", "$6", "│", "$3", "│"]
    assert [line.count("█") for line in high[1:9]] == [2, 2, 2, 2, 4, 4, 6, 6]
    assert all(line.isascii() for line in plain(chart_lines(days, date(2026, 11, 20), 8, ASCII)))


@pytest.mark.parametrize(("most", "step"), [(0.0, 1.0), (0.03, 0.01), (4.0, 1.0), (26.0, 8.0), (1234.0, 400.0)])
def test_the_axis_has_round_steps(most: float, step: float) -> None:
    assert tick(most, 4) == pytest.approx(step)


def test_only_machines_that_changed_or_whose_time_has_come_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    session = HeldSession()
    rows = [machine(f"m{each}", expires_at=NOW + 7 * HOUR) for each in range(50)]
    session.state.apply(reading([*rows, machine("soon", expires_at=NOW + 10 * MINUTE)]))
    looked: list[str] = []
    original = attention._look

    def counted(instance: object, *rest: object) -> object:
        looked.append(instance.name)  # type: ignore[attr-defined]
        return original(instance, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(attention, "_look", counted)
    watched = attention.Attention()
    assert len(watched.needs(session.state, NOW)) == 1
    assert len(looked) == 51
    looked.clear()
    assert [need.text for need in watched.needs(session.state, NOW + MINUTE)] == ["ends in 9m"]
    assert looked == ["soon"]
    looked.clear()
    session.state.instances["id-m3"] = rows[3]._replace(state="lost")
    assert len(watched.needs(session.state, NOW + MINUTE)) == 2
    assert looked == ["m3"]
    assert len(watched.needs(session.state, NOW + 7 * HOUR)) == 51
