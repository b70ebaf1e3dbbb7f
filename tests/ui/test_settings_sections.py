"""The settings as one place: sections walked by keys, every row told in full, values changed where they stand."""

from __future__ import annotations

from functools import partial

import pytest

from aicompute_tui.domain.errors import Refused, Unreachable
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.credential_form import CredentialForm
from aicompute_tui.ui.screens.json_view import JsonScreen
from aicompute_tui.ui.screens.secret_form import Given
from aicompute_tui.ui.screens.settings import SECTIONS, SettingsScreen
from aicompute_tui.ui.screens.settings_keys import KeyDialog
from aicompute_tui.ui.screens.settings_preferences import PreferencesScreen
from aicompute_tui.ui.settings_lists import flag
from tests.ui.dialog_world import console, keys_for, shown, until
from tests.ui.settings_world import SettingsSession, cursor_on, section

pytestmark = pytest.mark.asyncio
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12"


def stands_at(app: ConsoleApp, name: str) -> bool:
    """The section of that name is in front, with its rows."""
    screen = app.screen
    return isinstance(screen, SettingsScreen) and SECTIONS[screen.section][0] == name and bool(screen.table.rows)


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
async def test_tab_and_the_arrows_walk_through_all_sections_and_round(size: tuple[int, int]) -> None:
    app = console(SettingsSession())
    async with app.run_test(size=size) as pilot:
        await section(pilot, app, "credentials")
        for key in ("tab", "right"):
            for name, _ in (*SECTIONS[1:], SECTIONS[0]):
                await pilot.press(key)
                await until(pilot, partial(stands_at, app, name))
                assert name in shown(app).splitlines()[1] + shown(app).splitlines()[2]
        await pilot.press("left")
        await until(pilot, partial(stands_at, app, "about"))


@pytest.mark.parametrize(
    ("word", "name"),
    [("settings", "preferences"), ("credentials", "credentials"), ("regions", "regions"), ("keys", "keys"),
     ("theme", "theme"), ("about", "about")],
)  # fmt: skip
async def test_each_word_leads_to_its_section(word: str, name: str) -> None:
    app = console(SettingsSession())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await section(pilot, app, word)
        assert SECTIONS[screen.section][0] == name
        assert f"Settings › {name}" in shown(app)


async def test_esc_leaves_the_settings_from_any_section() -> None:
    app = console(SettingsSession())
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "settings")
        await pilot.press("tab", "tab")
        await until(pilot, partial(stands_at, app, "keys"))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, SettingsScreen))


async def test_without_an_agent_a_section_says_so_in_one_line() -> None:
    gone = Unreachable("No agent is running.", "Start one: aic-tui agent")
    app = console(SettingsSession({"region.list": gone}))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *keys_for("regions"), "enter")
        await until(pilot, lambda: "No agent is running. Start one: aic-tui agent" in shown(app))


# -- credentials


async def test_a_credential_is_tested_by_enter_and_says_whose_account_it_opens() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await section(pilot, app, "credentials")
        await pilot.press("enter")
        await until(pilot, lambda: "team opens account 123456789012." in shown(app))
    assert ("credential.test", {"name": "aws:profile:team"}) in session.asked


async def test_a_credential_that_fails_says_why() -> None:
    failed: JsonObject = {"ok": False, "id": "aws:profile:team", "error_message": "The session has expired."}
    app = console(SettingsSession({"credential.test": failed}))
    async with app.run_test(size=(120, 40)) as pilot:
        await section(pilot, app, "credentials")
        await pilot.press("enter")
        await until(pilot, lambda: "team: The session has expired." in shown(app))


async def test_removing_a_credential_is_asked_and_named() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "credentials")
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog) and "Remove team" in shown(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: session.submitted)
    assert session.submitted == [("credential.remove", {"name": "aws:profile:team"})]


async def test_the_ends_of_a_secret_are_shown_by_a_key_and_hidden_by_it_and_by_leaving() -> None:
    app = console(SettingsSession())
    async with app.run_test(size=(120, 40)) as pilot:
        await section(pilot, app, "credentials")
        assert "EY12" not in shown(app)
        await pilot.press("s")
        await until(pilot, lambda: "AKIA…MPLE" in shown(app) and "…EY12" in shown(app))
        await pilot.press("s")
        await until(pilot, lambda: "EY12" not in shown(app))
        await pilot.press("s")
        await until(pilot, lambda: "…EY12" in shown(app))
        await pilot.press("tab")
        await until(pilot, lambda: "volume_gib" in shown(app))
        await pilot.press("shift+tab")
        await until(pilot, lambda: "whose account it opens" in shown(app))
        assert "EY12" not in shown(app)


async def test_the_ends_of_a_secret_hide_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aicompute_tui.ui.screens.settings_credentials.SHOWN_SECONDS", 0.5)
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await section(pilot, app, "credentials")
        hidden, hide = list[bool](), screen._hide

        def noted() -> None:
            hidden.append("EY12" in shown(app))
            hide()

        monkeypatch.setattr(screen, "_hide", noted)
        await pilot.press("s")
        await until(pilot, lambda: True in hidden)
        await until(pilot, lambda: "EY12" not in shown(app))


