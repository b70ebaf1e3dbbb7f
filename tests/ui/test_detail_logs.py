"""The log of one machine: which log, ranges, search and filter, gaps, saving and copying."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput, Unreachable
from aicompute_tui.domain.json import Json
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui import live_stream
from aicompute_tui.ui.log_overlap import LogOverlap
from aicompute_tui.ui.screens.help import HelpScreen
from aicompute_tui.ui.screens.logs import LogsScreen
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.widgets.machine_log import MachineLog
from tests.ui.console_world import Console, HeldSession, HeldStream, console, machine, node, reading, step

READY: list[Json] = [step("ready")]
LINES = [f"{number} INFO fine" for number in range(40)]
LINES[7], LINES[30] = "7 ERROR broken pipe", "30 ERROR broken pipe"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "RETRY_SECONDS", (0.05,))


def rows(*steps: Json, **changes: object) -> Snapshot:
    return reading([machine("lab", **changes)], nodes=[node("lab", steps=list(steps))])


def session(lines: list[str] | None = None) -> HeldSession:
    held = HeldSession()
    shown: list[Json] = [*(LINES if lines is None else lines)]
    held.streamed = {"instance.logs": [{"lines": shown}]}
    return held


def log(world: Console) -> MachineLog:
    return world.view.query_one(MachineLog)


def asked(world: Console) -> HeldStream:
    return world.session.open_streams("instance.logs")[-1]


async def open_log(world: Console) -> None:
    await world.press("l")
    await world.until(lambda: isinstance(world.view, LogsScreen) and log(world).view.line_count > 0)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_l_opens_the_log_of_the_machine_and_says_which(size: tuple[int, int]) -> None:
    async with console(rows(*READY), session=session(), size=size) as world:
        await open_log(world)
        assert "lab › log" in world.header
        await world.until(lambda: "39 INFO fine" in world.shown)
        assert "framework" in log(world).title
        assert "follow" in log(world).title
        assert asked(world).arguments == {"name": "id-lab", "source": "auto", "follow": True, "tail": 200}
        assert all(word in world.footer for word in ("f follow", "/ search", "o source"))
        await world.press("escape")
        await world.until(lambda: not world.session.open_streams("instance.logs"))


@pytest.mark.asyncio
async def test_the_source_is_switched_and_named() -> None:
    async with console(rows(step("image", "running"), state="preparing"), session=session()) as world:
        await open_log(world)
        assert "setup" in log(world).title
        seen = []
        for _ in range(5):
            await world.press("o")
            await world.until(lambda: bool(world.session.open_streams("instance.logs")))
            seen.append(str(asked(world).arguments["source"]))
            assert len(world.session.open_streams("instance.logs")) == 1
        assert sorted(seen) == ["auto", "cloud-init", "framework", "node", "setup"]


@pytest.mark.asyncio
async def test_auto_goes_over_to_the_server_when_the_set_up_is_done() -> None:
    async with console(rows(step("image", "running"), state="preparing"), session=session(["pulling"])) as world:
        await open_log(world)
        told: Json = {"mark": "note", "text": "The log of framework on lab.", "at": None}
        world.session.streamed["instance.logs"] = [told, {"lines": ["served"]}]
        world.session.hand_in(rows(*READY))
        await world.until(lambda: "served" in world.shown)
        assert "framework" in log(world).title
        assert "from here on the log of framework" in world.shown
        assert "The log of framework on lab." not in world.shown, "said once"
        assert len(world.session.open_streams("instance.logs")) == 1


@pytest.mark.asyncio
async def test_search_counts_and_steps_and_the_filter_keeps_only_its_lines() -> None:
    async with console(rows(*READY), session=session()) as world:
        await open_log(world)
        await world.press("slash", *"ERROR", "enter")
        await world.until(lambda: "of 2" in log(world).title)
        before = log(world).title
        await world.press("n")
        await world.until(lambda: log(world).title != before)
        await world.press("escape", "ampersand", *"broken", "enter")
        await world.until(lambda: log(world).view.row_count == 2)
        assert "&broken" in log(world).title
        assert isinstance(world.view, LogsScreen), "escape leaves the search first"
        await world.press("escape")
        await world.until(lambda: log(world).view.row_count == len(LINES))
        await world.press("ampersand", *"/[/", "enter")
        await world.until(lambda: "expression" in world.shown)
        await world.press("escape", "escape")
        await world.until(lambda: not isinstance(world.view, LogsScreen))


@pytest.mark.asyncio
async def test_lines_that_come_while_it_is_paused_are_counted() -> None:
    async with console(rows(*READY), session=session()) as world:
        await open_log(world)
        await world.press("f")
        await world.until(lambda: "paused" in log(world).title)
        asked(world).send({"lines": ["new one", "new two"]})
        await world.until(lambda: "2 new" in log(world).title)
        assert "new two" not in world.shown
        await world.press("end")
        await world.until(lambda: "new two" in world.shown and "follow" in log(world).title)


@pytest.mark.asyncio
async def test_a_range_asks_again_and_a_log_without_times_says_so() -> None:
    async with console(rows(*READY), session=session()) as world:
        await open_log(world)
        await world.press("3")
        await world.until(lambda: asked(world).arguments.get("since") == "300s")
        assert "last 5m" in log(world).title
        await world.press("0")
        await world.until(lambda: asked(world).arguments == {
            "name": "id-lab", "source": "auto", "follow": True, "tail": 1000})  # fmt: skip
        await world.press("o", "4")
        await world.until(lambda: "carries no times" in log(world).problem)


@pytest.mark.asyncio
async def test_gaps_and_the_end_of_a_log_stand_between_its_lines() -> None:
    async with console(rows(*READY), session=session(["before"])) as world:
        await open_log(world)
        asked(world).send({"mark": "gap", "text": "The connection was lost from 14:02 to 14:03.", "at": None})
        asked(world).send({"lines": ["after"]})
        await world.until(lambda: "after" in world.shown)
        assert "The connection was lost from 14:02 to 14:03." in world.shown


@pytest.mark.asyncio
async def test_what_was_missed_for_certain_is_marked() -> None:
    async with console(rows(*READY), session=session(["before"])) as world:
        await open_log(world)
        world.session.streamed["instance.logs"] = [{"lines": ["much later"]}]
        asked(world).end(Unreachable("The agent went away.", "Try again."))
        await world.until(lambda: "much later" in world.shown)
        assert "lines may be missing" in world.shown


@pytest.mark.asyncio
async def test_lines_asked_for_again_join_those_shown_in_whatever_pieces_they_come() -> None:
    lines = [f"{number} INFO fine" for number in range(300)]
    async with console(rows(*READY), session=session(lines[:250])) as world:
        await open_log(world)
        pieces: list[Json] = [{"lines": [*lines[80:160]]}, {"lines": [*lines[160:280]]}]
        world.session.streamed["instance.logs"] = pieces
        asked(world).end(Unreachable("The agent went away.", "Try again."))
        await world.until(lambda: log(world).view.line_count >= 280)
        asked(world).send({"lines": [*lines[280:]]})
        await world.until(lambda: log(world).view.line_count >= 300)
        assert list(log(world).view.lines()) == lines, "none twice, and nothing is said to be missing"


@pytest.mark.asyncio
async def test_a_question_that_is_wrong_is_asked_once() -> None:
    async with console(rows(*READY), session=session()) as world:
        await open_log(world)
        asked(world).end(InvalidInput("There is no log “x”.", "Give another."))
        await world.until(lambda: "There is no log" in log(world).problem)
        await world.pilot.pause(0.2)
        assert world.session.open_streams("instance.logs") == []


@pytest.mark.asyncio
async def test_saving_writes_a_private_file_and_says_where(tmp_path: Path) -> None:
    async with console(rows(*READY), session=session()) as world:
        await open_log(world)
        await world.press("S")
        await world.until(lambda: isinstance(world.app.screen, PromptDialog))
        dialog = world.app.screen
        assert isinstance(dialog, PromptDialog)
        line = dialog.query_one("#line")
        line.value = str(tmp_path / "nowhere" / "x.log")  # type: ignore[attr-defined]
        await world.press("enter")
        assert isinstance(world.app.screen, PromptDialog), "a folder that is not there is said at once"
        target = tmp_path / "lab.log"
        line.value = str(target)  # type: ignore[attr-defined]
        await world.press("enter")
        await world.until(lambda: "Saved 40 lines" in world.jobs)
        assert target.read_text().splitlines() == LINES
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


@pytest.mark.asyncio
async def test_the_line_and_the_view_are_copied() -> None:
    async with console(rows(*READY), session=session(["older", "newest"])) as world:
        await open_log(world)
        await world.press("c")
        await world.until(lambda: "Copied line newest" in world.jobs)
        await world.press("C")
        await world.until(lambda: "Copied the lines in view" in world.jobs)
        assert world.app.clipboard == "older\nnewest"


@pytest.mark.asyncio
async def test_help_names_the_keys_of_a_log() -> None:
    async with console(rows(*READY), session=session()) as world:
        await open_log(world)
        await world.press("question_mark")
        await world.until(lambda: isinstance(world.app.screen, HelpScreen))
        help_screen = world.app.screen
        assert isinstance(help_screen, HelpScreen)
        keys = {line.keys for section in help_screen.found for line in section.lines}
        assert {"f", "n", "N", "w", "m", "o", "S", "C", "&", "ctrl+t"} <= keys


@pytest.mark.asyncio
async def test_a_log_by_word_takes_its_source_and_lines() -> None:
    async with console(rows(*READY), session=session()) as world:
        await world.press("colon", *"logs lab source=node tail=50", "enter")
        await world.until(lambda: isinstance(world.view, LogsScreen))
        await world.until(lambda: bool(world.session.open_streams("instance.logs")))
        assert asked(world).arguments["source"] == "node"
        assert asked(world).arguments["tail"] == 50


def test_lines_asked_for_again_join_those_shown() -> None:
    overlap = LogOverlap()
    overlap.add(["a", "b", "c"])
    assert list(overlap.rest(["b", "c", "d", "e"]) or []) == ["d", "e"]
    assert list(overlap.rest(["a", "b", "c"]) or []) == []
    assert overlap.rest(["x", "y"]) is None
    overlap.add(["same"] * 20)
    assert list(overlap.rest(["same"] * 9 + ["new"]) or []) == ["new"]
