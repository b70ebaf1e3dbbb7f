"""The launch form on screen: live checks, nothing launched unseen or unchecked, fields remembered, by keys alone."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from textual import events
from textual.pilot import Pilot

from aicompute_tui.domain.errors import NotConfigured, Unreachable
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.screens.launch import LaunchScreen
from aicompute_tui.ui.widgets.form_fields import ChoicePane, FormRow, LineInput, ListField
from aicompute_tui.ui.widgets.launch_summary import LaunchSummary
from tests.ui.dialog_world import PREFLIGHT, TYPES, WrittenSession, check, console, keys_for, shown, until

WHOLE_STORY = (
    "Launch 1 machine for $0.42/h",
    "$3.37 for 8h",
    "$307.55/month",
    "WHAT ENDS IT",
    "It powers itself off at",
    "1 warning, 1 unknown, 7 ok",
    "⚠ warning",
    "? unknown",
    "✓ ok",
    "protect",
    "ends after",
)


async def opened(pilot: Pilot[int], app: ConsoleApp) -> LaunchScreen:
    """The form, its checks done."""
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.screen.is_mounted)
    form = app.screen
    assert isinstance(form, LaunchScreen)
    await checked(pilot, form)
    return form


async def checked(pilot: Pilot[int], form: LaunchScreen) -> None:
    await until(pilot, lambda: bool(form.query(LaunchSummary)) and form.query_one(LaunchSummary).is_current)
    await pilot.pause()


def focus(form: LaunchScreen, name: str) -> None:
    form.query_one(f"#{name}").focus()


def preflights(session: WrittenSession) -> list[Mapping[str, Json]]:
    return [arguments for action_id, arguments in session.asked if action_id == "instance.preflight"]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_whole_story_is_on_one_page(size: tuple[int, int]) -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        text = shown(app)
        for words in WHOLE_STORY:
            assert words in text, words


@pytest.mark.asyncio
async def test_launching_hands_over_what_was_checked_and_goes_home() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        focus(form, "name")
        await pilot.press(*keys_for("lab-7"))
        focus(form, "protect")
        await pilot.press("space")
        await checked(pilot, form)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: session.submitted and not isinstance(app.screen, LaunchScreen))
    ((action_id, arguments),) = session.submitted
    assert action_id == "instance.launch"
    assert arguments["name"] == "lab-7"
    assert arguments["protect"] is True
    assert arguments == preflights(session)[-1]


@pytest.mark.asyncio
async def test_nothing_is_launched_before_its_price_is_seen() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        focus(form, "count")
        await pilot.press("backspace", "3", "ctrl+l")
        await until(pilot, lambda: "still running" in shown(app))
        assert not session.submitted
        await checked(pilot, form)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: session.submitted)
    assert session.submitted[0][1]["count"] == "3"


@pytest.mark.asyncio
async def test_only_the_fields_at_rest_are_asked_about() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        before = len(preflights(session))
        focus(form, "ttl")
        await pilot.press("end", "backspace", "backspace", "9", "0", "m")
        await checked(pilot, form)
    assert len(preflights(session)) == before + 1
    assert preflights(session)[-1]["ttl"] == "90m"


@pytest.mark.asyncio
async def test_a_wrong_field_turns_red_says_why_and_stops_the_questions() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        before = len(preflights(session))
        focus(form, "volume_gib")
        await pilot.press("x")
        await until(pilot, lambda: form.query_one("#row-volume_gib", FormRow).has_class("-wrong"))
        text = shown(app)
        assert "Give 8 to 16,384" in text
        assert "mend the red field" in text
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert not session.submitted
        assert len(preflights(session)) == before


@pytest.mark.asyncio
async def test_a_machine_without_an_end_needs_the_word() -> None:
    sentences: list[Json] = ["Nothing ends it by itself: it costs until you terminate it."]
    never: JsonObject = {**PREFLIGHT, "ends_at": None, "ends": sentences}
    session = WrittenSession(
        {"instance.preflight": lambda arguments: never if arguments.get("ttl") == "none" else PREFLIGHT}
    )
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        row = form.query_one("#row-ttl_none_confirm")
        assert not row.display
        focus(form, "ttl")
        await pilot.press("end", "backspace", "backspace", *keys_for("none"))
        await until(pilot, lambda: row.display)
        assert form.query_one("#row-ttl").has_class("-never")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "Type none to" in shown(app))
        focus(form, "ttl_none_confirm")
        await pilot.press(*keys_for("none"))
        await checked(pilot, form)
        assert "Nothing ends it by itself" in shown(app)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: session.submitted)
        assert session.submitted[0][1]["ttl_none_confirm"] == "none"
        await until(pilot, lambda: not isinstance(app.screen, LaunchScreen))
        await pilot.press("n")
        await until(pilot, lambda: "Type none to" in shown(app))
        assert isinstance(app.screen, LaunchScreen)
        assert app.screen.form["ttl_none_confirm"] == ""


@pytest.mark.asyncio
async def test_a_refused_check_stops_the_launch_and_stands_first() -> None:
    refusal = check("quota", "refused", "48 vCPU are needed, 16 are free.", "Ask AWS for a higher quota.")
    checks: list[Json] = [check("credentials", "ok", "env"), refusal]
    answer: JsonObject = {**PREFLIGHT, "can_launch": False, "checks": checks}
    session = WrittenSession({"instance.preflight": answer})
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        text = shown(app)
        assert text.index("✕ refused") < text.index("✓ ok")
        assert "Ask AWS" in text
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "A check refuses this launch" in shown(app))
        assert not session.submitted


@pytest.mark.asyncio
async def test_without_a_credential_the_way_to_one_is_said() -> None:
    missing = NotConfigured("No AWS credential is found.", "Run aws configure.")
    session = WrittenSession({"instance.preflight": missing, "instance.types": missing})
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        text = " ".join(shown(app).split())
        assert "No AWS" in text
        assert "aws configure" in text
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert not session.submitted


@pytest.mark.asyncio
async def test_a_refusal_of_the_launch_itself_is_one_sentence_and_keeps_the_form() -> None:
    session = WrittenSession()
    session.refusal = Unreachable("The database is busy.", "Try again in a moment.")
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "database is busy" in shown(app))
        assert app.screen is form
        session.refusal = None
        await pilot.press("ctrl+l")
        await until(pilot, lambda: session.submitted)


@pytest.mark.asyncio
async def test_machine_types_are_listed_filtered_and_chosen_by_keys() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        await until(pilot, lambda: isinstance(app.focused, ListField))
        await pilot.press("enter")
        await until(pilot, lambda: "4×A10G" in shown(app))
        text = shown(app)
        assert "no current driver" in text
        assert "$1.21" in text
        await pilot.press("down", "enter")
        await until(pilot, lambda: form.form["type"] == "g5.12xlarge")
        await checked(pilot, form)
        assert preflights(session)[-1]["type"] == "g5.12xlarge"
        assert "WHAT ENDS IT" in shown(app)


@pytest.mark.asyncio
async def test_a_long_list_of_types_stands_in_lines_with_its_prices() -> None:
    assert isinstance(TYPES[1], dict)
    many: list[Json] = [{**TYPES[1], "name": f"g6e.{number}xlarge"} for number in range(10, 70)]
    session = WrittenSession({"instance.types": many})
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: "g6e.10xlarge" in shown(app))
        lines = [line for line in shown(app).split("\n") if "g6e." in line]
        assert len(lines) > 15
        assert all("$1.21" in line and "4×A10G" in line for line in lines)


@pytest.mark.asyncio
async def test_a_type_that_cannot_be_had_cannot_be_chosen() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        field = form.query_one("#type", ListField)
        await pilot.press("end", *["backspace"] * 9, *keys_for("p3"))
        await until(pilot, lambda: field.is_open and "no current driver" in shown(app))
        assert form.query_one(ChoicePane).highlighted is None
        await pilot.press("escape")
        await until(pilot, lambda: not field.is_open)
        assert isinstance(app.screen, LaunchScreen)


@pytest.mark.asyncio
async def test_escape_in_a_list_gives_the_value_back() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        before = len(preflights(session))
        await pilot.press("enter", "down", "down")
        await pilot.press("escape")
        await until(pilot, lambda: not form.query_one("#type", ListField).is_open)
        assert form.form["type"] == "g5.xlarge"
        await pilot.pause()
        assert len(preflights(session)) == before


@pytest.mark.asyncio
async def test_the_fields_are_remembered_and_can_be_started_over() -> None:
    session = WrittenSession({"setting.list": [{"key": "ttl", "value": "2h"}]})
    app = console(session)
    async with app.run_test() as pilot:
        form = await opened(pilot, app)
        await until(pilot, lambda: form.form["ttl"] == "2h")
        focus(form, "name")
        await pilot.press(*keys_for("lab"), "escape")
        await until(pilot, lambda: not isinstance(app.screen, LaunchScreen))
        again = await opened(pilot, app)
        assert again.query_one("#name", LineInput).value == "lab"
        assert again.form["ttl"] == "2h"
        await pilot.press("ctrl+n")
        await until(pilot, lambda: again.query_one("#name", LineInput).value == "" and again.form["ttl"] == "2h")


@pytest.mark.asyncio
async def test_every_field_is_reached_by_the_arrows() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        reached = set()
        for _ in range(20):
            assert app.focused is not None
            reached.add(app.focused.id)
            await pilot.press("down")
        assert {"profile", "region", "type", "market", "framework", "model", "ttl", "idle", "max_price", "volume_gib",
                "ssh_cidr", "name", "count", "protect", "launch-button"} <= reached  # fmt: skip


@pytest.mark.asyncio
async def test_a_read_only_console_offers_no_launch() -> None:
    app = console(WrittenSession(read_only=True))
    async with app.run_test() as pilot:
        await pilot.press("n")
        await pilot.pause()
        assert not isinstance(app.screen, LaunchScreen)


@pytest.mark.asyncio
async def test_on_a_tiny_terminal_the_list_and_a_refusal_come_into_view() -> None:
    session = WrittenSession({"instance.preflight": {**PREFLIGHT, "can_launch": False}})
    app = console(session)
    async with app.run_test(size=(40, 10)) as pilot:
        form = await opened(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: "4×A10G" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: form.form["type"] == "g5.12xlarge")
        await checked(pilot, form)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "A check refuses" in shown(app))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (20, 5)])
async def test_a_tiny_terminal_and_a_megabyte_paste_do_no_harm(size: tuple[int, int]) -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test(size=size) as pilot:
        form = await opened(pilot, app)
        focus(form, "model")
        await pilot.pause()
        field = form.query_one("#model", LineInput)
        field.post_message(events.Paste("日本語 מכונה " * 100_000))
        await until(pilot, lambda: field.value)
        assert len(field.value) <= 500
        assert "日本語" in field.value
        await checked(pilot, form)
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "Launch 1 machine" in shown(app)
