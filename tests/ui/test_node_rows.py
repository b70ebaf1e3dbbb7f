"""Machines that report, on the home view: what ends them, how far their set-up is, and what of it needs a person."""

from __future__ import annotations

import pytest

from aicompute_tui.services.attention import Need, needs
from aicompute_tui.store.rows import InstanceRow, NodeRow
from aicompute_tui.ui.state import ConsoleState
from tests.ui.console_world import HOUR, MINUTE, NOW, Console, console, machine, node, reading, step, tunnel

SIZES = [(80, 24), (120, 40)]
IDLE = node("lab", idle_since=NOW - 24 * MINUTE, idle_ends_at=NOW + 6 * MINUTE)


def row(world: Console, name: str = "lab") -> str:
    return world.line(world.machines, world.names.index(name) + 1)


def found(instance: InstanceRow, *nodes: NodeRow, **more: object) -> list[Need]:
    state = ConsoleState()
    state.apply(reading([instance], nodes=nodes, **more))  # type: ignore[arg-type]
    return needs(state, NOW)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_the_sooner_of_two_ends_is_shown_and_counted_down(size: tuple[int, int]) -> None:
    async with console(reading([machine("lab"), machine("busy")], nodes=[IDLE, node("busy")]), size=size) as world:
        assert "6m idle" in row(world)
        assert "7h" in row(world, "busy")
        assert "idle" not in row(world, "busy")
        world.session.moved_clock.move(minutes=2)
        await world.until(lambda: "4m idle" in row(world))
        world.session.hand_in(reading([machine("lab"), machine("busy")], nodes=[node("lab"), node("busy")]))
        await world.until(lambda: "idle" not in row(world) and "6h58" in row(world))


@pytest.mark.asyncio
async def test_an_extension_moves_the_idle_end_before_the_machine_says_so() -> None:
    async with console(reading([machine("lab")], nodes=[IDLE])) as world:
        await world.press("plus")
        await world.until(lambda: bool(world.session.submitted))
        longer = machine("lab", awake_until=NOW + HOUR, expires_at=NOW + 8 * HOUR)
        world.session.hand_in(reading([longer], nodes=[IDLE]))
        await world.until(lambda: "1h idle" in row(world))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        ([step("boot"), step("driver", "running")], "driver"),
        ([step("boot"), step("image", "running", percent=40)], "image 40%"),
        ([step("image"), step("model", "running", name="llama", percent=61), step("ready", "waiting")], "model 61%"),
        ([step("driver"), step("image", "failed", detail="the disk is full")], "✕ no image"),
        ([step("boot", "running")], "preparing"),
    ],
)
async def test_the_stage_of_a_set_up_stands_in_the_row(
    size: tuple[int, int], steps: list[dict[str, object]], shown: str
) -> None:
    told = reading([machine("lab", state="preparing")], nodes=[node("lab", steps=steps)])
    async with console(told, size=size) as world:
        assert shown in row(world)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_a_lost_connection_stands_in_the_row_in_words(size: tuple[int, int]) -> None:
    lost = node("lab", link="failed", problem_kind="Unreachable", problem="lab did not answer over ssh.")
    async with console(reading([machine("lab")], nodes=[lost]), size=size) as world:
        assert "✕ no ssh" in row(world)
        world.session.hand_in(reading([machine("lab", state="booting")], nodes=[lost]))
        await world.until(lambda: "booting" in row(world))


@pytest.mark.asyncio
async def test_filters_by_stage_and_by_idle_time() -> None:
    setting_up = node("new", steps=[step("image"), step("model", "running", name="qwen-7b")])
    rows = [machine("lab"), machine("new", state="preparing"), machine("plain")]
    async with console(reading(rows, nodes=[IDLE, setting_up, node("plain", steps=[step("ready")])])) as world:
        await world.press("slash", *"stage:model", "enter")
        assert world.names == ["new"]
        await world.press("slash", *["backspace"] * 12, *"idle<10m", "enter")
        assert world.names == ["lab"]
        await world.press("slash", *["backspace"] * 12, *"stage:ready", "enter")
        assert world.names == ["plain"]


