"""A deployment handed over is followed to its container, and what went wrong is said with what can be done about it."""

from __future__ import annotations

from typing import Any

import pytest

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.hosts.base import LayerProgress, PullProgress
from aicompute_tui.services.image_pull import progress_line
from aicompute_tui.store.rows import ContainerRow, JobRow
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.pull_progress import read_pull
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.deploy import DeployScreen
from tests.ui.console_world import container_row, job
from tests.ui.deploy_world import JOB, at, hand_in, opened, reviewed, written
from tests.ui.dialog_world import WrittenSession, console, shown, until
from tests.ui.wizard_world import one_line

MIB = 1 << 20
RESULT: JsonObject = {"result": {"name": "vllm", "answers": True, "endpoint": "http://127.0.0.1:8000/v1"}}


def deployment(progress: str, state: str = "running", **more: Any) -> JobRow:
    return job("container.deploy", state, id=JOB, progress=progress)._replace(**more)


async def handed_over(pilot, app: ConsoleApp) -> None:  # type: ignore[no-untyped-def]
    await reviewed(pilot, app)
    await pilot.press("enter")
    await until(pilot, lambda: "handed to the agent" in shown(app))


def made(**changes: Any) -> ContainerRow:
    return container_row("vllm", "lab-1", **changes)


def test_what_the_services_write_of_a_pull_is_read_back() -> None:
    step = PullProgress(
        "Downloading", 2, 5, 41 * MIB, 100 * MIB,
        (LayerProgress("9f2ab1c2d3e4", "downloading", 12 * MIB, 30 * MIB),
         LayerProgress("0ba2f9d8aaaa", "extracting", 0, 0)),
    )  # fmt: skip
    pull = read_pull(progress_line("ghcr.io/a/b:1", step))
    assert pull is not None
    assert (pull.image, pull.done, pull.layers, pull.percent) == ("ghcr.io/a/b:1", 2, 5, 41)
    first, second = pull.moving
    assert (first.id, first.share, first.told) == ("9f2ab1c2", 0.4, "12.0 MiB of 30.0 MiB")
    assert (second.id, second.doing, second.share) == ("0ba2f9d8", "extracting", None)


@pytest.mark.parametrize(
    "line", ["", "making the container", "pulling the model llama3.1:8b", "waiting for it to answer, 3s"]
)
def test_what_is_no_pull_of_an_image_is_not_taken_for_one(line: str) -> None:
    assert read_pull(line) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 10)])
async def test_the_image_is_followed_layer_by_layer_on_one_step(size: tuple[int, int]) -> None:
    session = written()
    app = console(session)
    async with app.run_test(size=size) as pilot:
        await handed_over(pilot, app)
        for done, percent in ((1, 20), (2, 50)):
            line = f"pulling vllm:1: {done} of 5 layers, {percent} %; 9f2ab1c2 downloading 12 MiB of 48 MiB; 3 more"
            hand_in(session, jobs=[deployment(line)])
        await until(pilot, lambda: "50%" in shown(app))
        text = shown(app)
        assert text.count("pulling vllm:1") == 1
        assert "25%" in text
        assert size[0] < 80 or ("2 of 5 layers" in text and "12 MiB of 48 MiB" in text)
        bars = [line.count("━") for line in text.splitlines() if "━" in line]
        assert bars[0] == 2 * bars[1]


@pytest.mark.asyncio
async def test_it_is_followed_to_its_endpoint_and_its_container() -> None:
    session = written({"job.show": RESULT, "container.show": {"name": "vllm"}})
    app = console(session)
    async with app.run_test() as pilot:
        await handed_over(pilot, app)
        hand_in(session, jobs=[deployment("waiting for it to answer, 2s")])
        hand_in(session, jobs=[deployment("waiting for it to answer, 3s")])
        await until(pilot, lambda: "waiting for it to answer, 3s" in shown(app))
        assert "2s" not in shown(app)
        hand_in(session, containers=[made()], jobs=[deployment("waiting for it to answer, 3s", "done")])
        await until(pilot, lambda: "vllm answers at http://127.0.0.1:8000/v1" in shown(app))
        await until(pilot, lambda: "Go to vllm" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, DeployScreen))


@pytest.mark.asyncio
async def test_one_that_did_not_answer_in_time_is_said_to_run() -> None:
    session = written({"job.show": {"result": {"name": "vllm", "answers": False, "endpoint": None}}})
    app = console(session)
    async with app.run_test() as pilot:
        await handed_over(pilot, app)
        hand_in(session, containers=[made()], jobs=[deployment("waiting for it to answer, 10m", "done")])
        await until(pilot, lambda: "vllm runs, but did not answer yet." in one_line(app))


FAILED = {"error_message": "Port 8000 of lab-1 is taken.", "error_next_step": "Choose another port."}


async def failed(pilot, app: ConsoleApp, session: WrittenSession, *containers: ContainerRow) -> None:  # type: ignore[no-untyped-def]
    await handed_over(pilot, app)
    hand_in(session, containers=containers, jobs=[deployment("starting it", "failed", **FAILED)])
    await until(pilot, lambda: "Port 8000 of lab-1 is taken. Choose another port." in one_line(app))


@pytest.mark.asyncio
async def test_what_could_not_start_is_offered_for_another_start() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await failed(pilot, app, session, made(state="created", started_at=None))
        assert all(each in shown(app) for each in ("Start vllm again", "Remove vllm", "Back to the review"))
        await pilot.press("enter")
        await until(pilot, lambda: len(session.submitted) == 2)
        await until(pilot, lambda: isinstance(app.screen, DeployScreen))
        hand_in(session, containers=[made()], jobs=[deployment("starting it", "failed", **FAILED)])
        await until(pilot, lambda: "Go to vllm" in shown(app))
    action_id, arguments = session.submitted[1]
    assert action_id == "container.start"
    assert arguments["names"] == [made().key]


@pytest.mark.asyncio
async def test_what_could_not_start_is_removed_only_after_a_question() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await failed(pilot, app, session, made(state="created", started_at=None))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "Remove vllm?" in shown(app)
        assert len(session.submitted) == 1


@pytest.mark.asyncio
async def test_what_ended_early_is_offered_with_its_log() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await failed(pilot, app, session, made(state="exited", exit_code=7))
        assert "Read the log of vllm" in shown(app)


@pytest.mark.asyncio
async def test_where_nothing_was_made_the_way_leads_back_to_the_review() -> None:
    """A container of that name which stood there before is not what came of it."""
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        hand_in(session, containers=[made()])
        await failed(pilot, app, session, made())
        assert "Remove vllm" not in shown(app)
        await pilot.press("enter")
        await at(pilot, app, "review")


@pytest.mark.asyncio
async def test_leaving_it_leaves_the_job_running_and_the_next_one_begins_anew() -> None:
    session = written()
    app = console(session)
    async with app.run_test() as pilot:
        await handed_over(pilot, app)
        hand_in(session, jobs=[deployment("making the container")])
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, DeployScreen))
        assert [action_id for action_id, _ in session.submitted] == ["container.deploy"]
        again = await opened(pilot, app)
        assert again.form["framework"] == ""
