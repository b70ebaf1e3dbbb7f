"""The launch wizard on screen: each step by keys alone, and nothing launched that was not checked and priced."""

from __future__ import annotations

from time import monotonic

import pytest
from textual import events

from aicompute_tui.domain.errors import NotConfigured, Unreachable
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.screens.launch import LaunchScreen
from aicompute_tui.ui.widgets.form_fields import LineInput
from aicompute_tui.ui.widgets.launch_review import LaunchReview
from aicompute_tui.ui.widgets.wizard_review import ReviewStep
from tests.moved_clock import MovedClock
from tests.ui.dialog_world import PREFLIGHT, TYPES, WrittenSession, check, console, keys_for, shown, until
from tests.ui.test_key_order import burst
from tests.ui.wizard_world import at, checked, one_line, opened, preflights, reviewed


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_enter_goes_through_every_step_and_launches(size: tuple[int, int]) -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        await until(pilot, lambda: "Canada (Central)" in shown(app))
        for step in ("machine", "server", "options", "review"):
            await pilot.press("enter")
            await at(pilot, app, step)
            if step == "machine":
                await until(pilot, lambda: "g5.xlarge" in shown(app))
        await until(pilot, lambda: "Launch 1 machine for $0.42/h" in shown(app))
        text = one_line(app)
        for words in (
            "$3.37 for 8h",
            "$307.55/month",
            "WHAT ENDS IT",
            "It powers itself off at",
            "1 warning, 1 unknown",
        ):
            assert words in text, words
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted and "handed to the agent" in shown(app))
    ((action_id, arguments),) = session.submitted
    assert action_id == "instance.launch"
    assert arguments["region"] == "ca-central-1"


@pytest.mark.asyncio
async def test_two_keys_launch_the_defaults() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: session.submitted)


@pytest.mark.asyncio
async def test_what_was_checked_is_what_is_launched_every_value_fixed() -> None:
    session = WrittenSession()
    session.answers["instance.preflight"] = {
        **PREFLIGHT, "spec": {"region": "ca-central-1", "type": "g5.xlarge", "ttl": "28800s", "idle": "1800s",
                              "profile": "aws:profile:team", "zone": None, "tag": [], "protect": False},
    }  # fmt: skip
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("4")
        await at(pilot, app, "options")
        wizard.query_one("#name").focus()
        await pilot.press(*keys_for("lab-7"), "enter")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
        await until(pilot, lambda: "instance launch" in shown(app) or True)
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
    ((_, arguments),) = session.submitted
    assert arguments["name"] == "lab-7"
    assert (arguments["ttl"], arguments["idle"], arguments["profile"]) == ("8h", "30m", "aws:profile:team")
    assert "zone" not in arguments
    assert "protect" not in arguments
    assert preflights(session)[-1]["name"] == "lab-7"


@pytest.mark.asyncio
async def test_enter_twice_launches_once() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("enter", "enter", "ctrl+l")
        await until(pilot, lambda: "handed to the agent" in shown(app))
        await pilot.pause()
    assert len(session.submitted) == 1


@pytest.mark.asyncio
async def test_a_changed_value_is_checked_anew_before_it_can_be_launched() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await reviewed(pilot, app)
        before = len(preflights(session))
        await pilot.press("4")
        await at(pilot, app, "options")
        wizard.query_one("#count").focus()
        await pilot.press("end", "backspace", "3", "enter")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
    assert len(preflights(session)) == before + 1
    assert session.submitted[0][1]["count"] == "3"


@pytest.mark.asyncio
async def test_a_price_that_stood_for_long_is_asked_for_anew_before_the_launch() -> None:
    session = WrittenSession()
    clock = session.clock = MovedClock()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await reviewed(pilot, app)
        session.answers["instance.preflight"] = {**PREFLIGHT, "price_usd_per_hour": 2.5}
        gate, before = session.hold("instance.preflight"), len(preflights(session))
        clock.advance(3_600)
        await pilot.press("enter")
        await until(pilot, lambda: "asked for anew" in one_line(app))
        assert not session.submitted
        gate.set()
        await checked(pilot, wizard)
        await until(pilot, lambda: "Launch 1 machine for $2.50/h" in shown(app))
        assert len(preflights(session)) == before + 1
        assert not session.submitted
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)


