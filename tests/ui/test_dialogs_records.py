"""The plain lists: rows, filter, JSON, and what their keys do with the row under the cursor."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import event_records, job_records
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.records import DOCTOR, TYPES, rows_by_key
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.records import RecordScreen
from tests.ui.dialog_world import WrittenSession, console, keys_for, shown, until

JOB: JsonObject = {
    "id": "0193-job", "action_id": "instance.launch", "state": "running", "progress": "asking in ca-central-1b",
    "subject": None, "parameters": {"name": "lab"}, "created_by": "ann@box", "created_at": "2026-11-20T08:50:00Z",
    "started_at": "2026-11-20T08:50:01Z", "ended_at": None, "error_message": None, "error_next_step": None,
}  # fmt: skip
FAILED_JOB: JsonObject = {
    **JOB, "id": "0193-other", "action_id": "instance.terminate", "state": "failed",
    "parameters": {"names": ["日本語の機械", "מכונה"]}, "error_message": "מכונה is protected.",
    "error_next_step": "Type its name.", "ended_at": "2026-11-20T08:51:00Z",
}  # fmt: skip
EVENTS: list[Json] = [
    {"id": "1", "at": "2026-11-20T08:00:00Z", "actor": "agent@jump", "kind": "instance.launched", "level": "info",
     "subject_name": "lab", "message": "Launched g5.xlarge.", "before": {"state": "launching"},
     "after": {"state": "booting"}},
    {"id": "2", "at": "2026-11-20T08:10:00Z", "actor": "cloud", "kind": "instance.lost", "level": "error",
     "subject_name": "embed", "message": "The cloud denies it.", "before": {}, "after": {}},
]  # fmt: skip
DOCTOR_ROWS: list[Json] = [
    {"check": "database", "verdict": "ok", "reason": "SQLite", "next_step": ""},
    {"check": "clock", "verdict": "failed", "reason": "6 min off.", "next_step": "Set the clock."},
]
ANSWERS: dict[str, Json] = {
    "job.list": [JOB, FAILED_JOB],
    "event.list": EVENTS,
    "doctor.run": DOCTOR_ROWS,
}


async def opened(pilot: Pilot[int], app: ConsoleApp, word: str) -> RecordScreen:
    """The list behind `:word`, its rows there."""
    await pilot.press("colon", *keys_for(word), "enter")
    await until(pilot, lambda: isinstance(app.screen, RecordScreen) and app.screen.table.rows)
    await pilot.pause()
    assert isinstance(app.screen, RecordScreen)
    return app.screen


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
async def test_every_list_shows_its_rows_and_the_row_in_full(size: tuple[int, int]) -> None:
    app = console(WrittenSession(ANSWERS))
    async with app.run_test(size=size) as pilot:
        for records in (job_records.JOBS, event_records.EVENTS, TYPES, DOCTOR):
            screen = await opened(pilot, app, records.word)
            row = next(iter(screen.table.rows.values()))
            assert records.title in shown(app)
            if records.told is not None:
                assert records.told(screen.session, row)[:20] in shown(app)
            if records.lines is not None:
                first = records.lines(screen.session, row, 60)[0].plain
                assert first.strip() in shown(app)


@pytest.mark.asyncio
async def test_a_job_is_cancelled_after_a_question_only() -> None:
    session = WrittenSession(ANSWERS)
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app, "jobs")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "Cancel “Launch a machine”?" in shown(app)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RecordScreen))
        assert not session.submitted
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: session.submitted)
    assert session.submitted == [("job.cancel", {"id": "0193-job"})]


@pytest.mark.asyncio
async def test_read_only_does_not_cancel() -> None:
    session = WrittenSession(ANSWERS, read_only=True)
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app, "jobs")
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(app.screen, RecordScreen)
    assert not session.submitted


@pytest.mark.asyncio
async def test_without_an_agent_the_list_says_so_in_one_line() -> None:
    gone = Unreachable("No agent is running.", "Start one: aic-tui agent")
    app = console(WrittenSession({"event.list": gone}))
    async with app.run_test() as pilot:
        await pilot.press("9")
        await until(pilot, lambda: "No agent is running. Start one: aic-tui agent" in shown(app))


@pytest.mark.asyncio
async def test_a_view_opens_already_filtered() -> None:
    app = console(WrittenSession(ANSWERS))
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("events /level:error"), "enter")
        await until(pilot, lambda: isinstance(app.screen, RecordScreen) and "/level:error" in shown(app))
        await until(pilot, lambda: "embed" in shown(app) and "Launched g5" not in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: "Launched g5" in shown(app))


@pytest.mark.asyncio
async def test_a_record_is_read_as_json_and_copied_whole() -> None:
    app = console(WrittenSession(ANSWERS))
    async with app.run_test() as pilot:
        await opened(pilot, app, "jobs")
        await pilot.press("y")
        await until(pilot, lambda: '"action_id": "instance.launch"' in shown(app))
        await pilot.press("c")
        await until(pilot, lambda: '"action_id": "instance.launch"' in app.clipboard)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RecordScreen))


@pytest.mark.asyncio
async def test_json_of_any_size_and_any_text_is_shown() -> None:
    value: Json = {
        "wide": "日本語" * 5_000,
        "broken": "a\ud800b\u202e",
        "rows": list(range(20_000)),
        "big": "x" * 1_000_000,
    }
    app = console(WrittenSession(ANSWERS))
    async with app.run_test(size=(40, 10)) as pilot:
        app.show_json("日本語[red]", value)
        await until(pilot, lambda: "日本語[red]" in shown(app))
        await pilot.press("G")
        await until(pilot, lambda: "}" in shown(app))
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard)
        assert len(app.clipboard.encode()) <= 74_994


def test_rows_that_need_someone_come_first_in_the_doctors_list() -> None:
    assert list(rows_by_key(DOCTOR, DOCTOR_ROWS)) == ["clock", "database"]


def test_rows_of_one_name_both_stay_and_nonsense_is_left_out() -> None:
    answer: list[Json] = [*DOCTOR_ROWS, {"check": "clock", "verdict": "what"}, "text", None]
    assert len(rows_by_key(DOCTOR, answer)) == 3
    assert rows_by_key(DOCTOR, None) == {}
