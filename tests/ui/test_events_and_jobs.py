"""The audit narrowed, followed and read back; jobs cancelled, retried and told in full."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.detail import DetailScreen
from aicompute_tui.ui.screens.events import PAGE, EventsScreen
from aicompute_tui.ui.screens.json_view import JsonScreen
from aicompute_tui.ui.widgets.record_pane import RecordPane
from tests.ui.console_world import Console, HeldSession, console, job, machine, reading


def event(number: int, **changes: Json) -> JsonObject:
    return {
        "id": f"event-{number:05}", "at": "2026-11-20T13:00:00Z", "level": "info", "actor": "ana@jump",
        "kind": "instance.extended", "subject_kind": "instance", "subject_id": "id-lab", "subject_name": "lab",
        "message": f"lab ends later, {number}", "before": {"expires_at": "2026-11-20T16:00:00Z", "owner": "ana"},
        "after": {"expires_at": "2026-11-20T18:00:00Z", "owner": "ana"}, **changes,
    }  # fmt: skip


class Audit(HeldSession):
    """Holds `count` events and answers the newest of them."""

    def __init__(self, count: int, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        self.utc = True
        self.events = [event(number) for number in range(count, 0, -1)]
        self.asked: list[dict[str, Json]] = []
        self.streamed["event.follow"] = []

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id != "event.list":
            return await super().query(action_id, arguments)
        self.asked.append(dict(arguments))
        return list(self.events[: int(str(arguments["limit"]))])


def pane(world: Console) -> str:
    return world.view.query_one(RecordPane).text


def events_view(world: Console) -> EventsScreen:
    assert isinstance(world.view, EventsScreen)
    return world.view


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_event_is_told_field_by_field_before_and_after(size: tuple[int, int]) -> None:
    async with console(reading([machine("lab")]), session=Audit(3), size=size) as world:
        await world.press("9")
        await world.until(lambda: "before" in pane(world))
        changed = next(line for line in pane(world).splitlines() if line.startswith("expires_at"))
        assert changed.split() == ["expires_at", "2026-11-20", "16:00:00Z", "→", "2026-11-20", "18:00:00Z"]
        same = next(line for line in pane(world).splitlines() if line.startswith("owner"))
        assert "→" not in same
        assert "2026-11-20 13:00:00Z by ana@jump" in pane(world)
        assert changed.strip() in world.shown, "it stands on the screen without scrolling"


@pytest.mark.asyncio
async def test_a_view_opened_with_a_filter_asks_the_store_for_it_and_says_so() -> None:
    session = Audit(3)
    async with console(session=session) as world:
        await world.press("colon", *"events actor=ana level=warning since=2h", "enter")
        await world.until(lambda: bool(session.asked))
        assert session.asked[0] == {"actor": "ana", "level": "warning", "since": "2h", "limit": str(PAGE)}
        assert "Events › actor ana › since 2h › level warning" in world.header
        await world.until(lambda: bool(session.open_streams("event.follow")))
        assert session.open_streams("event.follow")[0].arguments == {"actor": "ana", "level": "warning", "since": "2h"}


@pytest.mark.asyncio
async def test_the_last_row_asks_for_older_ones_and_the_cursor_stays() -> None:
    session = Audit(PAGE + 50)
    async with console(session=session) as world:
        await world.press("9")
        await world.until(lambda: len(events_view(world).table.order) == PAGE)
        await world.press("end")
        last = events_view(world).table.cursor_id
        await world.until(lambda: len(events_view(world).table.order) == PAGE + 50)
        assert events_view(world).table.cursor_id == last
        await world.press("end")
        await world.painted()
        assert session.asked[-1]["limit"] == str(2 * PAGE), "what is all here is not asked for again"


@pytest.mark.asyncio
async def test_new_events_come_by_themselves_and_hold_still_below_the_newest() -> None:
    session = Audit(3)
    async with console(session=session) as world:
        await world.press("9")
        await world.until(
            lambda: len(events_view(world).table.order) == 3 and bool(session.open_streams("event.follow"))
        )
        table = events_view(world).table
        stream = session.open_streams("event.follow")[0]
        stream.send(event(4))
        await world.until(lambda: table.cursor_id == "event-00004")
        await world.press("down")
        stream.send(event(5))
        await world.until(lambda: len(table.order) == 5)
        assert table.cursor_id == "event-00003"
        stream.send(event(5))
        stream.send(event(6))
        await world.until(lambda: "event-00006" in table.order)
        assert len(table.order) == 6, "an event stands once"
        await world.press("1")
        await world.until(lambda: not session.open_streams("event.follow"))


@pytest.mark.asyncio
async def test_enter_opens_the_machine_and_where_there_is_none_the_event() -> None:
    session = Audit(0)
    session.events = [event(2), event(1, subject_id="gone", subject_name="gone")]
    async with console(reading([machine("lab")]), session=session) as world:
        await world.press("9")
        await world.until(lambda: len(events_view(world).table.order) == 2)
        await world.press("down", "enter")
        assert isinstance(world.app.screen, JsonScreen)
        await world.press("escape", "up", "enter")
        assert isinstance(world.view, DetailScreen)
        await world.press("escape")
        assert isinstance(world.view, EventsScreen)


JOB: JsonObject = {
    "id": "job-1", "action_id": "instance.launch", "state": "failed", "progress": "trying ca-central-1b",
    "subject": "gone", "parameters": {"name": "lab", "type": "p5.48xlarge"}, "created_by": "ana@jump", "result": None,
    "created_at": "2026-11-20T13:00:00Z", "started_at": "2026-11-20T13:00:01Z", "ended_at": "2026-11-20T13:02:01Z",
    "error_kind": "OutOfQuota", "error_message": "All P5 Spot Instance Requests allows 0 vCPUs in us-east-1.",
    "error_next_step": "Ask for more quota.",
}  # fmt: skip
DONE: JsonObject = {**JOB, "id": "job-2", "state": "done", "error_message": None, "error_next_step": None,
                    "error_kind": None, "result": [{"name": "lab", "state": "ready"}]}  # fmt: skip
RUNNING: JsonObject = {**DONE, "id": "job-3", "state": "running", "result": None, "ended_at": None}


def jobs_session(*rows: JsonObject, read_only: bool = False) -> HeldSession:
    session = HeldSession(read_only=read_only)
    session.utc = True
    session.answers["job.list"] = list(rows)
    return session


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_job_is_told_with_its_error_and_what_it_was_given(size: tuple[int, int]) -> None:
    async with console(session=jobs_session(JOB, DONE), size=size) as world:
        await world.press("0")
        await world.until(lambda: "Ask for more quota." in pane(world))
        for part in ("✕ failed  after 2m", "2026-11-20 13:00:00Z by ana@jump", "allows 0 vCPUs", "p5.48xlarge"):
            assert part in pane(world)
        assert "r retry" in world.footer
        assert "x cancel" not in world.footer
        await world.press("down")
        await world.until(lambda: "RESULT" in pane(world))
        assert "ready" in pane(world)
        assert "r retry" not in world.footer


@pytest.mark.asyncio
async def test_a_failed_job_is_retried_after_a_question_that_says_what_it_does() -> None:
    session = jobs_session(JOB)
    async with console(session=session) as world:
        await world.press("0")
        await world.until(lambda: "OutOfQuota" in pane(world))
        await world.press("r")
        assert isinstance(world.app.screen, ConfirmDialog)
        assert "p5.48xlarge" in world.shown
        await world.press("escape")
        assert session.submitted == []
        await world.press("r", "right", "enter")
        await world.until(lambda: bool(session.submitted))
        assert session.submitted[0][:2] == ("job.retry", {"id": "job-1"})


@pytest.mark.asyncio
async def test_read_only_offers_no_retry() -> None:
    session = jobs_session(JOB, read_only=True)
    async with console(session=session) as world:
        await world.press("0")
        await world.until(lambda: "OutOfQuota" in pane(world))
        assert "retry" not in world.footer
        await world.press("r")
        assert not isinstance(world.app.screen, ConfirmDialog)


@pytest.mark.asyncio
async def test_progress_that_never_rests_is_shown_all_the_same() -> None:
    session = jobs_session(RUNNING)
    async with console(session=session) as world:
        await world.press("0")
        await world.until(lambda: "trying ca-central-1b" in pane(world))
        session.answers["job.list"] = [{**RUNNING, "progress": "pulling 61%"}]
        row = job("instance.launch", id="job-3")
        for number in range(400):
            session.hand_in(reading(jobs=[row._replace(progress=f"step {number}", version=number)]))
            await world.pilot.pause(0.02)
            if "pulling 61%" in pane(world):
                return
        raise AssertionError("a list that follows the store waited for it to rest")