@pytest.mark.asyncio
async def test_what_is_promised_is_what_was_checked_where_a_field_was_left_to_a_setting() -> None:
    session = WrittenSession()
    session.answers["instance.preflight"] = {**PREFLIGHT, "spec": {"type": "g5.xlarge", "ttl": "172800s"}}
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        wizard = await reviewed(pilot, app)
        await pilot.press("4")
        await at(pilot, app, "options")
        wizard.query_one("#ttl").focus()
        await pilot.press("end", "backspace", "backspace", "enter")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
        await pilot.press("enter")
        await until(pilot, lambda: "ends by itself after 2d" in one_line(app))


@pytest.mark.asyncio
async def test_a_launch_asked_for_too_soon_waits_for_the_price_and_the_word_goes_when_it_comes() -> None:
    session = WrittenSession()
    gate = session.hold("instance.preflight")
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("ctrl+l")
        await at(pilot, app, "review")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: "still running" in shown(app))
        assert not session.submitted
        gate.set()
        await checked(pilot, wizard)
        assert "still running" not in shown(app)
        assert not session.submitted


@pytest.mark.asyncio
async def test_enter_held_down_over_the_end_of_the_checks_launches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = 100.0
    monkeypatch.setattr("aicompute_tui.ui.widgets.wizard_review.monotonic", lambda: seconds)
    session = WrittenSession()
    gate = session.hold("instance.preflight")
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("ctrl+l")
        await at(pilot, app, "review")
        review = wizard.query_one(ReviewStep)
        review.agree()
        gate.set()
        await checked(pilot, wizard)
        for _ in range(20):
            seconds += 0.03
            review.agree()
        await until(pilot, lambda: "Press again to launch" in one_line(app))
        assert not session.submitted
        seconds += 1
        await pilot.press("enter")
        await until(pilot, lambda: len(session.submitted) == 1)


@pytest.mark.asyncio
async def test_enter_held_down_launches_nothing_where_its_presses_are_dealt_with_late() -> None:
    """They count from when they were read, however long the console stood still since."""
    session = WrittenSession()
    gate = session.hold("instance.preflight")
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("ctrl+l")
        await at(pilot, app, "review")
        begun = monotonic()
        burst(app, ["enter"], read_at=begun)
        await until(pilot, lambda: LaunchReview.STILL_RUNNING in one_line(app))
        gate.set()
        await checked(pilot, wizard)
        burst(app, ["enter"], read_at=begun + 0.03)
        await until(pilot, lambda: LaunchReview.LET_GO in one_line(app))
        assert not session.submitted
        burst(app, ["enter"], read_at=monotonic() + 1)
        await until(pilot, lambda: len(session.submitted) == 1)


@pytest.mark.asyncio
async def test_an_enter_that_was_read_before_the_price_stood_launches_nothing() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        begun = monotonic()
        await reviewed(pilot, app)
        burst(app, ["enter"], read_at=begun)
        await until(pilot, lambda: LaunchReview.LET_GO in one_line(app))
        assert not session.submitted


@pytest.mark.asyncio
async def test_a_wrong_option_turns_red_says_why_in_the_forms_words_and_stops_the_launch() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("4")
        await at(pilot, app, "options")
        wizard.query_one("#volume_gib").focus()
        await pilot.press("x")
        await until(pilot, lambda: wizard.query_one("#row-volume_gib").has_class("-wrong"))
        assert "Give 8 to 16,384" in shown(app)
        await pilot.press("ctrl+l", "ctrl+l")
        await until(pilot, lambda: "MEND FIRST" in shown(app))
        assert "volume GiB" in shown(app)
        assert "--" not in shown(app)
        assert not session.submitted
        assert not preflights(session)


@pytest.mark.asyncio
async def test_a_machine_without_an_end_needs_the_word() -> None:
    sentences: list[Json] = ["Nothing ends it by itself: it costs until you terminate it."]
    never: JsonObject = {**PREFLIGHT, "ends_at": None, "ends": sentences}
    session = WrittenSession({"instance.preflight": never})
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("4")
        await at(pilot, app, "options")
        assert not wizard.query_one("#row-ttl_none_confirm").display
        wizard.query_one("#ttl").focus()
        await pilot.press("ctrl+u", *keys_for("none"))
        await until(pilot, lambda: wizard.query_one("#row-ttl_none_confirm").display)
        await pilot.press("ctrl+l", "ctrl+l")
        await until(pilot, lambda: "Type none to" in shown(app))
        assert not session.submitted
        await pilot.press("4")
        await at(pilot, app, "options")
        assert app.focused is not None
        assert app.focused.id == "ttl_none_confirm"
        await pilot.press(*keys_for("none"), "enter")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
        assert "Nothing ends it by itself" in shown(app)
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
    assert session.submitted[0][1]["ttl_none_confirm"] == "none"


