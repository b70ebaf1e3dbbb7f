"""The confirm and prompt dialogs: safe by default, named by the verb, whole at every size, deaf to strange text."""

from __future__ import annotations

import pytest
from textual import events

from aicompute_tui.actions.damage import Damage, damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.widgets.form_fields import Answer, LineInput
from tests.ui.dialog_world import OneScreen, keys_for, shown, until

DAMAGE = ("running 5h12, $6.29 so far, saves $1.21/h from now", "loses  its 120 GiB volume")


def dialog(typed_name: str | None = None) -> OneScreen:
    return OneScreen(lambda: ConfirmDialog("Terminate llama70-ca?", DAMAGE, "Terminate llama70-ca", typed_name))


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], False),
        (["escape"], False),
        (["tab", "enter"], True),
        (["right", "enter"], True),
        (["right", "left", "enter"], False),
        (["right", "space"], True),
        (["tab", "tab", "enter"], False),
    ],
)
async def test_only_the_answer_named_by_its_verb_goes_on(keys: list[str], answer: bool) -> None:
    app = dialog()
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.focused)
        await pilot.press(*keys)
        await until(pilot, lambda: app.answered)
    assert app.answered == [answer]


@pytest.mark.asyncio
async def test_a_click_answers_too() -> None:
    app = dialog()
    async with app.run_test() as pilot:
        await pilot.click("#dangerous")
        await until(pilot, lambda: app.answered)
    assert app.answered == [True]


@pytest.mark.asyncio
async def test_a_protected_machine_goes_only_when_its_name_is_typed() -> None:
    app = dialog("lab-2")
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        assert app.screen.query_one("#dangerous", Answer).disabled
        await pilot.press(*keys_for("lab"), "enter")
        assert not app.answered
        await pilot.press("tab", "tab", "enter")
        assert app.answered in ([], [False])
    again = dialog("lab-2")
    async with again.run_test() as pilot:
        await until(pilot, lambda: isinstance(again.focused, LineInput))
        await pilot.press(*keys_for("lab-2"))
        await until(pilot, lambda: not again.screen.query_one("#dangerous", Answer).disabled)
        await pilot.press("enter")
        await until(pilot, lambda: again.answered)
    assert again.answered == [True]


@pytest.mark.asyncio
async def test_the_names_of_several_may_be_typed_with_any_spaces() -> None:
    app = dialog("lab-1 lab-2")
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        assert "lab-1 lab-2" in shown(app)
        await pilot.press(*keys_for("lab-1  lab-2 "), "enter")
        await until(pilot, lambda: app.answered)
    assert app.answered == [True]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
async def test_both_answers_are_on_screen_at_every_size(size: tuple[int, int]) -> None:
    many = tuple(f"machine-{number}  running 5h12, $6.29" for number in range(60))
    app = OneScreen(lambda: ConfirmDialog("Terminate 60 machines?", many, "Terminate 60 machines", "machine-3"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.screen.focused)
        text = shown(app)
        assert "keep it" in text
        assert "Terminate 60" in text
        for answer in app.screen.query(Answer).results():
            assert app.screen.region.contains_region(answer.region)


@pytest.mark.asyncio
async def test_names_are_shown_as_they_are_whatever_they_hold() -> None:
    name = "[red]מכונה 日本語\u202e\x1b[2J"
    app = OneScreen(lambda: ConfirmDialog.of(Damage(f"Terminate {name}?", (f"{name}  x",), f"Terminate {name}", name)))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.focused)
        text = shown(app)
        assert "[red]" in text
        assert "\x1b" not in text
        assert "\u202e" not in text


@pytest.mark.asyncio
async def test_a_megabyte_pasted_is_cut_and_changes_nothing() -> None:
    app = dialog("lab-2")
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        field = app.screen.query_one("#typed-name", LineInput)
        field.post_message(events.Paste("x" * 1_000_000))
        await until(pilot, lambda: field.value)
        assert len(field.value) < 100
        assert not app.answered


@pytest.mark.asyncio
async def test_a_pasted_name_with_a_line_end_is_the_name() -> None:
    app = dialog("lab-2")
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        app.screen.query_one("#typed-name", LineInput).post_message(events.Paste("\n lab-2\r\nmore"))
        await until(pilot, lambda: app.screen.query_one("#typed-name", LineInput).value == "lab-2")


@pytest.mark.asyncio
async def test_a_prompt_says_what_is_wrong_and_takes_what_is_right() -> None:
    def rule(text: str) -> str | None:
        return None if text.isdigit() else "Give a whole number."

    app = OneScreen(lambda: PromptDialog("Change volume_gib", value="12", rule=rule))
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        await pilot.press("x", "enter")
        await until(pilot, lambda: "Give a whole number." in shown(app))
        await pilot.press("backspace", "0", "enter")
        await until(pilot, lambda: app.answered)
    assert app.answered == ["120"]


@pytest.mark.asyncio
async def test_leaving_a_prompt_answers_nothing() -> None:
    app = OneScreen(lambda: PromptDialog("Change ttl", value="8h"))
    async with app.run_test(size=(40, 10)) as pilot:
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        await pilot.press("9", "escape")
        await until(pilot, lambda: app.answered)
    assert app.answered == [None]


@pytest.mark.asyncio
@pytest.mark.parametrize("guarded", [0, 30])
async def test_a_question_about_thirty_machines_stays_answerable_while_the_window_changes(guarded: int) -> None:
    rows: list[JsonObject] = [
        {"id": f"id-{n}", "name": f"a-rather-long-machine-name-{n}", "protected": n < guarded, "state": "ready",
         "uptime_seconds": 3_600, "cost_usd": 1.0, "price_usd_per_hour": 0.5}
        for n in range(30)
    ]  # fmt: skip
    app = OneScreen(lambda: ConfirmDialog.of(damage_of(ACTIONS["instance.terminate"], rows)))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.focused)
        for size in ((40, 10), (80, 24), (40, 10), (120, 40), (40, 10)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert "Terminate 30 machines" in shown(app)
            assert "keep it" in shown(app)
            for answer in app.screen.query(Answer).results():
                assert app.screen.region.contains_region(answer.region), f"{size}\n{shown(app)}"
            assert app.screen.focused is not None
            assert app.screen.region.contains_region(app.screen.focused.region), f"{size}\n{shown(app)}"
        if not guarded:
            await pilot.press("right", "enter")
            await until(pilot, lambda: bool(app.answered))
            assert app.answered == [True]