@pytest.mark.asyncio
async def test_a_row_is_painted_again_only_where_the_report_says_something_else() -> None:
    rows = [machine("lab"), machine("other")]
    async with console(reading(rows, nodes=[IDLE])) as world:
        table = world.machines
        await world.painted()
        painted: list[int] = []
        original = table.render_line

        def counted(y: int) -> object:
            painted.append(y)
            return original(y)

        table.render_line = counted  # type: ignore[method-assign,assignment]
        world.session.hand_in(reading(rows, nodes=[IDLE._replace(read_at=NOW + 30, gpus="[1]")]))
        await world.painted()
        assert painted == []
        world.session.hand_in(reading(rows, nodes=[IDLE._replace(idle_ends_at=NOW + 5 * MINUTE)]))
        await world.until(lambda: bool(painted))
        await world.painted()
        assert len(painted) == 1


def test_idleness_that_ends_a_machine_soon_needs_a_person() -> None:
    assert [(need.text, need.action_id) for need in found(machine("lab"), IDLE)] == [
        ("idle 24m of 30m, ends in 6m", "instance.extend")
    ]
    assert found(machine("lab"), IDLE._replace(idle_ends_at=NOW + 11 * MINUTE)) == []
    assert found(machine("lab", awake_until=NOW + HOUR), IDLE) == []
    assert "ends in 3m" in found(machine("lab", expires_at=NOW + 3 * MINUTE), IDLE)[0].text


def test_a_failed_set_up_names_its_step_and_reason() -> None:
    failed = node("lab", steps=[step("image"), step("model", "failed", name="llama", detail="the token was refused")])
    need = found(machine("lab", state="preparing"), failed)[0]
    assert need.level == "bad"
    assert need.text == "Set-up failed at the model llama: the token was refused"
    assert need.action_id == "instance.logs"
    told = machine("lab", state="degraded", error_kind="SetupFailed", error_message="Set-up failed at Docker: why.")
    assert [each.text for each in found(told, failed)] == ["Set-up failed at Docker: why."]


def test_only_what_a_person_must_give_is_waited_for_aloud() -> None:
    def waiting(detail: str) -> list[Need]:
        return found(machine("lab", state="preparing"), node("lab", steps=[step("model", "running", detail=detail)]))

    assert waiting("waits for the driver") == []
    assert "waits for a Hugging Face token" in waiting("waits for a Hugging Face token")[0].text


def test_a_refused_connection_is_worse_than_one_that_does_not_answer() -> None:
    def link(kind: str) -> Need:
        return found(machine("lab"), node("lab", link="failed", problem_kind=kind, problem="Why."))[0]

    assert (link("Refused").level, link("AuthFailed").level, link("Unreachable").level) == ("bad", "bad", "warn")
    booting = machine("lab", state="booting")
    assert found(booting, node("lab", link="failed", problem_kind="Unreachable", problem="Why.")) == []
    assert found(booting, node("lab", link="failed", problem_kind="Refused", problem="Why."))[0].text == "Why."


def test_a_spot_notice_and_a_taken_port_need_a_person() -> None:
    told = {"checked_at": "2026-11-20T14:02:00Z", "notice": "The cloud takes it back at 14:04."}
    assert found(machine("lab"), node("lab", activity=told))[0].text == "The cloud takes it back at 14:04."
    quiet = {"checked_at": "2026-11-20T14:02:00Z", "notice": ""}
    assert found(machine("lab"), node("lab", activity=quiet)) == []
    taken = tunnel("lab", state="failed", problem="another program has it")
    assert "port 18412" in found(machine("lab"), tunnels=[taken])[0].text


def test_what_a_newer_program_wrote_is_left_out_and_breaks_nothing() -> None:
    strange = node("lab", steps='[{"stage": "quantum", "state": "failed"}, 7]', activity="{", gpus='{"a": 1}')
    assert found(machine("lab"), strange) == []