@pytest.mark.asyncio
async def test_a_refused_check_stops_the_launch_and_stands_first() -> None:
    refusal = check("quota", "refused", "48 vCPU are needed, 16 are free.", "Ask AWS for a higher quota.")
    checks: list[Json] = [check("credentials", "ok", "env"), refusal]
    session = WrittenSession({"instance.preflight": {**PREFLIGHT, "can_launch": False, "checks": checks}})
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        text = shown(app)
        assert text.index("✕ refused") < text.index("WHAT ENDS IT") < text.index("✓ ok")
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
        await reviewed(pilot, app)
        assert "No AWS credential is found. Run aws configure." in one_line(app)
        await pilot.press("ctrl+l", "2")
        await at(pilot, app, "machine")
        await until(pilot, lambda: "Run aws configure" in shown(app))
        assert not session.submitted


@pytest.mark.asyncio
async def test_a_refusal_of_the_launch_itself_is_one_sentence_and_keeps_everything() -> None:
    session = WrittenSession()
    session.refusal = Unreachable("The database is busy.", "Try again in a moment.")
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await reviewed(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: "database is busy" in shown(app))
        assert app.screen is wizard
        session.refusal = None
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)


@pytest.mark.asyncio
async def test_machines_are_filtered_by_word_memory_and_price_and_chosen() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("2")
        await at(pilot, app, "machine")
        await until(pilot, lambda: "g5.12xlarge" in shown(app))
        await pilot.press("slash", *"vram>20", "space", *"price<1", "enter")
        await until(pilot, lambda: "1 of 4 types" in shown(app))
        assert "g5.12xlarge" not in shown(app)
        await pilot.press("escape", "slash", *"96g", "enter")
        await until(pilot, lambda: "2 of 4 types" in shown(app))
        await pilot.press("enter")
        await at(pilot, app, "server")
    assert wizard.form["type"] == "g5.12xlarge"


@pytest.mark.asyncio
async def test_a_filter_that_finds_nothing_says_so() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "g5.12xlarge" in shown(app))
        await pilot.press("slash", *"zzz", "enter")
        await until(pilot, lambda: "Nothing matches the filter" in shown(app))
        await pilot.press("enter")
        await pilot.pause()
        assert "2 of 5" in shown(app)


@pytest.mark.asyncio
async def test_a_machine_that_cannot_be_had_says_why_and_is_not_chosen() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "p3.2xlarge" in shown(app))
        await pilot.press("end", "enter")
        await until(pilot, lambda: "✕ p3.2xlarge: no current driver" in shown(app))
        assert "2 of 5" in shown(app)
        assert wizard.form["type"] == "g5.xlarge"


@pytest.mark.asyncio
async def test_an_empty_list_is_a_sentence() -> None:
    app = console(WrittenSession({"instance.types": [], "credential.list": [], "job.list": []}))
    async with app.run_test() as pilot:
        await opened(pilot, app)
        for key, sentence in (("2", "No GPU machine is offered here"), ("1", ""), ("p", "No credential is found"),
                              ("escape", ""), ("h", "Nothing was launched yet")):  # fmt: skip
            await pilot.press(key)
            await until(pilot, lambda said=sentence: said in shown(app))  # type: ignore[misc]


@pytest.mark.asyncio
async def test_the_market_turns_the_prices_and_the_choice() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "$1.21" in shown(app))
        await pilot.press("m")
        await until(pilot, lambda: "list/h" in shown(app) and "$6.20" in shown(app))
        assert wizard.form["market"] == "on-demand"


@pytest.mark.asyncio
async def test_a_server_asks_for_its_models_and_a_bare_machine_does_not() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("3")
        await at(pilot, app, "server")
        await until(pilot, lambda: "vllm" in shown(app))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        await pilot.press(*keys_for("meta-llama/L3"), "enter")
        await at(pilot, app, "options")
    assert (wizard.form["framework"], wizard.form["model"]) == ("vllm", "meta-llama/L3")


