"""What a person sets for themselves alone: it lands in their own file, and what goes before it is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aicompute_tui.actions.keyed import keyed_commands
from aicompute_tui.domain.credential import AwsKeys
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.settings.config import read_what_can_be
from aicompute_tui.settings.keys import SETTINGS
from aicompute_tui.settings.preferences import MergedPreferences
from tests.unit.fake_cloud import Bench, bench

pytestmark = pytest.mark.asyncio


async def test_a_theme_goes_to_the_persons_own_file_and_not_to_the_database(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        answer = await world.job("setting.set", key="theme", value="light")
        assert (answer["value"], answer["source"]) == ("light", "file")
        assert read_what_can_be(world.context.places.config_file).settings == {"theme": "light"}
        async with world.context.store.read() as transaction:
            assert await transaction.settings.all() == {}
        answer = await world.job("setting.reset", key="theme")
        assert answer["source"] == "built-in"
        assert read_what_can_be(world.context.places.config_file).settings == {}


async def test_a_theme_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        with pytest.raises(InvalidInput, match="no theme “lihgt”"):
            await world.job("setting.set", key="theme", value="lihgt")
        assert not world.context.places.config_file.exists()


async def test_a_value_that_a_higher_layer_hides_is_kept_and_the_layer_named(tmp_path: Path) -> None:
    async with own_bench(tmp_path, MergedPreferences(environment={"ttl": "4h"}, database={"ttl": "2h"})) as world:
        answer = await world.job("setting.set", key="ttl", value="3h")
    assert (answer["value"], answer["source"], answer["stored_value"]) == ("4h", "environment", "3h")
    assert [layer["source"] for layer in answer["layers"]] == ["environment", "database", "built-in"]


async def test_a_reset_of_a_shared_setting_lets_the_built_in_count(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        await world.job("setting.set", key="ttl", value="3h")
        answer = await world.job("setting.reset", key="ttl")
        assert (answer["value"], answer["source"]) == ("8h", "built-in")
        async with world.context.store.read() as transaction:
            assert await transaction.settings.get("ttl") is None


async def test_which_database_is_used_is_written_by_hand_alone_and_shown_without_its_password(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://ann:hunter22@db/x"
    async with own_bench(tmp_path, MergedPreferences(file={"database_url": url})) as world:
        with pytest.raises(InvalidInput, match="names the database"):
            await world.job("setting.set", key="database_url", value="sqlite:///x")
        shown = await world.query("setting.get", key="database_url")
        about = await world.query("about.show")
    assert "hunter22" not in str(shown)
    assert "hunter22" not in str(about)
    assert "ann" in shown["value"]


async def test_every_setting_with_a_form_says_its_rule() -> None:
    for setting in SETTINGS.values():
        assert setting.rule or setting.kind == "text" or len(setting.choices) == 1, setting.key


async def test_a_key_is_written_under_keys_and_read_back(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        path = world.context.places.config_file
        path.write_text("# mine\n", encoding="utf-8")
        answer = await world.job("key.set", id="instance.terminate", keys=["ctrl+t"])
        assert (answer["keys"], answer["source"]) == (["ctrl+t"], "file")
        assert path.read_text(encoding="utf-8").startswith("# mine\n")
        rows = {row["id"]: row for row in await world.query("key.list")}
        assert rows["instance.terminate"]["keys"] == ["ctrl+t"]
        assert rows["instance.terminate"]["usual_keys"] == ["t"]
        await world.job("key.reset", id="instance.terminate")
        assert read_what_can_be(path).keys == {}


async def test_a_key_that_is_taken_names_both_and_writes_nothing(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        with pytest.raises(InvalidInput, match=r"(?s)instance\.stop.*instance\.terminate"):
            await world.job("key.set", id="instance.stop", keys=["t"])
        with pytest.raises(InvalidInput) as caught:
            await world.job("key.set", id="instance.stpo", keys=["f4"])
        assert "instance.stop" in caught.value.next_step
        assert not world.context.places.config_file.exists()


async def test_a_key_cannot_be_reset_onto_one_that_another_command_has_now(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        await world.job("key.set", id="instance.terminate", keys=["ctrl+t"])
        await world.job("key.set", id="instance.stop", keys=["t"])
        with pytest.raises(InvalidInput, match=r"instance\.stop"):
            await world.job("key.reset", id="instance.terminate")


async def test_the_doctor_names_file_and_line_of_a_bad_key_and_a_bad_theme(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        places = world.context.places
        places.config_file.write_text('[keys]\n"instance.stop" = "ctrl+b"\n', encoding="utf-8")
        (places.config / "themes").mkdir()
        (places.config / "themes" / "sand.toml").write_text("dark = 1\n", encoding="utf-8")
        from aicompute_tui.services.doctor import taste

        rows = {row["check"]: row for row in taste(world.context)}
    assert "line 2" in str(rows["keys"]["reason"])
    assert "tmux" in str(rows["keys"]["reason"])
    assert "sand.toml, line 1" in str(rows["themes"]["reason"])


async def test_themes_are_listed_with_the_one_in_use_and_with_what_is_wrong(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        folder = world.context.places.config / "themes"
        folder.mkdir()
        (folder / "sand.toml").write_text("dark = false\n", encoding="utf-8")
        (folder / "bad.toml").write_text("dark = 1\n", encoding="utf-8")
        rows = await world.query("theme.list")
        only = await world.query("theme.list", name="sand")
    assert [row["theme"] for row in rows] == ["", "dark", "light", "ansi-dark", "ansi-light", "sand", None]
    assert rows[0]["is_chosen"]
    assert "bad.toml, line 1" in rows[-1]["problem"]
    assert [row["theme"] for row in only] == ["sand"]


async def test_about_names_versions_places_and_the_store(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        about = await world.query("about.show")
        assert about["store_id"] == world.context.store.store_id
        assert about["config"] == str(world.context.places.config)
    assert about["textual"]
    assert about["agent"] is None


async def test_of_a_credential_no_more_is_shown_than_a_person_needs_to_know_it_again(tmp_path: Path) -> None:
    secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12"
    async with own_bench(tmp_path) as world:
        world.directory.keys["aws:env"] = AwsKeys("AKIAIOSFODNN7EXAMPLE", secret)
        shown = await world.query("credential.show", name="aws:env")
    assert (shown["key_id"], shown["secret_ends"]) == ("AKIA…MPLE", "…EY12")
    assert secret[:-4][-4:] not in str(shown)
    assert "IOSFODNN" not in str(shown)


async def test_a_credential_whose_keys_are_made_when_needed_has_nothing_to_show(tmp_path: Path) -> None:
    async with own_bench(tmp_path) as world:
        shown = await world.query("credential.show", name="aws:env")
    assert shown["secret_ends"] is None
    assert "none lies anywhere" in shown["note"]


async def test_a_launch_is_refused_while_a_part_of_the_file_does_not_count(tmp_path: Path) -> None:
    async with own_bench(tmp_path, MergedPreferences(problem="config.toml, line 3: ttl cannot be “soon”.")) as world:
        answer = await world.query("instance.preflight")
    assert answer["can_launch"] is False
    assert [check["name"] for check in answer["checks"]] == ["configuration"]


class own_bench:  # noqa: N801 - used like the function it stands for
    """A bench whose context has real settings and the console's commands."""

    def __init__(self, folder: Path, preferences: MergedPreferences | None = None) -> None:
        self._opened = bench(folder)
        self._preferences = preferences or MergedPreferences()

    async def __aenter__(self) -> Bench:
        world = await self._opened.__aenter__()
        world.context = replace(world.context, preferences=self._preferences, commands=keyed_commands)
        return world

    async def __aexit__(self, *raised: object) -> None:
        await self._opened.__aexit__(None, None, None)