async def test_keys_are_typed_masked_and_handed_over_sealed_without_a_job_that_holds_them() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "credentials")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, CredentialForm))
        await pilot.press(*"lab", "enter", "down", *KEY_ID, "enter", *SECRET)
        await pilot.pause()
        assert "lab" in shown(app)
        assert KEY_ID not in shown(app)
        assert SECRET[:6] not in shown(app)
        await pilot.press("enter", "enter", "enter", "enter")
        await until(pilot, lambda: session.sealed)
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert SECRET not in shown(app)
    arguments, secret = session.sealed[0]
    assert arguments == {"name": "lab", "cloud": "aws"}
    assert SECRET in secret.text
    assert SECRET not in repr(secret)
    assert SECRET not in repr(Given(arguments, secret))
    assert not session.submitted


async def test_what_is_no_key_is_refused_in_the_form_without_being_quoted() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "credentials")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, CredentialForm))
        await pilot.press(*"lab", "down", "down", *"nonsense", "down", "down", "down", "down", "tab", "enter")
        await until(pilot, lambda: "key id is missing or has not the form" in shown(app))
        assert "nonsense" not in shown(app)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
    assert not session.sealed


async def test_a_token_needs_neither_key_id_nor_region() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", *keys_for("credential-set"), "enter")
        await until(pilot, lambda: isinstance(app.screen, CredentialForm))
        await pilot.press(*"hub", "down", "right")
        await until(pilot, lambda: "session token" not in shown(app))
        await pilot.press("down", *("hf_" + "x" * 30), "enter", "enter")
        await until(pilot, lambda: session.sealed)
    arguments, secret = session.sealed[0]
    assert arguments == {"name": "hub", "cloud": "huggingface"}
    assert secret.text == "hf_" + "x" * 30


# -- preferences


async def test_a_setting_is_edited_in_a_line_that_holds_its_value() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await section(pilot, app, "settings")
        await cursor_on(pilot, app, "volume_gib")
        await pilot.press("e")
        await until(pilot, lambda: screen.line is not None)
        assert "from 8 to 16384" in shown(app)
        await pilot.press("backspace", "5", "enter")
        await until(pilot, lambda: session.submitted)
        assert app.focused is screen.table
    assert session.submitted == [("setting.set", {"key": "volume_gib", "value": "125"})]


async def test_a_choice_is_turned_with_the_arrows() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await section(pilot, app, "settings")
        await cursor_on(pilot, app, "market")
        await pilot.press("enter")
        await until(pilot, lambda: screen.line is not None)
        await pilot.press("right", "enter")
        await until(pilot, lambda: session.submitted)
    assert session.submitted == [("setting.set", {"key": "market", "value": "on-demand"})]


async def test_a_value_that_cannot_be_is_refused_in_the_line_itself() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await section(pilot, app, "settings")
        await cursor_on(pilot, app, "idle")
        await pilot.press("e")
        await until(pilot, lambda: screen.line is not None)
        await pilot.press("x", "enter")
        await until(pilot, lambda: "Write it like 8h" in shown(app))
        assert not session.submitted
        await pilot.press("escape")
        await until(pilot, lambda: screen.line is None)
        assert "30m" in shown(app)
        assert not session.submitted


async def test_a_value_left_as_it_was_changes_nothing_and_tab_does_not_lose_what_is_typed() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await section(pilot, app, "settings")
        await pilot.press("e")
        await until(pilot, lambda: screen.line is not None)
        await pilot.press("tab")
        await pilot.pause()
        assert screen.line is not None
        await pilot.press("enter")
        await until(pilot, lambda: screen.line is None)
    assert not session.submitted


async def test_what_goes_before_a_stored_value_is_said() -> None:
    app = console(SettingsSession())
    async with app.run_test(size=(120, 40)) as pilot:
        await section(pilot, app, "settings")
        await cursor_on(pilot, app, "ttl")
        told = "AIC_TUI_TTL in the environment goes before database 2h."
        await until(pilot, lambda: told in " ".join(shown(app).split()))


async def test_a_setting_is_taken_back_by_a_key() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "settings")
        await cursor_on(pilot, app, "region")
        await pilot.press("r")
        await until(pilot, lambda: session.submitted)
    assert session.submitted == [("setting.reset", {"key": "region"})]


async def test_which_database_is_used_is_not_changed_here() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await section(pilot, app, "settings")
        await cursor_on(pilot, app, "database_url")
        await pilot.press("e")
        await until(pilot, lambda: "AIC_TUI_DATABASE_URL" in shown(app))
        assert screen.line is None
    assert not session.submitted


async def test_a_refusal_is_said_and_nothing_else_happens() -> None:
    session = SettingsSession()
    session.refusal = Refused("The disk is full.", "Free some space.")
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "settings")
        await pilot.press("r")
        await until(pilot, lambda: "The disk is full." in shown(app))


