"""The console as a person uses it: what needs them, the machines, filters, one machine whole, and leaving."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.errors import Refused
from aicompute_tui.ui.glyphs import ASCII
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.detail import DetailScreen
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import HOUR, MINUTE, NOW, Console, HeldSession, console, job, machine, reading, sighting

FLEET = reading(
    instances=[
        machine("llama70-ca", price_usd_per_hour=1.21, expires_at=NOW + 6 * MINUTE),
        machine("embed-1", instance_type="g4dn.xlarge", gpu_name="T4", region="eu-west-1", zone="eu-west-1a"),
        machine("ghost", state="unknown", remote_id=None, price_usd_per_hour=31.46, launched_at=None),
        machine("forever", expires_at=None, price_usd_per_hour=None),
    ],
    sightings=[sighting("bens-box"), sighting("lost-kid", "orphan", owner="ana")],
)


def needs(world: Console) -> str:
    """Every line of the needs of home."""
    table = world.app.screen_stack[0].query_one("#needs", VirtualTable)
    return "\n".join(world.line(table, y) for y in range(len(table.order) + 1)) if table.display else ""


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_home_says_what_it_costs_what_is_wrong_and_what_runs(size: tuple[int, int]) -> None:
    async with console(FLEET, size=size) as world:
        assert "$33.09/h+?" in world.header
        assert "today $" in world.header
        assert "4 alerts" in world.header
        assert "ghost" in needs(world)
        assert "may burn $31.46/h" in needs(world)
        assert "never ends by itself" in needs(world)
        assert "lost-kid" in needs(world)
        assert "NEEDS YOU" in needs(world)
        assert sorted(world.names) == ["embed-1", "forever", "ghost", "llama70-ca"]
        assert world.names[-1] == "embed-1", "rows that need someone come first"
        row = world.line(world.machines, world.names.index("ghost") + 1)
        assert "? ghost" in row
        assert "unknown" in row, "a state is told in words too"
        assert row.count("never") == 0
        assert "never" in world.line(world.machines, world.names.index("forever") + 1)
        assert "n launch" in world.footer
        assert "? help" in world.footer


@pytest.mark.asyncio
async def test_machines_without_a_row_of_ours_stand_apart() -> None:
    async with console(FLEET) as world:
        await world.press("2")
        table, machines = world.app.screen.query_one("#sightings"), world.app.screen.query_one("#machines")
        assert table.display
        await world.press("end", "down")
        assert table.has_focus
        await world.press("up")
        assert machines.has_focus
        world.session.hand_in(reading(FLEET.instances))
        await world.pilot.pause()
        assert not table.display


@pytest.mark.asyncio
async def test_a_machine_without_a_row_can_be_adopted_and_not_ended() -> None:
    async with console(reading(sightings=[sighting("bens-box")])) as world:
        world.session.hand_in(reading([machine("ours")], [sighting("bens-box")]))
        await world.pilot.pause()
        await world.press("2", "o")
        await world.until(lambda: "already has a row" in world.jobs)
        await world.press("down")
        await world.press("t")
        await world.until(lambda: "has no row here" in world.jobs)
        await world.press("o")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press(*"bens-box", "enter")
        await world.until(lambda: bool(world.session.submitted))
        action, arguments, _ = world.session.submitted[0]
        assert (action, arguments["remote_id"]) == ("instance.adopt", "i-bens-box")
        assert arguments["confirm_name"] == "bens-box"


@pytest.mark.asyncio
async def test_an_empty_console_invites() -> None:
    async with console(size=(80, 24)) as world:
        assert "n launches one" in world.line(world.machines, 2)
        assert "$0.00/h" in world.header
    async with console(session=HeldSession(read_only=True), size=(80, 24)) as world:
        assert "launch" not in world.line(world.machines, 2)


@pytest.mark.asyncio
async def test_nothing_is_invented_before_the_first_reading() -> None:
    session = HeldSession(demo=True)
    async with console(reading(problem="The database file is damaged."), session=session) as world:
        assert "$0.00" not in world.header
        assert "DEMO" in world.header
        assert "The database file is damaged." in world.line(world.machines, 2)


@pytest.mark.asyncio
async def test_a_reading_changes_the_rows_and_the_cursor_stays() -> None:
    async with console(FLEET) as world:
        world.machines.move_to_row("id-embed-1")
        world.session.hand_in(reading([*FLEET.instances, machine("newcomer", state="booting")]))
        await world.pilot.pause()
        assert world.machines.cursor_id == "id-embed-1"
        assert "newcomer" in world.names


@pytest.mark.asyncio
async def test_ages_move_by_the_minute() -> None:
    async with console(reading([machine("solo")])) as world:
        assert " 1h " in world.line(world.machines, 1)
        world.session.moved_clock.move(minutes=11)
        await world.until(lambda: " 1h11 " in world.line(world.machines, 1))
        assert "6h49" in world.line(world.machines, 1)


@pytest.mark.asyncio
async def test_the_filter_narrows_as_it_is_typed_and_escape_takes_it_back() -> None:
    async with console(FLEET) as world:
        await world.press("slash", "e", "m", "b")
        assert world.names == ["embed-1"]
        await world.press("enter")
        assert world.machines.has_focus
        assert "/emb" in world.header
        await world.press("slash", "backspace", "backspace", "backspace", *"price>1", "enter")
        assert sorted(world.names) == ["ghost", "llama70-ca"]
        await world.press("escape")
        assert len(world.names) == 4
        await world.press("slash", *"prise>1")
        assert "price" in str(world.app.screen.query_one("#filter-problem").render())
        await world.press("escape")
        assert len(world.names) == 4
        await world.press("slash", *"nothing-like-it")
        assert "esc shows all" in world.line(world.machines, 2)


@pytest.mark.asyncio
async def test_terminating_asks_first_and_then_hands_one_job_to_the_agent() -> None:
    async with console(FLEET) as world:
        world.machines.move_to_row("id-embed-1")
        await world.press("t")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("escape")
        assert world.session.submitted == []
        await world.press("t")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted == [("instance.terminate", {"names": ["id-embed-1"]}, "id-embed-1")]
        await world.until(lambda: "embed-1" in world.jobs)


@pytest.mark.asyncio
async def test_marked_rows_are_taken_together_and_let_go_afterwards() -> None:
    async with console(FLEET) as world:
        await world.press("home", "space", "space", "t")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        names = world.session.submitted[0][1]["names"]
        assert isinstance(names, list)
        assert len(names) == 2
        await world.until(lambda: not world.machines.marked_ids)


@pytest.mark.asyncio
async def test_extend_needs_no_question_and_takes_rows_one_by_one() -> None:
    async with console(FLEET) as world:
        await world.press("end", "up", "space", "space", "plus")
        await world.until(lambda: len(world.session.submitted) == 2)
        assert {action for action, _, _ in world.session.submitted} == {"instance.extend"}


@pytest.mark.asyncio
async def test_a_protected_machine_wants_its_name() -> None:
    async with console(reading([machine("crown", protected=1)])) as world:
        await world.press("t")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("enter")
        assert world.session.submitted == []
        await world.press(*"crown", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1] == {"names": ["id-crown"], "confirm_name": ["crown"]}


@pytest.mark.asyncio
async def test_a_refusal_is_one_sentence_and_the_next_step() -> None:
    async with console(FLEET) as world:
        world.session.refusal = Refused("The disk is full.", "Free some space.")
        await world.press("plus")
        await world.until(lambda: "The disk is full." in world.jobs)
        assert "Free some space." in world.jobs


@pytest.mark.asyncio
async def test_read_only_binds_nothing_that_changes_the_world() -> None:
    async with console(FLEET, session=HeldSession(read_only=True)) as world:
        for key in ("n", "t", "x", "plus", "p", "u", "b", "a", "w", "o"):
            await world.press(key)
        assert len(world.app.screen_stack) == 1
        assert world.session.submitted == []
        assert "READ-ONLY" in world.header
        assert "terminate" not in world.footer
        world.app.perform("instance.terminate", ["id-ghost"])
        await world.until(lambda: "read-only" in world.jobs)


@pytest.mark.asyncio
async def test_jobs_show_their_progress_and_how_they_ended() -> None:
    async with console(FLEET) as world:
        launch = job("instance.launch", progress="trying ca-central-1b")
        world.session.hand_in(reading(FLEET.instances, jobs=[launch]))
        await world.until(lambda: "launch" in world.jobs and "trying ca-central-1b" in world.jobs)
        failed = launch._replace(state="failed", error_message="No capacity anywhere.", ended_at=NOW)
        world.session.hand_in(reading(FLEET.instances, jobs=[failed]))
        await world.until(lambda: "launch failed: No capacity anywhere." in world.jobs)
        await world.until(lambda: "No capacity anywhere." in needs(world))


@pytest.mark.asyncio
async def test_one_machine_whole_with_its_history() -> None:
    session = HeldSession()
    session.answers["instance.show"] = {
        "name": "llama70-ca",
        "attempts": [{"number": 1, "zone": "ca-central-1b", "state": "accepted", "written_at": "2026-11-20T13:02:00Z"}],
        "history": [{"at": "2026-11-20T13:02:00Z", "actor": "ana@jump", "message": "llama70-ca was requested."}],
    }
    async with console(FLEET, session=session) as world:
        world.machines.move_to_row("id-llama70-ca")
        await world.press("enter")
        await world.until(lambda: "was requested" in world.parts("#history"))
        assert "● ready" in world.parts("#facts")
        assert "ends in 6m" in world.parts("#facts")
        assert "accepted" in world.parts("#history")
        assert "123456789012" in world.parts("#history")
        assert "Machines › llama70-ca" in world.header
        await world.press("escape")
        assert not isinstance(world.app.screen, DetailScreen)


@pytest.mark.asyncio
async def test_without_an_agent_the_detail_says_so_in_a_line() -> None:
    async with console(FLEET, size=(80, 24)) as world:
        await world.press("d")
        await world.until(lambda: "No agent is running." in world.parts("#history"))
        assert "ghost" in world.header
        assert "unknown" in world.parts("#facts")


@pytest.mark.asyncio
@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_asks_and_names_what_keeps_running(key: str) -> None:
    async with console(FLEET) as world:
        await world.press(key)
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        dialog = world.app.screen
        assert isinstance(dialog, ConfirmDialog)
        assert any("embed-1" in line and "ends by itself in 7h" in line for line in dialog.damage)
        assert any("forever" in line and "never ends by itself" in line for line in dialog.damage)
        await world.press("escape")
        assert world.app.is_running
        await world.press(key)
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("right", "enter")
        await world.until(lambda: not world.app.is_running)
        assert world.app.return_value == 0


@pytest.mark.asyncio
async def test_ctrl_q_does_nothing_and_escape_never_leaves_home() -> None:
    async with console(FLEET) as world:
        await world.press("ctrl+q", "escape", "escape")
        assert world.app.is_running
        assert len(world.app.screen_stack) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (20, 5), (8, 3)])
async def test_a_tiny_terminal_crashes_nothing(size: tuple[int, int]) -> None:
    async with console(FLEET, size=size) as world:
        await world.press("down", "space", "P", "right", "left", "slash", "e", "enter", "escape", "z", "enter")
        await world.press("escape", "question_mark", "escape", "t")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("escape")
        await world.pilot.resize_terminal(120, 40)
        await world.pilot.resize_terminal(*size)
        assert world.app.is_running


@pytest.mark.asyncio
async def test_without_utf8_every_mark_has_its_ascii_twin() -> None:
    session = HeldSession(glyphs=ASCII)
    async with console(FLEET, session=session, size=(80, 24)) as world:
        lines = [world.line(world.machines, y) for y in range(5)]
        shown = "".join([*lines, world.header, world.footer, world.jobs, needs(world)])
        assert shown.isascii(), [letter for letter in shown if not letter.isascii()]


@pytest.mark.asyncio
async def test_views_are_a_history() -> None:
    async with console(FLEET) as world:
        await world.press("0")
        assert len(world.app.screen_stack) == 2
        await world.press("left_square_bracket")
        assert len(world.app.screen_stack) == 1
        await world.press("right_square_bracket")
        assert len(world.app.screen_stack) == 2
        await world.press("1")
        assert len(world.app.screen_stack) == 1
        assert world.machines.has_focus


@pytest.mark.asyncio
async def test_nothing_is_painted_when_nothing_changes() -> None:
    async with console(reading([machine("solo", expires_at=NOW + HOUR)])) as world:
        table = world.machines
        await world.painted()
        painted: list[int] = []
        original = table.render_line

        def counted(y: int) -> object:
            painted.append(y)
            return original(y)

        table.render_line = counted  # type: ignore[method-assign,assignment]
        world.session.hand_in(reading([machine("solo", expires_at=NOW + HOUR)]))
        world.app.screen.tick()  # type: ignore[attr-defined]
        await world.painted()
        assert painted == []


@pytest.mark.asyncio
async def test_an_agent_that_is_gone_is_said_in_the_header_and_why_in_a_line() -> None:
    async with console(FLEET) as world:
        world.session.agent_state, world.session.agent_problem = "off", "The agent ended at once: disk full."
        world.session.on_agent()
        await world.until(lambda: "no agent" in world.header and "disk full" in world.jobs)