@pytest.mark.asyncio
async def test_escape_goes_a_step_back_and_the_wizard_is_resumed_where_it_was_left() -> None:
    session = WrittenSession({"setting.list": [{"key": "ttl", "value": "2h"}]})
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await until(pilot, lambda: wizard.form["ttl"] == "2h")
        await pilot.press("4")
        await at(pilot, app, "options")
        wizard.query_one("#name").focus()
        await pilot.press(*keys_for("lab"), "escape")
        await at(pilot, app, "server")
        app.go_home()
        await until(pilot, lambda: not isinstance(app.screen, LaunchScreen))
        again = await opened(pilot, app)
        await at(pilot, app, "server")
        assert (again.form["name"], again.form["ttl"]) == ("lab", "2h")
        await pilot.press("ctrl+n")
        await at(pilot, app, "region")
        await until(pilot, lambda: (again.form["name"], again.form["ttl"]) == ("", "2h"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, LaunchScreen))


@pytest.mark.asyncio
async def test_every_option_is_reached_by_the_arrows() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("4")
        await at(pilot, app, "options")
        reached = set()
        for _ in range(20):
            assert app.focused is not None
            reached.add(app.focused.id)
            await pilot.press("down")
        assert {"market", "ttl", "idle", "max_ttl", "max_price", "zone", "volume_gib", "ssh_cidr", "ssh_key", "image",
                "subnet", "tag", "name", "count", "protect"} <= reached  # fmt: skip


@pytest.mark.asyncio
async def test_a_read_only_console_offers_no_launch() -> None:
    app = console(WrittenSession(read_only=True))
    async with app.run_test() as pilot:
        await pilot.press("n")
        await pilot.pause()
        assert not isinstance(app.screen, LaunchScreen)


@pytest.mark.asyncio
async def test_the_agent_gone_is_said_and_the_list_comes_when_it_is_back() -> None:
    session = WrittenSession({"instance.types": Unreachable("No agent is running.", "Start one with `aic-tui agent`.")})
    session.agent_state = "on"
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "No agent is running." in shown(app))
        session.agent_state = "off"
        app.take_agent()
        session.answers["instance.types"] = TYPES
        session.agent_state = "on"
        app.take_agent()
        await until(pilot, lambda: "g5.12xlarge" in shown(app))
        assert wizard.form["type"] == "g5.xlarge"


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (20, 5)])
async def test_a_tiny_terminal_and_a_megabyte_paste_do_no_harm(size: tuple[int, int]) -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test(size=size) as pilot:
        wizard = await opened(pilot, app)
        for key in ("2", "3", "5", "4"):
            await pilot.press(key)
            await pilot.pause()
        field = wizard.query_one("#name", LineInput)
        field.focus()
        field.post_message(events.Paste("日本語 מכונה " * 100_000))
        await until(pilot, lambda: field.value)
        assert len(field.value) <= 500
        assert "日本語" in field.value
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "4 of 5" in shown(app) and "That name will not do" in shown(app))


@pytest.mark.asyncio
async def test_the_list_stands_at_once_and_the_quota_completes_it_when_it_comes() -> None:
    session = WrittenSession()
    gate = session.hold("quota.list")
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "the quota is being read" in shown(app))
        session.answers["quota.list"] = [
            {"type": "g5.12xlarge", "name": "All G and VT Spot Instance Requests", "free_vcpus": 10, "note": None}
        ]
        gate.set()
        await until(pilot, lambda: "2 more" in shown(app) and "none" in shown(app))
        assert "4 vCPU of “All G and VT Spot”; 10 are free." in one_line(app)
        assert "–" in next(line for line in shown(app).splitlines() if "g7e.48xlarge" in line)


@pytest.mark.asyncio
async def test_a_quota_that_cannot_be_read_is_said_and_not_taken_for_none() -> None:
    session = WrittenSession({"quota.list": Unreachable("AWS does not answer.", "")})
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "AWS does not answer." in shown(app))
        assert " none " not in shown(app)


@pytest.mark.asyncio
async def test_what_is_typed_stays_when_a_late_answer_comes() -> None:
    session = WrittenSession()
    gate = session.hold("region.list")
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("3", "down", "down", "enter")
        await until(pilot, lambda: isinstance(app.focused, LineInput))
        await pilot.press(*"abc")
        gate.set()
        await until(pilot, lambda: wizard.form["region"] == "ca-central-1")
        await pilot.press(*"de")
        await until(pilot, lambda: wizard.form["model"] == "abcde")
        assert wizard.query_one("#model", LineInput).value == "abcde"