# -- regions


async def test_regions_begin_with_canada_and_say_what_is_enabled_and_what_is_not_known() -> None:
    app = console(SettingsSession())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await section(pilot, app, "regions")
        assert screen.table.order[:2] == ["ca-central-1", "ca-west-1"]
        lines = {line.split()[1]: line for line in shown(app).splitlines() if "-" in line and len(line.split()) > 2}
        assert "● enabled" in shown(app)
        assert "○ not enabled" in shown(app)
        assert "? unknown" in shown(app)
        assert "CA 🇨🇦" in shown(app)
        assert lines


async def test_enter_makes_a_region_the_default() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "regions")
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
    assert session.submitted == [("setting.set", {"key": "region", "value": "ca-central-1"})]


async def test_a_region_that_is_not_enabled_does_not_become_the_default() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "regions")
        await pilot.press("down", "enter")
        await until(pilot, lambda: "ca-west-1 is not enabled" in shown(app))
    assert not session.submitted


async def test_a_flag_is_made_of_a_country_and_of_nothing_else() -> None:
    assert flag("ca") == "🇨🇦"
    assert flag("") == flag("CAN") == flag("1!") == ""


# -- keys


async def test_a_key_is_changed_by_pressing_the_new_one() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "keys")
        await cursor_on(pilot, app, "instance.terminate")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, KeyDialog))
        await pilot.press("ctrl+b")
        await until(pilot, lambda: "tmux" in shown(app))
        await pilot.press("enter")
        await pilot.press("p")
        await until(pilot, lambda: "instance.protect" in shown(app))
        await pilot.press("f8", "enter")
        await until(pilot, lambda: session.submitted)
    assert session.submitted == [("key.set", {"id": "instance.terminate", "keys": ["f8"]})]


async def test_a_key_of_ones_own_is_marked_and_taken_back() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await section(pilot, app, "keys")
        await cursor_on(pilot, app, "instance.stop")
        await until(pilot, lambda: "Usually x." in shown(app))
        await pilot.press("r")
        await until(pilot, lambda: session.submitted)
        assert [row["id"] for row in screen.table.rows.values() if row["source"] == "file"] == ["instance.stop"]
    assert session.submitted == [("key.reset", {"id": "instance.stop"})]


# -- theme


async def test_a_theme_is_worn_while_the_cursor_is_on_it_and_taken_off_again() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "themes")
        before = app.theme
        await cursor_on(pilot, app, "light")
        await until(pilot, lambda: app.theme == "light")
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == before)
    assert not session.submitted


async def test_enter_keeps_a_theme() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "themes")
        await cursor_on(pilot, app, "light")
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, SettingsScreen))
        assert app.theme == "light"
    assert session.submitted == [("setting.set", {"key": "theme", "value": "light"})]


async def test_a_theme_named_after_the_word_is_kept_and_an_unknown_one_is_named() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await section(pilot, app, "theme light")
        await until(pilot, lambda: session.submitted)
        assert app.theme == "light"
        await section(pilot, app, "theme lihgt")
        await until(pilot, lambda: "There is no theme “lihgt”." in shown(app))
    assert len(session.submitted) == 1


async def test_a_theme_file_with_an_error_says_where_and_changes_nothing() -> None:
    session = SettingsSession()
    app = console(session)
    async with app.run_test(size=(120, 40)) as pilot:
        await section(pilot, app, "themes")
        before = app.theme
        await cursor_on(pilot, app, "cannot be used")
        await until(pilot, lambda: "sand.toml, line 3" in shown(app))
        await pilot.press("enter")
        await pilot.pause()
        assert app.theme == before
    assert not session.submitted


async def test_a_read_only_console_wears_a_theme_without_storing_it() -> None:
    session = SettingsSession(read_only=True)
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "theme light")
        await until(pilot, lambda: "it is read-only" in shown(app))
        assert app.theme == "light"
    assert not session.submitted


# -- about, and what read-only leaves


async def test_about_is_copied_as_one_block() -> None:
    app = console(SettingsSession())
    async with app.run_test(size=(80, 24)) as pilot:
        await section(pilot, app, "about")
        assert "pid 4711" in shown(app)
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard.splitlines()[0].split() == ["version", "0.1.0"]
        assert "pid 4711" in app.clipboard
        assert len(app.clipboard.splitlines()) == 6


async def test_read_only_changes_nothing_in_any_section() -> None:
    session = SettingsSession(read_only=True)
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        for word, keys in (("credentials", "at"), ("settings", "er"), ("regions", ""), ("keys", "er")):
            screen = await section(pilot, app, word)
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
                assert app.screen is screen
        await section(pilot, app, "settings")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, JsonScreen))
        await pilot.press("escape")
        await section(pilot, app, "regions")
        await pilot.press("enter")
        await until(pilot, lambda: "read-only" in shown(app))
        assert isinstance(app.screen, SettingsScreen)
        assert not isinstance(app.screen, PreferencesScreen)
    assert not session.submitted
    assert not session.sealed
