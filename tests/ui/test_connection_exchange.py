"""Connections to a file and from one in the console: what is asked, what is handed over, and what is told of each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import Input

from aicompute_tui.domain.json import Json
from aicompute_tui.services.connection_files import Entry, write_file
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui import connection_exchange
from aicompute_tui.ui.screens.connections import ConnectionsScreen
from aicompute_tui.ui.screens.json_view import JsonScreen
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.widgets.command_line import CommandLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.connection_world import connection_rows
from tests.ui.console_world import Console, HeldSession, console, job, machine, reading

pytestmark = pytest.mark.asyncio
PASSPHRASE = "quiet harbour lamp"


def world_of_connections() -> Snapshot:
    return reading([machine("lab-1")], connections=connection_rows())


async def command(world: Console, line: str) -> None:
    await world.press("colon")
    await world.until(lambda: isinstance(world.app.screen, CommandLine) and isinstance(world.app.focused, Input))
    assert isinstance(world.app.focused, Input)
    world.app.focused.value = line
    await world.press("enter")


async def answer(world: Console, question: str, value: str | None) -> None:
    """Waits for the dialog that asks so and answers it; None leaves it."""
    await world.until(lambda: asked(world).startswith(question))
    if value is None:
        await world.press("escape")
        return
    world.app.screen.query_one("#line", Input).value = value
    await world.press("enter")


def asked(world: Console) -> str:
    screen = world.app.screen
    return screen.question if isinstance(screen, PromptDialog) else ""


async def handed_over(world: Console) -> tuple[str, dict[str, Json]]:
    await world.until(lambda: bool(world.session.submitted))
    return world.session.submitted[0][:2]


async def open_list(world: Console) -> VirtualTable[object]:
    await world.press("4")
    await world.until(lambda: isinstance(world.view, ConnectionsScreen))
    table = world.view.active_table
    assert table is not None
    return table


def written(folder: Path, *, sealed: bool) -> Path:
    path = folder / "mine.toml"
    entry = Entry(name="groq", type="groq", base_url="https://x.example/v1", sealed_key="sealed" if sealed else None)
    write_file(path, [entry], {})
    return path


def ended(world: Console, rows: list[Json]) -> None:
    """The job is done and answers `rows`."""
    world.session.answers["job.show"] = {"id": "job-1", "state": "done", "result": rows}
    world.session.hand_in(world_of_connections()._replace(jobs=[job("connection.import", "done", id="job-1")]))


# -- export


async def test_all_go_to_the_file_that_is_asked_for_though_the_cursor_is_on_one(tmp_path: Path) -> None:
    async with console(world_of_connections()) as world:
        await open_list(world)
        await command(world, "connection-export")
        await answer(world, "Export all connections to which file?", str(tmp_path / "all.toml"))
        assert await handed_over(world) == ("connection.export", {"file": str(tmp_path / "all.toml")})
        await world.until(lambda: "Export all connections to" in world.jobs)
        assert world.session.sealed == []


async def test_marked_ones_alone_go_and_are_marked_no_more(tmp_path: Path) -> None:
    async with console(world_of_connections()) as world:
        table = await open_list(world)
        await world.press("space", "space")
        marked = set(table.marked_ids)
        assert len(marked) == 2
        await command(world, f"connection-export file={tmp_path}/two.json")
        _, arguments = await handed_over(world)
        assert isinstance(arguments["names"], list)
        assert set(arguments["names"]) == marked
        await world.until(lambda: not table.marked_ids)
        assert "Export 2 connections" in world.jobs


async def test_one_that_is_named_goes_and_one_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with console(world_of_connections()) as world:
        await command(world, f"connection-export nobody file={tmp_path}/one.toml")
        await world.until(lambda: "There is no connection “nobody” here." in world.jobs)
        await command(world, f"connection-export 'batch box' file={tmp_path}/one.toml")
        assert (await handed_over(world))[1]["names"] == ["connection-batch box"]


async def test_a_marked_machine_is_no_connection(tmp_path: Path) -> None:
    async with console(world_of_connections()) as world:
        await world.press("space")
        assert world.machines.marked_ids
        await command(world, f"connection-export file={tmp_path}/all.toml")
        assert "names" not in (await handed_over(world))[1]


async def test_a_file_that_is_there_is_said_before_a_passphrase_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, sealed=False)
    async with console(world_of_connections(), size=(200, 40)) as world:
        await command(world, f"connection-export with_secrets=true file={path}")
        await world.until(lambda: "There is a file" in world.jobs)
        assert not asked(world)
        assert world.session.submitted == []


async def test_keys_are_sealed_by_a_passphrase_that_is_typed_twice_and_stands_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with console(world_of_connections()) as world:
        await command(world, f"connection-export with_secrets=true file={tmp_path}/keys.toml")
        await answer(world, "Passphrase that seals the keys?", "short77")
        assert "8 characters or more" in world.shown
        assert asked(world).startswith("Passphrase that seals")
        await answer(world, "Passphrase that seals the keys?", PASSPHRASE)
        await world.until(lambda: asked(world).startswith("The same"))
        world.app.screen.query_one("#line", Input).value = PASSPHRASE
        await world.pilot.pause()
        assert PASSPHRASE not in world.shown
        await world.press("enter")
        action_id, arguments = await handed_over(world)
        assert (action_id, world.session.sealed) == ("connection.export", [PASSPHRASE])
        assert arguments == {"with_secrets": True, "file": f"{tmp_path}/keys.toml"}
        assert PASSPHRASE not in world.shown + caplog.text


@pytest.mark.parametrize(("again", "told"), [("quite another", "two different ones; nothing was written"), (None, "")])
async def test_two_different_passphrases_write_nothing(tmp_path: Path, again: str | None, told: str) -> None:
    async with console(world_of_connections()) as world:
        await command(world, f"connection-export with_secrets=true file={tmp_path}/keys.toml")
        await answer(world, "Passphrase that seals the keys?", PASSPHRASE)
        await answer(world, "The same passphrase again?", again)
        await world.until(lambda: told in world.jobs and not asked(world))
        assert ("two different" in world.jobs) is bool(told)
        assert (world.session.submitted, world.session.sealed) == ([], [])


# -- import


async def test_a_file_with_keys_asks_for_its_passphrase_and_each_connection_is_told_of(tmp_path: Path) -> None:
    path = written(tmp_path, sealed=True)
    async with console(world_of_connections(), size=(200, 40)) as world:
        await command(world, "connection-import")
        await answer(world, "Import connections from which file?", str(path))
        await answer(world, "Passphrase of the keys in the file?", PASSPHRASE)
        assert await handed_over(world) == ("connection.import", {"file": str(path)})
        assert world.session.sealed == [PASSPHRASE]
        other = "its key is left out: it was sealed for another address"
        taken = "there is one of that name; --replace changes it"
        ended(world, [
            {"name": "groq", "action": "add", "has_key": True, "note": None},
            {"name": "moved", "action": "add", "has_key": False, "note": other},
            {"name": "batch box", "action": "leave", "has_key": False, "note": taken},
        ])  # fmt: skip
        await world.until(lambda: "2 added, 1 left as it is, 1 without its key" in world.jobs)
        assert "(it was sealed for another address): moved" in world.jobs
        assert "replace=true" in world.jobs
        assert "--replace" not in world.jobs


async def test_an_empty_passphrase_leaves_the_keys_out_and_esc_leaves_everything(tmp_path: Path) -> None:
    path = written(tmp_path, sealed=True)
    async with console(world_of_connections()) as world:
        await command(world, f"connection-import file={path}")
        await answer(world, "Passphrase of the keys in the file?", None)
        await world.until(lambda: not asked(world))
        assert world.session.submitted == []
        await command(world, f"connection-import file={path}")
        await answer(world, "Passphrase of the keys in the file?", "")
        assert await handed_over(world) == ("connection.import", {"file": str(path)})
        assert world.session.sealed == []


async def test_a_trial_shows_what_it_would_do_and_asks_for_no_passphrase_without_keys(tmp_path: Path) -> None:
    path = written(tmp_path, sealed=False)
    async with console(world_of_connections()) as world:
        await command(world, f"connection-import file={path} dry_run=true")
        assert await handed_over(world) == ("connection.import", {"file": str(path), "dry_run": True})
        ended(world, [{"name": "groq", "action": "add", "has_key": False, "note": None}])
        await world.until(lambda: isinstance(world.app.screen, JsonScreen))
        await world.until(lambda: '"name": "groq"' in world.shown)
        assert "1 would be added" in world.jobs


async def test_a_trial_shows_no_json_to_somebody_who_went_on(tmp_path: Path) -> None:
    path = written(tmp_path, sealed=False)
    async with console(world_of_connections()) as world:
        await command(world, f"connection-import file={path} dry_run=true")
        await handed_over(world)
        await open_list(world)
        ended(world, [{"name": "groq", "action": "add", "has_key": False, "note": None}])
        await world.until(lambda: "1 would be added" in world.jobs)
        await world.until(lambda: not any(each.group == "actions" for each in world.app.workers))
        assert isinstance(world.app.screen, ConnectionsScreen)


async def test_a_file_that_is_none_is_said_at_once(tmp_path: Path) -> None:
    async with console(world_of_connections(), size=(200, 40)) as world:
        await command(world, f"connection-import file={tmp_path}/gone.toml")
        await world.until(lambda: "cannot be read" in world.jobs)
        assert world.session.submitted == []


@pytest.mark.parametrize(
    ("prepare", "told", "longest_seconds"),
    [
        (lambda world: None, "The import has not ended yet.", 0.1),
        (
            lambda world: world.session.hand_in(
                world_of_connections()._replace(jobs=[job("connection.import", "done", id="job-1")])
            ),
            "The connections are imported.",
            60.0,
        ),
    ],
    ids=["it takes long", "no agent answers"],
)
async def test_where_the_end_is_not_known_it_is_said_where_to_see_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Console], None],
    told: str,
    longest_seconds: float,
) -> None:
    monkeypatch.setattr(connection_exchange, "LONGEST_WAIT_SECONDS", longest_seconds)
    async with console(world_of_connections(), session=HeldSession()) as world:
        await command(world, f"connection-import file={written(tmp_path, sealed=False)}")
        await handed_over(world)
        prepare(world)
        await world.until(lambda: told in world.jobs)
        assert ":jobs, then enter" in world.jobs


async def test_one_that_fails_says_why_and_claims_nothing(tmp_path: Path) -> None:
    running = job("connection.import", id="job-1")
    failed = running._replace(state="failed", error_message="The passphrase does not open it.", version=2)
    async with console(world_of_connections(), size=(200, 40)) as world:
        await command(world, f"connection-import file={written(tmp_path, sealed=False)}")
        await handed_over(world)
        world.session.hand_in(world_of_connections()._replace(jobs=[running]))
        world.session.hand_in(world_of_connections()._replace(jobs=[failed]))
        await world.until(lambda: "The passphrase does not open it." in world.jobs)
        await world.until(lambda: not [each for each in world.app.workers if each.group == "actions"])
        assert "The passphrase does not open it." in world.jobs
