"""Exporting what a view shows: its rows, order and columns, to a file of the person's own."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.services.export import export_path, write_rows
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.prompt import PromptDialog
from tests.ui.console_world import Console, console, machine, reading
from tests.ui.dialog_world import keys_for
from tests.ui.fleet import FullSession, fleet, rest

FLEET = reading([machine("lab", price_usd_per_hour=1.2), machine("embed"), machine("coder", price_usd_per_hour=0.9)])


async def command(world: Console, line: str) -> None:
    await world.press("colon", *keys_for(line), "enter")


@pytest.mark.asyncio
async def test_rows_go_out_as_they_stand_with_raw_values_and_units(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    async with console(FLEET) as world:
        await world.press("2", "P", "slash", *keys_for("price>0.5"), "enter")
        await command(world, f"export {path}")
        await world.until(lambda: f"Wrote 2 rows to {path}" in world.jobs)
    rows = json.loads(path.read_text())
    assert [(row["name"], row["price_usd_per_hour"], row["cost_usd"]) for row in rows] == [
        ("lab", 1.2, 1.2), ("coder", 0.9, 0.9),
    ]  # fmt: skip
    assert rows[0]["expires_at"] == "2026-11-20T21:02:00Z"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["machines", "events", "jobs", "credentials", "settings", "doctor", "types"])
async def test_every_table_goes_out(word: str, tmp_path: Path) -> None:
    async with console(fleet(), session=FullSession()) as world:
        await command(world, word)
        await rest(world)
        table = world.view.active_table
        assert table is not None
        shown = len(table.order)
        await command(world, f"export {tmp_path}/rows.csv")
        await world.until(lambda: f"to {tmp_path}/rows.csv" in world.jobs)
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == shown > 0
    assert len(rows[0]) >= 2


@pytest.mark.asyncio
async def test_the_key_asks_and_a_file_that_is_there_is_replaced_after_a_question_only(tmp_path: Path) -> None:
    path = tmp_path / "rows.yaml"
    path.write_text("mine")
    async with console(FLEET) as world:
        await world.press("2", "ctrl+e")
        await world.until(lambda: isinstance(world.app.screen, PromptDialog))
        await world.press("ctrl+u", *keys_for(f"{tmp_path}/rows.txt"), "enter")
        assert "says no format" in world.shown
        await world.press("ctrl+u", *keys_for(str(path)), "enter")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("escape")
        assert path.read_text() == "mine"
        await command(world, f"export {path}")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.press("right", "enter")
        await world.until(lambda: "Wrote 3 rows" in world.jobs)
    assert path.read_text().startswith('- id: "id-')
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.asyncio
async def test_a_bad_path_is_a_sentence_and_an_empty_table_writes_nothing(tmp_path: Path) -> None:
    async with console(FLEET) as world:
        await command(world, "export /no/such/folder/x.csv")
        await world.until(lambda: "There is no folder /no/such/folder." in world.jobs)
    async with console() as world:
        await command(world, f"export {tmp_path}/x.csv")
        await world.until(lambda: "no row to export" in world.jobs)
    assert not (tmp_path / "x.csv").exists()


def test_a_home_is_expanded_and_what_cannot_be_a_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert export_path("~/x.CSV") == tmp_path / "x.CSV"
    (tmp_path / "d.csv").mkdir()
    for text in ("", "  ", "x", "x.pdf", "~/d.csv", "a" * 5000 + ".csv", "x\0.csv", "~nobody-like-it/x.csv"):
        with pytest.raises(InvalidInput) as caught:
            write_rows(export_path(text), [{"a": 1}])
        assert caught.value.next_step


def test_what_cannot_be_written_leaves_no_half_file_and_no_link_is_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("mine")
    (tmp_path / "link.json").symlink_to(kept)
    with pytest.raises(InvalidInput):
        write_rows(tmp_path / "link.json", [{"a": 1}])
    write_rows(tmp_path / "link.json", [{"a": 1}], replace=True)
    assert kept.read_text() == "mine"
    assert not list(tmp_path.glob(".aic-tui-*"))
