"""One container whole: what it says at both sizes, its live figures, no secret, and streams that end with the view."""

from __future__ import annotations

from typing import Any

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.json import Json
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui import live_stream
from aicompute_tui.ui.screens.container import ContainerScreen
from aicompute_tui.ui.view_stack import Place
from aicompute_tui.ui.widgets.stats_panel import StatsPanel
from tests.ui.console_world import HOUR, NOW, Console, HeldSession, console, container_row, gpu, host_row, reading

SIZES = [(80, 24), (120, 40)]
KEY = "host-lab-1/id-ollama"
STREAMS = ("container.logs", "container.stats")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "RETRY_SECONDS", (0.05,))


def sample(second: int, **changes: Json) -> dict[str, Json]:
    values: dict[str, Json] = {
        "at": f"2026-11-20T14:02:{second:02}Z", "cpu_percent": 212.4, "memory_bytes": 9 << 30,
        "memory_limit_bytes": 32 << 30, "received_bytes": second * 2_048, "sent_bytes": second * 4_096,
        "read_bytes": 0, "written_bytes": second << 20, "processes": 7,
        "gpus": [gpu(0), gpu(1)], "gpu_problem": "",
    }  # fmt: skip
    return values | changes


SHOWN: dict[str, Json] = {
    "environment": {"HF_TOKEN": "…", "OLLAMA_HOST": "0.0.0.0"},
    "mounts": [{"type": "volume", "source": "models", "target": "/root/.ollama", "writable": True}],
    "processes": [{"pid": "4711", "cmd": "/bin/ollama serve"}],
    "image_created_at": "2026-11-06T14:02:00Z",
}
EVENTS: list[Json] = [
    {"at": "2026-11-20T14:00:00Z", "kind": "endpoint.ready", "message": "lab-1/ollama answers at http://10.0.0.1:1/v1",
     "level": "info", "after": {"url": "http://10.0.0.1:11434/v1"}},
    {"at": "2026-11-20T13:00:00Z", "kind": "container.killed", "message": "ollama on lab-1 was killed.",
     "level": "warning"},
]  # fmt: skip


def session(*samples: Json) -> HeldSession:
    held = HeldSession()
    held.streamed = {
        "container.logs": [{"lines": ["2026-11-20T14:01:00.000000000Z first line"], "source": "lab-1/ollama"}],
        "container.stats": list(samples),
    }
    held.answers = {"container.show": SHOWN, "event.list": EVENTS}
    return held


def lab(**changes: Any) -> Snapshot:
    row = container_row(
        "ollama", id="id-ollama", image="ollama/ollama:0.33", health="healthy", restart_count=2,
        gpus='{"count": -1, "device_ids": [], "driver": "nvidia"}', started_at=NOW - 2 * HOUR,
        ports='[[11434, "tcp", "127.0.0.1", 11434]]',
    )  # fmt: skip
    return reading(hosts=[host_row("lab-1")], containers=[row._replace(**changes)])


async def open_page(world: Console) -> None:
    world.app.views.enter(Place("container.show", {"name": KEY}))
    await world.until(lambda: bool(world.view.query("#details")) and "4711" in world.parts("#details"))


def open_streams(world: Console) -> list[str]:
    return sorted(each.action_id for each in world.session.opened if each.is_open)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_a_container_says_how_it_fares_and_where_it_is_reached(size: tuple[int, int]) -> None:
    async with console(lab(), session=session(sample(0), sample(1)), size=size) as world:
        await open_page(world)
        await world.until(lambda: "212 %" in world.shown and "first line" in world.shown)
        for text in ("Containers › ollama", "● healthy", "ollama/ollama:0.33 · built 14d ago", "up 2h", "2 restarts",
                     "http://10.0.0.1:11434/v1", "11434 → 11434", "asked for all, sees 2 × A10G",
                     "9.0 GiB / 32.0 GiB", "2.0 KiB/s", "4.0 KiB/s", "1.0 MiB/s", "7 processes", "37"):  # fmt: skip
            assert text in world.shown, f"{text}:\n{world.shown}"
        assert all(word in world.footer for word in ("l logs", "s shell", "x stop"))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_details_name_events_processes_mounts_and_no_secret(size: tuple[int, int]) -> None:
    async with console(lab(), session=session(), size=size) as world:
        await open_page(world)
        if size[0] < 100:
            assert "4711" not in world.shown
            await world.press("tab")
        await world.until(lambda: "4711" in world.shown)
        told = world.parts("#details")
        assert "HF_TOKEN=…" in told
        assert "OLLAMA_HOST=0.0.0.0" in told
        assert "/root/.ollama  volume models" in told
        assert "was killed." in told
        assert told.index("answers at") < told.index("was killed"), "the newest first"


@pytest.mark.asyncio
async def test_streams_end_with_the_view_and_come_back_with_it() -> None:
    async with console(lab(), session=session(sample(0))) as world:
        await open_page(world)
        await world.until(lambda: open_streams(world) == [*STREAMS])
        await world.press("question_mark")
        await world.until(lambda: open_streams(world) == [])
        await world.press("escape")
        await world.until(lambda: open_streams(world) == [*STREAMS])
        await world.press("escape")
        await world.until(lambda: open_streams(world) == [] and not isinstance(world.view, ContainerScreen))


@pytest.mark.asyncio
async def test_in_a_narrow_window_the_log_streams_only_while_it_is_shown() -> None:
    async with console(lab(), session=session(sample(0)), size=(80, 24)) as world:
        await open_page(world)
        await world.until(lambda: open_streams(world) == [*STREAMS])
        await world.press("tab")
        await world.until(lambda: open_streams(world) == ["container.stats"])
        await world.press("tab")
        await world.until(lambda: open_streams(world) == [*STREAMS])


@pytest.mark.asyncio
async def test_one_that_ends_stops_its_figures_and_may_be_started() -> None:
    async with console(lab(), session=session(sample(0))) as world:
        await open_page(world)
        await world.until(lambda: open_streams(world) == [*STREAMS])
        world.session.hand_in(lab(state="exited", exit_code=137, is_out_of_memory=1, finished_at=NOW))
        await world.until(lambda: "container.stats" not in open_streams(world))
        panel = world.view.query_one(StatsPanel)
        assert "uses nothing" in panel.text
        assert "used up its memory" in world.shown
        assert "u start" in world.footer
        world.session.hand_in(reading(hosts=[host_row("lab-1")]))
        await world.until(lambda: "It was removed" in world.shown and open_streams(world) == [])
        assert "ollama/ollama:0.33" in world.shown, "what was seen last stays"


@pytest.mark.asyncio
async def test_a_host_that_does_not_answer_leaves_what_is_stored() -> None:
    held = session()
    del held.streamed["container.stats"]
    async with console(lab(), session=held) as world:
        world.app.views.enter(Place("container.show", {"name": KEY}))
        await world.until(lambda: "No agent is running." in world.shown)
        assert "● healthy" in world.shown

        async def fails(action_id: str, arguments: object) -> Json:
            raise Unreachable("lab-1 does not answer.", "Try again.")

        held.query = fails  # type: ignore[method-assign]
        held.hand_in(lab(health="unhealthy"))
        await world.until(lambda: "The rest is not here: lab-1 does not answer." in world.parts("#details"))
        assert "⚠ unhealthy" in world.shown
