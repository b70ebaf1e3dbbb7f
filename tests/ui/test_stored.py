"""Images, volumes, registry logins and containers made anew in the console: shown, asked about and handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from aicompute_tui.domain.json import Json
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest
from tests.ui.stored_world import IMAGES, VOLUMES

pytestmark = pytest.mark.asyncio


async def typed(world: Console, words: str) -> None:
    names = {" ": "space", "-": "minus"}
    await world.press("colon", *(names.get(letter, letter) for letter in words), "enter")
    await rest(world)


def handed_over(world: Console) -> list[tuple[str, dict[str, Any]]]:
    return [(action_id, arguments) for action_id, arguments, _ in world.session.submitted]


async def test_images_are_shown_largest_first_with_users_and_the_silent_host() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, "images")
        assert "14.0 GiB" in world.shown
        assert "ollama, ollama-spare" in world.shown
        assert "lab-2 did not answer" in world.shown
        await world.press("down", "down", "t")
        await rest(world)
        assert "Remove ghcr.io/team/server:2?" in world.shown
        assert "also called" in world.shown
        await world.press("right", "enter")
        await rest(world)
        assert handed_over(world) == [("image.remove", {"names": [IMAGES[2]["key"]]})]  # type: ignore[index, call-overload]


async def test_a_volume_is_removed_as_the_one_that_was_made_then() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, "volumes")
        await world.press("down", "t", "right", "enter")
        await rest(world)
        assert handed_over(world) == [("volume.remove", {"names": ["id-lab-1/comfy-out@2026-10-02T08:00:00Z"]})]


@pytest.mark.parametrize("view", ["volumes", "events"])
async def test_a_typed_name_is_looked_up_and_asked_about_before_it_goes(view: str) -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, view)
        await typed(world, "volume-remove comfy-out")
        assert "Remove comfy-out?" in world.shown
        await world.press("right", "enter")
        await rest(world)
        assert handed_over(world) == [("volume.remove", {"names": ["id-lab-1/comfy-out@2026-10-02T08:00:00Z"]})]


@pytest.mark.parametrize(
    ("name", "said"), [("models", "fits more than one volume: lab-1/models, lab-3/models"), ("nope", "lab-2 could not")]
)
async def test_a_typed_name_that_fits_none_or_two_is_refused(name: str, said: str) -> None:
    session = FullSession()
    other: Json = {**VOLUMES[0], "host": "lab-3", "host_id": "id-lab-3", "key": "id-lab-3/models"}  # type: ignore[dict-item]
    session.answers["volume.list"] = [*VOLUMES, other]
    async with console(fleet(), session=session) as world:
        await typed(world, f"volume-remove {name}")
        assert said in world.jobs
        assert handed_over(world) == []


async def test_nothing_can_be_removed_from_a_host_that_is_silent() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, "images")
        await world.press("end", "t")
        await rest(world)
        assert "Remove" not in world.shown.splitlines()[0]
        assert handed_over(world) == []


async def test_a_prune_shows_what_it_frees_and_takes_only_that() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, "images")
        await world.press("X")
        await rest(world)
        assert "Remove 1 unused image?" in world.shown
        assert "frees at least 8.0 GiB" in world.shown
        assert "left out" in world.shown
        await world.press("right", "enter")
        await rest(world)
        ((action, arguments),) = handed_over(world)
        item = world.session.answers["image.unused"][0]["item"]  # type: ignore[index, call-overload]
        assert (action, arguments) == ("image.prune", {"items": [item]})


async def test_where_nobody_needs_pruning_it_says_what_else_there_is() -> None:
    session = FullSession()
    session.answers["volume.unused"] = []
    async with console(fleet(), session=session) as world:
        await typed(world, "volumes")
        await world.press("X")
        await rest(world)
        assert "There is no unused volume without a name." in world.shown
        assert handed_over(world) == []


async def test_a_pull_asks_for_the_name_and_goes_to_the_host_of_the_row() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, "images")
        await world.press("p", *"Bad Name", "enter")
        await rest(world)
        assert "is not an image's name" in world.shown
        await world.press("ctrl+u", *"ghcr.io/team/x:1", "enter")
        await rest(world)
        assert handed_over(world) == [("image.pull", {"image": "ghcr.io/team/x:1", "host": "lab-1"})]


async def test_a_login_is_asked_for_masked_and_sealed() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, "registries")
        assert "sealed in the vault" in world.shown
        await world.press("a", *"ghcr.io", "enter")
        await rest(world)
        await world.press(*"ana", "enter")
        await rest(world)
        await world.press(*"open-sesame")
        await rest(world)
        assert "open-sesame" not in world.shown
        await world.press("enter")
        await rest(world)
        assert world.session.sealed == ["open-sesame"]
        assert handed_over(world) == [("registry.login", {"registry": "ghcr.io", "user": "ana"})]


async def test_ctrl_r_asks_the_hosts_again() -> None:
    session = FullSession()
    async with console(fleet(), session=session) as world:
        await typed(world, "volumes")
        session.answers["volume.list"] = []
        await world.press("ctrl+r")
        await rest(world)
        assert "There is no volume on any host." in world.shown


async def test_r_asks_what_changes_and_shows_what_it_ends() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await typed(world, "containers")
        await world.press("slash", *"ollama-main", "enter", "r")
        await rest(world)
        assert "Make ollama-main anew with which changes?" in world.shown
        await world.press(*"memory=much", "enter")
        await rest(world)
        assert "is not a size" in world.shown
        await world.press("ctrl+u", *"memory=8g env=A=1", "enter")
        await rest(world)
        assert "if the new one fails" in world.shown
        await world.press("right", "enter")
        await rest(world)
        ((action, arguments),) = handed_over(world)
        key = next(row.key for row in world.session.state.containers.values() if row.name == "ollama-main")
        assert (action, arguments) == ("container.recreate", {"name": key, "memory": "8g", "env": ["A=1"]})


@pytest.mark.parametrize("mark", ["old", "new"])
async def test_what_a_replacement_left_is_finished_or_put_back(mark: str) -> None:
    read = fleet()
    left = read.containers[0]
    aside = left._replace(name=f"{left.name}.aic-{mark}-{left.id[:12]}")
    async with console(read._replace(containers=[aside, *read.containers[1:]]), session=FullSession()) as world:
        await typed(world, "containers")
        await world.press("slash", *f"aic-{mark}", "enter", "r")
        await rest(world)
        assert f"The replacement of {left.name} was left half done" in world.shown
        await world.press("ctrl+u", *"put back", "enter")
        await rest(world)
        assert f"Go on with {left.name}?" in world.shown
        await world.press("right", "enter")
        await rest(world)
        assert handed_over(world) == [("container.recreate", {"name": aside.key, "put_back": True})]


async def test_no_question_falls_upon_somebody_who_went_elsewhere_meanwhile() -> None:
    session = FullSession()
    answer, held = session.query, asyncio.Event()

    async def late(action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id == "image.unused":
            await held.wait()
        return await answer(action_id, arguments)

    session.query = late  # type: ignore[method-assign]
    async with console(fleet(), session=session) as world:
        await typed(world, "images")
        await world.press("X", "1")
        await rest(world)
        held.set()
        await rest(world)
        assert "Remove" not in world.shown
        assert "what would go is known now" in world.shown
