"""One machine whole: what it says live, its GPUs and set-up, what is old, and streams that end with the view."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.json import Json
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui import live_stream
from aicompute_tui.ui.glyphs import ASCII
from aicompute_tui.ui.widgets.machine_log import MachineLog
from aicompute_tui.ui.widgets.node_panel import NodePanel
from tests.ui.console_world import (
    HOUR,
    MINUTE,
    NOW,
    Console,
    HeldSession,
    console,
    gpu,
    machine,
    node,
    reading,
    step,
    tunnel,
)
from tests.ui.test_key_order import burst

SIZES = [(80, 24), (120, 40)]
IDLE: dict[str, Json] = {
    "checked_at": "2026-11-20T14:02:00Z", "idle_since": "2026-11-20T13:38:00Z", "idle_ends_at": "2026-11-20T14:08:00Z",
    "busy_because": "", "requests_running": 0.0, "requests_waiting": 2.0, "kv_cache_percent": 2.1,
    "loaded_models": ["llama-8b"], "notice": "",
}  # fmt: skip
STEPS: list[Json] = [
    step("boot", elapsed_seconds=43),
    step("image", elapsed_seconds=130),
    step("model", "running", name="llama-8b", percent=61, elapsed_seconds=70, detail="downloading 3.2 of 5.3 GiB"),
    step("ready", "waiting"),
]
READY: list[Json] = [step("boot"), step("ready")]

TOLD = (
    "● ready", "http://127.0.0.1:18412/v1", "(tunnel to 3.96.10.4)", "aic-tui instance ssh lab", "vLLM", "llama-8b",
    "0 running, 2 waiting, KV 2 %", "24m of 30m", "ends in 6m (idle)",
)  # fmt: skip


def item(**changes: Json) -> dict[str, Json]:
    """One answer of the stream, one minute fresher than what is stored."""
    values: dict[str, Json] = {
        "at": "2026-11-20T14:03:00Z", "gpus": [gpu(0)], "gpu_problem": "", "activity": IDLE, "steps": READY,
    }  # fmt: skip
    return values | changes


def streaming(*first: Json, log: tuple[str, ...] = ("first line",)) -> HeldSession:
    session = HeldSession()
    session.streamed = {"instance.metrics": list(first), "instance.logs": [{"lines": list(log)}]}
    session.answers["instance.show"] = {"name": "lab", "history": []}
    return session


def lab(**changes: object) -> Snapshot:
    return reading(
        [machine("lab", public_address="3.96.10.4")], nodes=[node("lab", **changes)], tunnels=[tunnel("lab")]
    )


def panel(world: Console) -> str:
    return world.view.query_one(NodePanel).text


def log(world: Console) -> MachineLog:
    return world.view.query_one(MachineLog)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_stream, "RETRY_SECONDS", (0.05,))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_a_machine_says_where_it_is_reached_what_it_does_and_what_ends_it(size: tuple[int, int]) -> None:
    idle = lab(activity=IDLE, gpus=[gpu(0)], steps=READY, idle_since=NOW - 24 * MINUTE, idle_ends_at=NOW + 6 * MINUTE)
    async with console(idle, session=streaming(), size=size) as world:
        await world.press("enter")
        await world.until(lambda: "first line" in world.shown)
        for text in TOLD:
            assert text in world.shown, text
        assert "37" in panel(world)
        assert "41" in panel(world)


@pytest.mark.asyncio
async def test_figures_come_live_and_only_what_changed_is_painted() -> None:
    session = streaming(item())
    async with console(lab(gpus=[gpu(0, utilisation_percent=1.0)]), session=session) as world:
        await world.press("enter")
        await world.until(lambda: "37 %" in panel(world))
        lines = world.view.query_one(NodePanel).lines
        await world.painted()
        painted: list[int] = []
        original = lines.render_line

        def counted(y: int) -> object:
            painted.append(y)
            return original(y)

        lines.render_line = counted  # type: ignore[method-assign,assignment]
        live = next(each for each in session.open_streams("instance.metrics"))
        live.send(item(at="2026-11-20T14:03:02Z"))
        await world.until(live.is_read)
        await world.painted()
        assert painted == []
        live.send(item(at="2026-11-20T14:03:04Z", gpus=[gpu(0, utilisation_percent=99.0)]))
        await world.until(lambda: "99 %" in panel(world) and bool(painted))
        await world.painted()
        assert painted == [0]


@pytest.mark.asyncio
async def test_stored_samples_come_first_in_the_line_of_a_gpu() -> None:
    session = streaming(item())
    session.moved_clock.move(minutes=1)
    session.stored = [{"at": "2026-11-20T13:50:00Z", "gpus": [gpu(0, utilisation_percent=100.0)]}]
    async with console(lab(gpus=[gpu(0)]), session=session) as world:
        await world.press("enter")
        await world.until(lambda: "█" in panel(world) and "▄" in panel(world))
        assert [each.arguments for each in session.opened if "since" in each.arguments] == [
            {"name": "id-lab", "since": "3600s"}
        ]


@pytest.mark.asyncio
async def test_a_hidden_view_has_no_stream_and_they_come_back_with_it() -> None:
    session = streaming(item())
    async with console(lab(), session=session) as world:
        await world.press("enter")
        await world.until(lambda: len(session.open_streams("instance.metrics")) == 1)
        await world.until(lambda: len(session.open_streams("instance.logs")) == 1)
        await world.press("y")
        await world.until(lambda: not any(each.is_open for each in session.opened))
        await world.press("escape")
        await world.until(lambda: len(session.open_streams("instance.metrics")) == 1)
        await world.until(lambda: len(session.open_streams("instance.logs")) == 1)
        assert "first line" in world.shown
        assert log(world).view.line_count == 1, "what was shown already is not shown twice"
        await world.press("escape")
        await world.until(lambda: not any(each.is_open for each in session.opened))


@pytest.mark.asyncio
async def test_a_stopped_machine_is_not_asked_for_figures() -> None:
    session = streaming(item())
    async with console(reading([machine("lab", state="stopped")]), session=session) as world:
        await world.press("enter")
        await world.until(lambda: bool(world.view.query(NodePanel)) and "stopped" in world.shown)
        await world.painted()
        assert session.open_streams("instance.metrics") == []


@pytest.mark.asyncio
async def test_old_figures_say_how_old_they_are() -> None:
    old = lab(gpus=[gpu(0)], activity=IDLE, read_at=NOW - 12 * MINUTE, steps=READY)
    async with console(old) as world:
        await world.press("enter")
        await world.until(lambda: "12m old" in panel(world))
        assert "12m old" in world.parts("#facts")
        assert "No agent is running." in log(world).problem


@pytest.mark.asyncio
async def test_an_agent_that_goes_and_comes_back_is_one_line_in_between() -> None:
    session = streaming(item(), log=("one", "two"))
    async with console(lab(gpus=[gpu(0)]), session=session) as world:
        await world.press("enter")
        await world.until(lambda: log(world).view.line_count == 2)
        streamed, session.streamed = session.streamed, {}
        for each in session.opened:
            each.end(Unreachable("The agent went away.", "Try again."))
        await world.until(lambda: "agent" in log(world).problem)
        session.streamed = {**streamed, "instance.logs": [{"lines": ["one", "two", "three"]}]}
        await world.until(lambda: log(world).view.line_count == 3)
        assert log(world).problem == ""
        assert list(log(world).view.lines()) == ["one", "two", "three"]


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_a_set_up_is_told_step_by_step_beside_what_is_usual(size: tuple[int, int]) -> None:
    session = streaming(item(steps=STEPS, activity=None))
    session.answers["instance.setup"] = {
        "steps": [{"stage": "model", "name": "llama-8b", "typical_seconds": 180}, {"stage": "boot", "name": ""}]
    }
    rows = reading([machine("lab", state="preparing")], nodes=[node("lab", steps=STEPS)])
    async with console(rows, session=session, size=size) as world:
        await world.press("enter")
        await world.until(lambda: "typical 3m" in panel(world))
        text = panel(world)
        for part in ("SETUP  2 of 4 steps", "model llama-8b", "61 %", "1m10", "downloading 3.2 of 5.3 GiB"):
            assert part in text, part
        assert text.count("typical") == 1, "nothing stands where nothing was measured"
        session.open_streams("instance.metrics")[0].send(item())
        await world.until(lambda: "GPU" in panel(world) and "SETUP" not in panel(world))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_a_failed_set_up_gives_its_whole_reason_and_the_next_key(size: tuple[int, int]) -> None:
    reason = "The token was refused for meta-llama/Llama-3.1-8B: ask for access on its page, then give one that has it."
    failed = [*STEPS[:2], step("model", "failed", name="llama-8b", detail=reason)]
    broken = machine("lab", state="degraded", error_kind="SetupFailed", error_message=f"Set-up failed: {reason}")
    async with console(reading([broken], nodes=[node("lab", steps=failed)]), size=size) as world:
        await world.press("enter")
        shown = " ".join(world.shown.split())
        assert "✕ model llama-8b" in shown
        assert shown.count(reason[:40]) == 1, "said once"
        assert "then give one that has it." in shown
        assert "l shows its log" in shown
        assert log(world).shown_source == "setup"


@pytest.mark.asyncio
async def test_eight_gpus_fit_a_small_terminal_and_more_scroll() -> None:
    eight = [gpu(index, utilisation_percent=100.0, memory_total_mib=144_384.0) for index in range(8)]
    async with console(lab(gpus=eight), session=streaming(log=("a line",)), size=(80, 24)) as world:
        await world.press("enter")
        await world.until(lambda: "a line" in world.shown)
        assert world.shown.count("100%") == 8
        assert all(len(line) <= 80 for line in world.shown.splitlines())
        world.session.hand_in(lab(gpus=[gpu(index) for index in range(40)]))
        await world.until(lambda: world.view.query_one(NodePanel).scrolls)
        burst(world.app, ["tab", "end"])
        await world.until(lambda: "\n 19 " in world.shown)
        burst(world.app, ["tab", "tab", "tab", "tab", "home"])
        await world.until(lambda: "\n 0 " in world.shown)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_what_a_driver_does_not_tell_is_unknown_and_never_zero(size: tuple[int, int]) -> None:
    silent = gpu(0, utilisation_percent=None, memory_used_mib=None, temperature_celsius=None, power_watts=None)
    async with console(lab(gpus=[silent]), size=size) as world:
        await world.press("enter")
        line = panel(world).splitlines()[1]
        assert line.count("–") == 4
        assert " 0" not in line.removeprefix("GPU 0").removeprefix("0")
        world.session.hand_in(lab(gpu_problem="The driver is not loaded."))
        await world.until(lambda: "⚠ The driver is not loaded." in panel(world))


@pytest.mark.asyncio
async def test_a_changed_host_key_and_a_taken_port_stand_in_words() -> None:
    refused = node("lab", link="failed", problem_kind="Refused", problem="The host key changed.", next_step="Ask why.")
    taken = tunnel("lab", state="failed", problem="another program has it")
    async with console(reading([machine("lab")], nodes=[refused], tunnels=[taken])) as world:
        await world.press("enter")
        assert "The host key changed. Ask why." in world.parts("#facts")
        assert "leads nowhere: another program has it" in world.parts("#facts")


@pytest.mark.asyncio
async def test_tab_goes_round_the_parts_and_shows_the_history_where_there_is_no_room() -> None:
    async with console(lab(), session=streaming(), size=(80, 24)) as world:
        await world.press("enter")
        await world.until(lambda: "first line" in world.shown)
        await world.press("tab")
        await world.until(lambda: "123456789012" in world.shown)
        assert "first line" not in world.shown
        await world.press("tab")
        await world.until(lambda: "first line" in world.shown and log(world).view.has_focus)


@pytest.mark.asyncio
async def test_resizing_in_the_middle_keeps_everything_readable() -> None:
    async with console(lab(gpus=[gpu(0), gpu(1)]), session=streaming(), size=(120, 40)) as world:
        await world.press("enter")
        await world.until(lambda: "first line" in world.shown)
        for size in ((80, 24), (40, 10), (8, 3), (200, 50), (120, 40)):
            await world.pilot.resize_terminal(*size)
            await world.pilot.pause()
        await world.until(lambda: "first line" in world.shown and "HISTORY" in world.shown and "GPU 1" in world.shown)


@pytest.mark.asyncio
async def test_copy_takes_the_endpoint_or_the_line_of_a_log_in_focus() -> None:
    async with console(lab(), session=streaming(log=("older", "newest"))) as world:
        await world.press("enter")
        await world.until(lambda: "newest" in world.shown)
        await world.press("c")
        assert "Copied endpoint http://127.0.0.1:18412/v1" in world.jobs
        await world.press("tab", "tab")
        await world.until(lambda: log(world).view.has_focus)
        await world.press("c")
        await world.until(lambda: "Copied line newest" in world.jobs)


@pytest.mark.asyncio
async def test_an_extended_idle_machine_shows_its_new_end_when_the_job_is_done() -> None:
    idle = lab(idle_since=NOW - 24 * MINUTE, idle_ends_at=NOW + 6 * MINUTE, activity=IDLE)
    async with console(idle, session=streaming()) as world:
        await world.press("enter", "plus")
        await world.until(lambda: bool(world.session.submitted))
        longer = machine("lab", awake_until=NOW + HOUR, expires_at=NOW + 8 * HOUR)
        world.session.hand_in(reading([longer], nodes=list(idle.nodes.values())))
        await world.until(lambda: "ends in 1h (idle)" in world.parts("#facts"))
        assert "kept awake until" in world.parts("#facts")


@pytest.mark.asyncio
async def test_without_utf8_the_detail_is_ascii() -> None:
    session = HeldSession(glyphs=ASCII)
    session.stored = [item()]
    rows = lab(gpus=[gpu(0)], steps=READY, activity=IDLE)
    setting_up = lab(gpus=[gpu(0)], steps=STEPS)
    async with console(rows, session=session) as world:
        await world.press("enter")
        assert "GPU 0" in panel(world)
        assert panel(world).isascii()
        world.session.hand_in(reading([machine("lab", state="preparing")], nodes=list(setting_up.nodes.values())))
        await world.until(lambda: "SETUP" in panel(world))
        assert panel(world).isascii()


@pytest.mark.asyncio
async def test_what_ends_it_follows_what_it_says_now_and_not_what_was_stored() -> None:
    busy: dict[str, Json] = {**IDLE, "idle_since": None, "idle_ends_at": None, "busy_because": "1 request runs"}
    stored = lab(activity=IDLE, steps=READY, idle_since=NOW - 24 * MINUTE, idle_ends_at=NOW + 6 * MINUTE)
    session = streaming(item(activity=busy))
    async with console(stored, session=session) as world:
        await world.press("enter")
        await world.until(lambda: "busy: 1 request runs" in world.parts("#facts"))
        assert "(idle)" not in world.parts("#facts")
        assert "ends in 7h" in world.parts("#facts")


@pytest.mark.asyncio
async def test_the_log_of_a_machine_that_is_gone_stays_and_follows_nothing() -> None:
    session = streaming(item(), log=("the last word",))
    async with console(lab(steps=READY), session=session) as world:
        await world.press("enter")
        await world.until(lambda: log(world).view.line_count == 1)
        assert "framework" in log(world).title
        assert "follow" in log(world).title
        going = machine("lab", state="terminating", desired_state="terminated")
        world.session.hand_in(reading([going]))
        await world.pilot.pause()
        assert "framework" in log(world).title, "it does not go over to the set-up's"
        world.session.hand_in(reading([machine("lab", state="terminated", ended_at=NOW, billing_since=None)]))
        await world.until(lambda: "ended" in log(world).title)
        assert "follow" not in log(world).title
        await world.until(lambda: not session.open_streams("instance.logs"))
        assert log(world).view.line_count == 1
