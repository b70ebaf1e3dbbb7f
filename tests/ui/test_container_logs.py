"""Logs of containers over the whole window: merged, told apart, joined after a break, counted, and never left open."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.json import Json
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui import live_stream
from aicompute_tui.ui.screens.container_logs import ContainerLogsScreen
from aicompute_tui.ui.view_stack import Place
from aicompute_tui.ui.widgets.container_log import CATCH_UP, ContainerLog
from aicompute_tui.ui.widgets.log_ring import MOST_LINES
from tests.ui.console_world import Console, HeldSession, HeldStream, console, container_row, host_row, reading

SIZES = [(80, 24), (120, 40)]
OLLAMA, WEBUI = "host-lab-1/id-ollama", "host-lab-1/id-webui"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "RETRY_SECONDS", (0.05,))


def lab(*, gone: Sequence[str] = ()) -> Snapshot:
    rows = [container_row(name, id=f"id-{name}") for name in ("ollama", "webui") if name not in gone]
    return reading(hosts=[host_row("lab-1")], containers=rows)


def line(second: float, text: str) -> str:
    return f"2026-11-20T14:03:{second:012.9f}Z {text}"


def said(name: str, *lines: str, stream: str = "stdout") -> dict[str, Json]:
    return {"source": f"lab-1/{name}", "stream": stream, "stamped": True, "lines": [*lines]}


def session(*first: Json) -> HeldSession:
    held = HeldSession()
    held.utc = True
    held.streamed = {"container.logs": list(first)}
    return held


def log(world: Console) -> ContainerLog:
    return world.view.query_one(ContainerLog)


def asked(world: Console) -> HeldStream:
    return world.session.open_streams("container.logs")[-1]


def lines(world: Console) -> list[str]:
    return [*log(world).view.lines()]


async def open_log(world: Console, *keys: str) -> None:
    names: list[Json] = list(keys or (OLLAMA,))
    world.app.views.enter(Place("container.logs", {"name": names[0], "names": names}))
    await world.until(lambda: bool(world.view.query(ContainerLog)) and log(world).view.line_count > 0)


BOTH = (
    said("ollama", line(1.112, "[GIN] 200 | POST /api/chat")),
    said("webui", line(1.12, "INFO completions"), stream="stderr"),
    said("ollama", line(2.5, "[GIN] 404"), line(2.6, "done")),
)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_several_logs_stand_in_the_order_they_come_each_with_its_name(size: tuple[int, int]) -> None:
    async with console(lab(), session=session(*BOTH), size=size) as world:
        await open_log(world, OLLAMA, WEBUI)
        await world.until(lambda: "done" in world.shown)
        assert asked(world).arguments == {"names": [OLLAMA, WEBUI], "follow": True, "tail": 200}
        assert "2 containers › log" in world.header
        assert "ollama + webui  by time  follow" in log(world).title
        painted = [each.strip().removeprefix("▸").strip() for each in world.shown.splitlines() if "│" in each]
        assert [each.rstrip("▁ ") for each in painted] == [
            "14:03:01 ollama │ [GIN] 200 | POST /api/chat",
            "┃14:03:01 webui  │ INFO completions",
            "14:03:02 ollama │ [GIN] 404",
            "14:03:02 ollama │ done",
        ]


@pytest.mark.asyncio
async def test_one_log_has_no_column_of_names_and_tells_stderr_apart() -> None:
    async with console(lab(), session=session(said("ollama", line(1, "oh no"), stream="stderr"))) as world:
        await open_log(world)
        await world.until(lambda: "14:03:01 oh no" in world.shown)
        assert "┃14:03:01 oh no" in world.shown
        assert "ollama › log" in world.header


@pytest.mark.asyncio
async def test_ranges_are_asked_by_keys() -> None:
    async with console(lab(), session=session(said("ollama", line(1, "one")))) as world:
        await open_log(world)
        for key, wanted in (("3", {"tail": 1_000_000, "since": "300s"}), ("6", {"tail": 1_000_000, "since": "3600s"}),
                            ("1", {"tail": 1_000_000}), ("0", {"tail": 1_000})):  # fmt: skip
            await world.press(key)
            await world.until(lambda wanted=wanted: asked(world).arguments == {  # type: ignore[misc]
                "names": [OLLAMA], "follow": True, **wanted})  # fmt: skip
            await world.until(lambda: lines(world) == [line(1, "one")])
            assert len(world.session.open_streams("container.logs")) == 1


@pytest.mark.asyncio
async def test_after_a_break_the_lines_go_on_where_they_were_and_none_comes_twice() -> None:
    async with console(lab(), session=session(*BOTH)) as world:
        await open_log(world, OLLAMA, WEBUI)
        await world.until(lambda: len(lines(world)) == 4)
        world.session.streamed["container.logs"] = [
            said("webui", line(1.12, "INFO completions"), stream="stderr"),
            said("ollama", line(2.5, "[GIN] 404"), line(2.6, "done"), line(3.0, "more")),
            said("webui", line(3.1, "too")),
        ]
        asked(world).end(Unreachable("The agent went away.", "Try again."))
        await world.until(lambda: any("too" in each for each in lines(world)))
        since = asked(world).arguments["since"]
        assert since == line(1.12, "").strip(), "from the last line of the one that fell silent first"
        assert asked(world).arguments["tail"] == CATCH_UP
        assert [each[31:] for each in lines(world)[4:]] == ["ollama │ more", "webui  │ too"]


@pytest.mark.asyncio
async def test_what_may_be_missing_after_a_break_is_said() -> None:
    async with console(lab(), session=session(said("ollama", line(1, "one")))) as world:
        await open_log(world)
        world.session.streamed["container.logs"] = [said("ollama", line(9, "nine"))]
        asked(world).end()
        await world.until(lambda: "nine" in world.shown)
        assert lines(world)[1] == "lines after 14:03:01 UTC may be missing: more came than is read again"


@pytest.mark.asyncio
async def test_gaps_and_ends_stand_between_the_lines_and_are_told_once() -> None:
    gap: Json = {"mark": "gap", "text": "The connection was lost from 14:03:05 UTC to 14:03:09 UTC; lines may be "
                 "missing.", "source": "lab-1/webui"}  # fmt: skip
    ended: Json = {"mark": "note", "text": "lab-1/ollama ended (exit code 1).", "source": "lab-1/ollama"}
    async with console(lab(), session=session(*BOTH, gap, ended)) as world:
        await open_log(world, OLLAMA, WEBUI)
        await world.until(lambda: "ended (exit code 1)" in world.shown)
        assert "webui: The connection was lost from 14:03:05 UTC" in world.shown
        later: Json = {"mark": "note", "text": "lab-1/ollama started.", "source": "lab-1/ollama"}
        world.session.streamed["container.logs"] = [ended, later]
        await world.press("question_mark")
        await world.until(lambda: not world.session.open_streams("container.logs"))
        await world.press("escape")
        await world.until(lambda: "lab-1/ollama started." in world.shown)
        assert world.shown.count("ended (exit code 1)") == 1


@pytest.mark.asyncio
async def test_dropped_lines_are_counted_exactly() -> None:
    async with console(lab(), session=session(said("ollama", line(1, "one")))) as world:
        await open_log(world)
        for number in range(21):
            asked(world).send(said("ollama", *(line(2, f"{number} {each}") for each in range(5_000))))
        await world.until(lambda: "20 4999" in world.shown)
        assert log(world).view.line_count == MOST_LINES
        assert log(world).view.dropped == 21 * 5_000 + 1 - MOST_LINES
        assert "5,001 dropped" in log(world).title


@pytest.mark.asyncio
async def test_a_view_that_is_left_or_covered_leaves_no_stream() -> None:
    async with console(lab(), session=session(*BOTH)) as world:
        await open_log(world, OLLAMA, WEBUI)
        for keys in (["question_mark"], ["ctrl+p"], ["escape"]):
            await world.press(*keys)
            await world.until(lambda: not [each for each in world.session.opened if each.is_open])
            if keys != ["escape"]:
                await world.press("escape")
                await world.until(lambda: len(world.session.open_streams("container.logs")) == 1)
        assert not isinstance(world.view, ContainerLogsScreen)


@pytest.mark.asyncio
async def test_the_log_of_a_container_that_is_removed_stays_readable() -> None:
    async with console(lab(), session=session(said("ollama", line(1, "last words")))) as world:
        await open_log(world)
        world.session.hand_in(lab(gone=["ollama"]))
        await world.until(lambda: not world.session.open_streams("container.logs"))
        assert "last words" in world.shown
        assert "ended" in log(world).title


@pytest.mark.asyncio
async def test_search_filter_and_copy_are_those_of_every_log() -> None:
    async with console(lab(), session=session(*BOTH)) as world:
        await open_log(world, OLLAMA, WEBUI)
        await world.press("ampersand", *"webui", "enter")
        await world.until(lambda: log(world).view.row_count == 1)
        await world.press("escape", "slash", *"GIN", "enter")
        await world.until(lambda: "of 2" in log(world).title)
        await world.press("C")
        await world.until(lambda: "lines in view" in world.jobs)
